"""Where the options of a ring come from: a configuration, and what the call says over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged_options(config: Mapping[str, Any] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `config`, overridden by those of `given` that are not None.

    This is the one place where a configuration comes in: a reader of files joins here.
    """
    if config is None:
        options: dict[str, Any] = {}
    elif isinstance(config, Mapping):
        options = dict(config)
    else:
        raise TypeError(f"config is {config!r}, a mapping of option names to values is needed")
    options.update((name, value) for name, value in given.items() if value is not None)
    return options
