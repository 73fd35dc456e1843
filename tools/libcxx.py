#!/usr/bin/env python3
"""Compiles C++ files with clang and LLVM's libc++, for errors alone.

Apple's compiler has that library, in a state that no later version of Debian has, and the oldest that
we ask for is about that of LLVM 16: it has no std::from_chars for double and no std::jthread, say.
So what compiles here is found on a Mac too; what links and runs there, only a Mac tells.
"""

import argparse
import concurrent.futures
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tidy import flags, read_entries, show_progress  # noqa: E402  (the same reading of the same file)


def check(compiler, entry):
    kept = [flag for flag in flags(entry) if not flag.startswith(("-O", "-W", "-M"))]
    # What GCC alone knows is no error here.
    command = [compiler, "-stdlib=libc++", "-fsyntax-only", "-w", *kept, entry["file"]]
    run = subprocess.run(command, cwd=entry["directory"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, errors="replace", check=False)
    return run.stdout if run.returncode else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="build folder with compile_commands.json")
    parser.add_argument("--compiler", default="clang++-16", metavar="PROGRAM")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("file", type=Path, nargs="+")
    options = parser.parse_args()

    entries = read_entries(options.build)
    chosen = [entries[path] for path in (str(file.resolve()) for file in options.file) if path in entries]
    clean = True
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = [pool.submit(check, options.compiler, entry) for entry in chosen]
        for done, future in enumerate(concurrent.futures.as_completed(running), 1):
            if text := future.result():
                clean = False
                print(text, flush=True)
            show_progress(done, len(chosen))
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
