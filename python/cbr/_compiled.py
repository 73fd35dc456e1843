"""Tells what to do where the compiled part of the package is missing."""

import pathlib
import sys

try:
    # Not `from cbr import _cbr`, which hides what is missing.
    import cbr._cbr  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "cbr._cbr":
        raise
    _here = pathlib.Path(__file__).parent
    _built = sorted(file.name for file in _here.glob("_cbr.*.so"))
    _python = f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}"
    raise ImportError(
        f"the compiled part of cbr in {_here} is for another Python than this {_python}: "
        f"{', '.join(_built)}" if _built else
        f"the compiled part of cbr is not in {_here}: install the package (pip install .), or build "
        "it (./dev build) and put build/release/python on PYTHONPATH") from None
