#!/usr/bin/env python3
"""Runs clang-tidy over C++ files, several in one run.

Most of clang-tidy's time goes into the headers of the standard library, GoogleTest and the like, which
it reads and checks again with each file. So files that are compiled alike are checked together: as one
that includes them all. Where names of theirs clash, or something is found, they are checked by halves.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

# What clang-tidy counts among what it doesn't tell.
NOISE = re.compile(r"^(\d+ warnings?( and \d+ errors?)? generated\.|Suppressed |Use -header-filter|"
                   r"Error while processing )")


def flags(entry):
    """The compiler's arguments that are the same for files that are compiled alike."""
    arguments = entry.get("arguments") or shlex.split(entry["command"])
    while not arguments[0].startswith("-"):  # ccache, the compiler
        arguments = arguments[1:]
    kept = []
    skip = False
    for argument in arguments:
        if skip or argument in ("-c", entry["file"]):
            skip = False
        elif argument == "-o":
            skip = True
        else:
            kept.append(argument)
    return tuple(kept)


def read_entries(*builds):
    """How each file is compiled, by its path; the first way, if there are several."""
    entries = {}
    for build in builds:
        for entry in json.loads((build / "compile_commands.json").read_text()):
            entries.setdefault(str(Path(entry["directory"], entry["file"]).resolve()), entry)
    return entries


def show_progress(done, of):
    if sys.stderr.isatty():
        print(f"\r{done} of {of}", end="\n" if done == of else "", file=sys.stderr)


def batches(files, entries, size):
    """Lists of files that are compiled alike; a list may be shorter than `size`."""
    alike = {}
    for file in files:
        alike.setdefault(flags(entries[str(file.resolve())]), []).append(file)
    for arguments, group in alike.items():
        for start in range(0, len(group), size):
            yield arguments, group[start:start + size]


def tidy(arguments, program, file):
    """(whether it is clean, what clang-tidy says) about one file."""
    command = [program, "--quiet", str(file), "--", *arguments]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         errors="replace", check=False)
    lines = [line for line in run.stdout.splitlines() if not NOISE.match(line)]
    return run.returncode == 0, "\n".join(lines)


def check(name, batch, options, folder):
    """The complaints about a batch, and whether it had to be taken apart."""
    arguments, files = batch
    if len(files) == 1:
        clean, text = tidy((f"-stdlib={options.stdlib}", *arguments), options.clang_tidy, files[0])
        return [] if clean else [f"{files[0]}:\n{text}"], False
    together = folder / f"{name}.cpp"
    includes = "".join(f'#include "{file.resolve()}"\n' for file in files)
    together.write_text(f"// NOLINTBEGIN(bugprone-suspicious-include)\n{includes}"
                        "// NOLINTEND(bugprone-suspicious-include)\n")
    if tidy((f"-stdlib={options.stdlib}", *arguments), options.clang_tidy, together)[0]:
        return [], False
    # Two of them may clash that are in different halves.
    middle = len(files) // 2
    complaints = []
    for half, part in enumerate((files[:middle], files[middle:])):
        complaints += check(f"{name}_{half}", (arguments, part), options, folder)[0]
    return complaints, True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, action="append", required=True,
                        help="build folder with compile_commands.json; of several, the first that knows a file")
    parser.add_argument("--stdlib", choices=("libc++", "libstdc++"), default="libstdc++",
                        help="standard library to read the files with (default: %(default)s)")
    parser.add_argument("--clang-tidy", default="clang-tidy-16", metavar="PROGRAM")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--size", type=int, default=8, help="files in one run (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="name the runs that had to be taken apart")
    parser.add_argument("file", type=Path, nargs="+")
    options = parser.parse_args()

    entries = read_entries(*options.build)
    unknown = [str(file) for file in options.file if str(file.resolve()) not in entries]
    if unknown:
        print(f"tidy: no build compiles {' '.join(unknown)}", file=sys.stderr)
        return 1
    # Inside the project, so that its .clang-tidy holds.
    folder = options.build[0] / "tidy"
    folder.mkdir(exist_ok=True)
    work = list(batches(options.file, entries, options.size))
    clean = True
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = {pool.submit(check, number, batch, options, folder): batch
                   for number, batch in enumerate(work)}
        for done, future in enumerate(concurrent.futures.as_completed(running), 1):
            complaints, apart = future.result()
            for complaint in complaints:
                clean = False
                print(complaint, flush=True)
            if apart and options.verbose:
                print(f"taken apart: {' '.join(map(str, running[future][1]))}", file=sys.stderr)
            show_progress(done, len(work))
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
