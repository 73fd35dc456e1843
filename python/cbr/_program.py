"""The command `cbr`, which lies in the package as it was compiled."""

import os
import pathlib
import sys


def main() -> None:
    """Becomes the program. Does not return."""
    here = pathlib.Path(__file__).parent
    # In a wheel; or in the build folder, which an editable install points to.
    for program in (here / "bin" / "cbr", here.parents[1] / "cbr"):
        if program.is_file():
            os.execv(program, ["cbr", *sys.argv[1:]])
    sys.exit(f"cbr: the program is not in {here / 'bin'}; was the package installed whole?")
