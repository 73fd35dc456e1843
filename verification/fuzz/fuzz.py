#!/usr/bin/env python3
"""Lets libFuzzer draw inputs for the readers of foreign bytes, one harness after the other.

Each draws from the seeds in verification/fuzz/corpus and from what earlier runs found worth keeping, which
lies in build/fuzz/corpus. An input that crashes a reader, takes it longer than 10 s or more than 2 GiB of
memory is kept in build/fuzz/found and named, and the exit status is 1. Run through ./dev fuzz, which builds
the harnesses first.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEEDS = ROOT / "verification/fuzz/corpus"
BUILD = ROOT / "build/fuzz"
HARNESSES = sorted(path.name for path in SEEDS.iterdir())

# Of one input. Sanitizers take some of both.
SECONDS_PER_INPUT = 10
MEBIBYTES = 2048

PROGRESS = re.compile(r"#(\d+)\s.*exec/s: (\d+)")
EXECUTIONS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
SECONDS_BETWEEN_LINES = 15


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


class Progress:
    """A line about the run that goes on: rewritten on a terminal, else a new one now and then."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.on_terminal = sys.stderr.isatty()
        self.shown = time.monotonic()

    def show(self, text: str) -> None:
        now = time.monotonic()
        if now - self.shown < (0.2 if self.on_terminal else SECONDS_BETWEEN_LINES):
            return
        self.shown = now
        start, end = ("\r", "\x1b[K") if self.on_terminal else ("", "\n")
        print(f"{start}{self.name}: {text}", end=end, file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self.on_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def run(name: str, seconds: int, workspace: pathlib.Path) -> bool:
    """Runs one harness. Returns whether it found nothing."""
    kept = BUILD / "corpus" / name
    found = BUILD / "found"
    for directory in (kept, found):
        directory.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    log = BUILD / f"{name}.log"
    command = [
        str(BUILD / "verification/fuzz" / f"{name}_fuzz"),
        f"-max_total_time={seconds}",
        f"-timeout={SECONDS_PER_INPUT}",
        f"-rss_limit_mb={MEBIBYTES}",
        f"-artifact_prefix={found}/{name}-",
        "-print_final_stats=1",
        str(kept),
        str(SEEDS / name),
    ]
    progress = Progress(name)
    executions = 0
    begun = time.monotonic()
    environment = dict(os.environ, TMPDIR=str(workspace))
    with log.open("w") as output, subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", env=environment
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            output.write(line)
            if match := PROGRESS.match(line):
                executions = int(match[1])
                elapsed = time.monotonic() - begun
                progress.show(f"{elapsed:.0f} of {seconds} s, {executions} executions")
            elif match := EXECUTIONS.match(line):
                executions = int(match[1])
    elapsed = time.monotonic() - begun
    progress.clear()
    rate = executions / elapsed if elapsed > 0 else 0
    print(f"{name}: {executions} executions in {elapsed:.0f} s, {rate:.0f} a second", flush=True)
    new = sorted(set(found.iterdir()) - before)
    for path in new:
        print(f"{name}: found {path.relative_to(ROOT)}; its story is in {log.relative_to(ROOT)}", flush=True)
    if process.returncode != 0 and not new:
        print(f"{name}: ended with {process.returncode}; see {log.relative_to(ROOT)}", flush=True)
    return process.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--seconds", type=positive, default=60, metavar="N", help="how long each harness draws (default: 60)"
    )
    parser.add_argument(
        "harness",
        nargs="*",
        metavar="HARNESS",
        help=f"which to run: {', '.join(HARNESSES)} (default: all)",
    )
    arguments = parser.parse_args()
    for name in arguments.harness:
        if name not in HARNESSES:
            parser.error(f"there is no harness {name!r}; there are {', '.join(HARNESSES)}")
    # The readers take files, and many are written.
    memory = pathlib.Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="cbr-fuzz-", dir=parent) as workspace:
        clean = [run(name, arguments.seconds, pathlib.Path(workspace)) for name in arguments.harness or HARNESSES]
    return 0 if all(clean) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
