#!/usr/bin/env python3
"""Prints what a ring gained over a baseline, from two files of `cbr bench --output`.

    python scripts/compare-benchmarks.py baseline.json ring.json

The numbers are those of `cbr compare`, which also says more. A tick stands for a gain that is more
than noise, a cross for such a loss; nothing where the rounds can't tell.
"""

import argparse
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MARKS = {"better": " ✅", "worse": " ❌"}
UNITS = {"tokens/s": "tok/s", "steps/s": "steps/s"}


def import_cbr():
    """The package: installed, or else the one that ./dev build has built."""
    try:
        import cbr
    except ModuleNotFoundError:
        sys.path.insert(0, str(ROOT / "build" / "release" / "python"))
        try:
            import cbr
        except ModuleNotFoundError:
            sys.exit("compare-benchmarks: the package cbr is not there: run `./dev build`, or "
                     "`pip install .`")
    return cbr


def percent(change):
    """ "+3.0% ✅" """
    if change.percent is None:
        return "–"
    return f"{change.percent:+.1f}%{MARKS.get(change.judgement, '')}"


def print_size(changes):
    """One ring size against its baseline."""
    rate = next((each for each in changes if each.is_rate), None)
    busy = next((each for each in changes if each.metric == "GPU busy"), None)
    if rate is not None:
        unit = UNITS.get(rate.metric, rate.metric)
        print(f"Baseline Throughput:    {rate.baseline:.2f} {unit}")
        print(f"Ring Throughput:        {rate.candidate:.2f} {unit}")
        print(f"Improvement:            {percent(rate)}")
    print()
    print("GPU Utilization:")
    if busy is None:
        print("  unknown: the device has no timestamps")
        return
    print(f"  Baseline:  {busy.baseline * 100:.0f}%")
    print(f"  Ring:      {busy.candidate * 100:.0f}%")
    print(f"  Gain:      {percent(busy)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("baseline", help="the result without the ring, or with the smaller one")
    parser.add_argument("ring", help="the result with the ring")
    arguments = parser.parse_args()
    cbr = import_cbr()
    try:
        report = cbr.compare(arguments.baseline, arguments.ring)
    except cbr.Error as error:
        print(f"compare-benchmarks: {error}", file=sys.stderr)
        return 2
    for warning in report.warnings:
        print(f"Warning: {warning}.", file=sys.stderr)
    sizes = sorted({change.ring_size for change in report.changes})
    for number, size in enumerate(sizes):
        if len(sizes) > 1:
            print(f"{'' if number == 0 else chr(10)}Ring size {size}")
        print_size([change for change in report.changes if change.ring_size == size])
    return 0


if __name__ == "__main__":
    sys.exit(main())
