#!/usr/bin/python3
"""Compares what the shared libraries export with the lists beside this file, or writes the lists.

symbols.py [--update] LIBRARY.so...
"""

import argparse
import difflib
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent


def exported(library):
    """The names that a library exports, demangled and sorted. A constructor has two symbols and one
    name here. The version's own symbol is left out."""
    done = subprocess.run(["nm", "--dynamic", "--defined-only", "--demangle", library],
                          capture_output=True, text=True, check=True)
    names = {line.split(" ", 2)[2] for line in done.stdout.splitlines() if " A CBR_" not in line}
    return "".join(f"{name}\n" for name in sorted(names))


def list_of(library):
    """The file with the list of a library: libcbr.symbols for libcbr.so.0.1.0."""
    return FOLDER / f"{pathlib.Path(library).name.split('.so')[0]}.symbols"


def differences(library):
    """The lines of the list that are not in the library, and the other way round."""
    old = list_of(library).read_text(encoding="utf-8").splitlines()
    lines = difflib.unified_diff(old, exported(library).splitlines(), lineterm="", n=0)
    return [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]


def main():
    parser = argparse.ArgumentParser(description="Checks what the shared libraries export.")
    parser.add_argument("libraries", nargs="+", metavar="LIBRARY.so")
    parser.add_argument("--update", action="store_true", help="write the lists")
    arguments = parser.parse_args()
    failed = False
    for library in arguments.libraries:
        if arguments.update:
            list_of(library).write_text(exported(library), encoding="utf-8")
            continue
        found = differences(library)
        failed = failed or bool(found)
        for line in found:
            print(f"{list_of(library).name}: {line}")
    if failed:
        print("The exported symbols changed: + is new, - is gone. If that is meant, run\n"
              "./dev abi --update, and raise the minor version if a name is gone.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
