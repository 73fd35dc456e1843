"""Text from a model.

    with cbr.decode.Decoder("models/tiny-qwen2-kjv-4bit", ring_size=3) as decoder:
        for piece in decoder.generate("In the beginning"):
            print(piece, end="")
"""

from __future__ import annotations

import asyncio
import os
import weakref
from typing import Any, Literal

from cbr import _cbr
from cbr._asyncio import wake_up
from cbr._config import ConfigSource, merged_options

__all__ = ["Decoder", "Generation"]


class Generation:
    """A text as it is being written: iterate over it with `for` or `async for`, one task at a time.

    The model writes on a thread of its own and doesn't wait for the reader. close(), or dropping
    the object, ends the text early.
    """

    def __init__(self, native: _cbr.Generation) -> None:
        self._native = native
        self._closed = False
        self._awaited = False

    def __iter__(self) -> Generation:
        return self

    def __next__(self) -> str:
        if self._closed:
            raise StopIteration
        return self._native.next()

    def __aiter__(self) -> Generation:
        return self

    async def __anext__(self) -> str:
        if self._awaited:
            raise _cbr.InvalidUsage("another task waits for the next piece of this text")
        self._awaited = True
        try:
            while not self._closed:
                piece = self._native.next_now()
                if piece is not None:
                    return piece
                loop = asyncio.get_running_loop()
                ready = loop.create_future()
                self._native.when_ready(wake_up(loop, ready))
                await ready
        finally:
            self._awaited = False
        raise StopAsyncIteration

    def close(self) -> None:
        """Ends the text early and waits for the steps in flight. What was not read yet is dropped."""
        self._closed = True
        self._native.stop()

    def __enter__(self) -> Generation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def result(self) -> dict[str, Any] | None:
        """Tokens, stop_reason and timings (seconds) once the text has ended; None before."""
        return self._native.result

    def __repr__(self) -> str:
        result = self.result
        state = "being written" if result is None else f"ended: {result['stop_reason']}"
        return f"<cbr.decode.Generation, {state}>"


class Decoder:
    """A Qwen2 model on a GPU, with a ring of its own.

    `model_dir` holds config.json, tokenizer.json and safetensors weights. `context_capacity` is the
    number of positions to make room for: by default what the model allows, 4096 at most. Other
    keywords are options of the ring. Loading blocks, without the interpreter lock; Ctrl-C ends it.

    The GPU's memory is free again after close(), at the end of a with block, or with the object.
    """

    def __init__(self, model_dir: str | os.PathLike[str], ring_size: int | Literal["auto"] | None = None, *,
                 context_capacity: int | None = None, device: _cbr.Device | None = None,
                 config: ConfigSource | None = None, **ring_options: Any) -> None:
        given = {"name": "decode", "ring_size": ring_size, **ring_options}
        options, loaded = merged_options(config, given)
        self._path = os.fspath(model_dir)
        self._text: weakref.ref[Generation] | None = None
        self._loaded: _cbr.LoadedModel | None = _cbr.LoadedModel(
            self._path, options, context_capacity, device, loaded)

    @property
    def _model(self) -> _cbr.LoadedModel:
        if self._loaded is None:
            raise _cbr.InvalidUsage("the decoder is closed")
        return self._loaded

    def generate(self, prompt: str, max_tokens: int = 128) -> Generation:
        """Starts to continue `prompt`, always with the most probable token. One text at a time:
        raises InvalidUsage while another is being written."""
        generation = Generation(self._model.start(prompt, max_tokens))
        self._text = weakref.ref(generation)
        return generation

    def tokenize(self, text: str) -> list[int]:
        """The tokens of a text."""
        return self._model.tokenize(text)

    def statistics(self) -> _cbr.RingStatistics:
        """The counters of the decoder's ring."""
        return self._model.statistics()

    def close(self) -> None:
        """Ends the text that is being written and lets go of the model. Does nothing the second
        time; every other function raises InvalidUsage from now on."""
        text = None if self._text is None else self._text()
        if text is not None:
            text.close()
        self._loaded = None

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def context_capacity(self) -> int:
        """Positions, those of the prompt included."""
        return self._model.context_capacity

    @property
    def device(self) -> _cbr.Device:
        """What the model runs on."""
        return self._model.device

    def __repr__(self) -> str:
        if self._loaded is None:
            return f"<cbr.decode.Decoder of {self._path!r}, closed>"
        return f"<cbr.decode.Decoder of {self._path!r} on {self.device.name!r}>"
