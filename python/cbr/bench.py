"""Results of cbr bench side by side."""

from __future__ import annotations

import os

from cbr import _cbr
from cbr._cbr import CompareReport, MetricChange

__all__ = ["CompareReport", "MetricChange", "compare"]


def compare(baseline: str | os.PathLike[str],
            candidate: str | os.PathLike[str], *,
            ring_sizes: tuple[int, int] | None = None) -> CompareReport:
    """Compares two files that `cbr bench --output` wrote, as `cbr compare` does.

    With `ring_sizes`, the first size in the baseline with the second in the candidate, and no
    others. Raises InputError if a file is unusable or they can't be compared.
    """
    return _cbr.compare(os.fspath(baseline), os.fspath(candidate), ring_sizes)
