#!/usr/bin/env python3
"""Prints what a ring gained over a baseline, from two files of `cbr bench --output`.

    python scripts/compare-benchmarks.py baseline.json ring.json

Ring sizes that both files have are compared with each other. If the baseline has one ring size
alone, each other size of the second file is compared with that.

The numbers are those of `cbr compare`, which also says more. A tick stands for a gain that is more
than noise, a cross for such a loss; nothing where the rounds can't tell.
"""

import argparse
import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MARKS = {"better": " ✅", "worse": " ❌"}
# For an output whose encoding lacks them.
WORDS = {"✅": "(better)", "❌": "(worse)", "–": "-"}
UNITS = {"tokens/s": "tok/s", "steps/s": "steps/s"}
BROKEN_PIPE = 141  # 128 + SIGPIPE, as cbr has it


def import_cbr():
    """The package: installed, or else the one that ./dev build has built."""
    try:
        import cbr.bench
    except ImportError:
        for name in [each for each in sys.modules if each.split(".")[0] == "cbr"]:
            del sys.modules[name]
        sys.path.insert(0, str(ROOT / "build" / "release" / "python"))
        try:
            import cbr.bench
        except ImportError as error:
            sys.exit(f"compare-benchmarks: the package cbr can't be imported ({error}): run "
                     "`./dev build`, or `pip install .`")
    return cbr


def ring_sizes(path):
    """The ring sizes in a file; none if it is unusable, of which the comparison says more."""
    try:
        with open(path, encoding="utf-8") as file:
            return sorted(run["ringSize"] for run in json.load(file)["runs"])
    except (OSError, ValueError, LookupError, TypeError):
        return []


def compare(cbr, baseline, ring):
    """The reports that are to be printed, and of what the files have otherwise."""
    before, after = ring_sizes(baseline), ring_sizes(ring)
    others = [size for size in after if size not in before]
    if len(before) == 1 and others:
        return [cbr.bench.compare(baseline, ring, ring_sizes=(before[0], size)) for size in others]
    return [cbr.bench.compare(baseline, ring)]


def warnings_of(reports, baseline, ring):
    """Each warning once, and what is not compared."""
    warnings = [warning for report in reports for warning in report.warnings]
    for report in reports:
        for path, sizes in [(baseline, report.only_in_baseline), (ring, report.only_in_candidate)]:
            warnings += [f"ring size {size} is only in {path}" for size in sizes]
    return list(dict.fromkeys(warnings))


def percent(change):
    """ "+3.0% ✅" """
    if change.percent is None:
        return "–"
    return f"{change.percent:+.1f}%{MARKS.get(change.judgement, '')}"


def lines_of(changes):
    """One ring size against its baseline."""
    rate = next((each for each in changes if each.is_rate), None)
    busy = next((each for each in changes if each.metric == "GPU busy"), None)
    if rate is not None:
        unit = UNITS.get(rate.metric, rate.metric)
        yield f"Baseline Throughput:    {rate.baseline:.2f} {unit}"
        yield f"Ring Throughput:        {rate.candidate:.2f} {unit}"
        yield f"Improvement:            {percent(rate)}"
    yield ""
    yield "GPU Utilization:"
    if busy is None:
        yield "  unknown: the device has no timestamps"
        return
    yield f"  Baseline:  {busy.baseline * 100:.0f}%"
    yield f"  Ring:      {busy.candidate * 100:.0f}%"
    yield f"  Gain:      {percent(busy)}"


def text_of(reports):
    """All of the output."""
    sections = {}
    for report in reports:
        for change in report.changes:
            sections.setdefault(change.ring_size, []).append(change)
    texts = []
    for size, changes in sorted(sections.items()):
        heading = [f"Ring size {size}"] if len(sections) > 1 else []
        texts.append("\n".join([*heading, *lines_of(changes), ""]))
    return "\n".join(texts)


def write(text):
    """Writes the text to standard output. Returns the exit code."""
    if sys.stdout is None:
        print("compare-benchmarks: standard output is closed", file=sys.stderr)
        return 1
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        for mark, word in WORDS.items():
            text = text.replace(mark, word)
    try:
        print(text, end="", flush=True)
        return 0
    except OSError as error:
        # Python would try again at its end, and say so at length.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return BROKEN_PIPE
        print(f"compare-benchmarks: can't write to standard output: {error.strerror}",
              file=sys.stderr)
        return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("baseline", help="the result without the ring, or with the smaller one")
    parser.add_argument("ring", help="the result with the ring")
    arguments = parser.parse_args()
    cbr = import_cbr()
    try:
        reports = compare(cbr, arguments.baseline, arguments.ring)
    except cbr.Error as error:
        print(f"compare-benchmarks: {error}", file=sys.stderr)
        return 2
    for warning in warnings_of(reports, arguments.baseline, arguments.ring):
        print(f"Warning: {warning}.", file=sys.stderr)
    return write(text_of(reports))


if __name__ == "__main__":
    sys.exit(main())
