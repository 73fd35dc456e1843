"""Where the options of a ring come from: a configuration, and what the call says over it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Union

from cbr import _cbr

#: A YAML file's path, or names of options and their values.
ConfigSource = Union["str | os.PathLike[str]", "Mapping[str, Any]"]


def merged_options(config: ConfigSource | None, given: Mapping[str, Any],
                   ) -> tuple[dict[str, Any], _cbr.Config | None]:
    """The options of a call: those of `given` that are not None, over those of `config`.

    A file is read with the environment's variables over it. It is returned beside the options, as
    it chooses the backend too.
    """
    options = {name: value for name, value in given.items() if value is not None}
    if config is None:
        return options, None
    if isinstance(config, Mapping):
        return {**config, **options}, None
    if isinstance(config, (str, os.PathLike)):
        # A file can't name a function or an object.
        objects = {name: options.pop(name) for name in ("log_sink", "observer") if name in options}
        return objects, _cbr.load_config(os.fspath(config), options)
    raise TypeError(f"config is {config!r}, a path of a YAML file or a mapping of option names to "
                    "values is needed")
