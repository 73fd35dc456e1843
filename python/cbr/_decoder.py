"""Text from a model."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from cbr import _cbr
from cbr._asyncio import wake_up
from cbr._config import ConfigSource, merged_options


class Generation:
    """A text as it is being written: iterate over it with `for` or `async for`.

    The model writes on a thread of its own and doesn't wait for the reader. close(), or dropping
    the object, ends the text early.
    """

    def __init__(self, native: _cbr.Generation) -> None:
        self._native = native

    def __iter__(self) -> Generation:
        return self

    def __next__(self) -> str:
        return self._native.next()

    def __aiter__(self) -> Generation:
        return self

    async def __anext__(self) -> str:
        while True:
            piece = self._native.next_now()
            if piece is not None:
                return piece
            loop = asyncio.get_running_loop()
            ready = loop.create_future()
            self._native.when_ready(wake_up(loop, ready))
            await ready

    def close(self) -> None:
        """Ends the text early and waits for the steps in flight."""
        self._native.stop()

    def __enter__(self) -> Generation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def result(self) -> dict[str, Any] | None:
        """Tokens, stop_reason and timings (seconds) once the text has ended; None before."""
        return self._native.result


class Decoder:
    """A Qwen2 model on a GPU, with a ring of its own.

    `model_dir` holds config.json, tokenizer.json and safetensors weights. `context_capacity` is the
    number of positions to make room for: by default what the model allows, 4096 at most. Other
    keywords are options of the ring. Loading blocks, without the interpreter lock.
    """

    def __init__(self, model_dir: str | os.PathLike[str], ring_size: int | None = None, *,
                 context_capacity: int | None = None, device: _cbr.Device | None = None,
                 config: ConfigSource | None = None, **ring_options: Any) -> None:
        given = {"name": "decode", "ring_size": ring_size, **ring_options}
        options, loaded = merged_options(config, given)
        self._model = _cbr.LoadedModel(os.fspath(model_dir), options, context_capacity, device,
                                       loaded)

    def generate(self, prompt: str, max_tokens: int = 128) -> Generation:
        """Starts to continue `prompt`, always with the most probable token. One text at a time:
        raises InvalidUsage while another is being written."""
        return Generation(self._model.start(prompt, max_tokens))

    def tokenize(self, text: str) -> list[int]:
        """The tokens of a text."""
        return self._model.tokenize(text)

    def statistics(self) -> _cbr.RingStatistics:
        """The counters of the decoder's ring."""
        return self._model.statistics()

    @property
    def context_capacity(self) -> int:
        """Positions, those of the prompt included."""
        return self._model.context_capacity

    @property
    def device(self) -> _cbr.Device:
        """What the model runs on."""
        return self._model.device
