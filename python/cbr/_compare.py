"""Results of cbr bench side by side."""

from __future__ import annotations

import os

from cbr import _cbr


def compare(baseline: str | os.PathLike[str],
            candidate: str | os.PathLike[str]) -> _cbr.CompareReport:
    """Compares two files that `cbr bench --output` wrote, as `cbr compare` does.

    Raises InputError if one is unusable or they can't be compared.
    """
    return _cbr.compare(os.fspath(baseline), os.fspath(candidate))
