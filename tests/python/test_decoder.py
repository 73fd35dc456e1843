"""Text from the shipped model."""

import asyncio
import gc
import json
import weakref

import pytest

import cbr
import cbr.decode
from conftest import SOURCE

MODEL = SOURCE / "models" / "tiny-qwen2-kjv-4bit"
CASES = json.loads((MODEL / "golden.json").read_text(encoding="utf-8"))["cases"]


@pytest.fixture(scope="module")
def decoder(device):
    return cbr.decode.Decoder(MODEL, ring_size=3, context_capacity=256)


@pytest.mark.parametrize("case", CASES[:3], ids=lambda case: case["prompt"])
def test_the_text_is_the_references(decoder, case):
    generation = decoder.generate(case["prompt"], max_tokens=len(case["greedy_tokens"]))
    assert generation.result is None or generation.result
    pieces = list(generation)
    assert "".join(pieces) == case["text"]
    assert len(pieces) > 10
    assert generation.result["tokens"] == case["greedy_tokens"]
    assert generation.result["prompt_tokens"] == case["prompt_tokens"]
    assert decoder.tokenize(case["prompt"]) == case["prompt_tokens"]


def test_async_for(decoder):
    async def main():
        return [piece async for piece in decoder.generate(CASES[0]["prompt"], max_tokens=64)]

    assert "".join(asyncio.run(main())) == CASES[0]["text"]


def test_one_text_at_a_time_and_close_ends_it(decoder):
    with decoder.generate("In the beginning", max_tokens=200) as generation:
        first = next(generation)
        with pytest.raises(cbr.InvalidUsage):
            decoder.generate("And God")
    assert first
    assert generation.result["stop_reason"] in ("stopped", "max_tokens", "end_of_text")
    assert len(list(decoder.generate("And God said", max_tokens=4))) > 0


def test_a_text_that_is_dropped_ends(decoder):
    next(decoder.generate("In the beginning", max_tokens=200))
    gc.collect()
    list(decoder.generate("And God said", max_tokens=4))
    assert decoder.statistics().leased == 0


def test_wrong_input(decoder, tmp_path):
    with pytest.raises(cbr.InputError, match="config.json"):
        cbr.decode.Decoder(tmp_path)
    with pytest.raises(cbr.InputError, match="empty"):
        decoder.generate("")
    with pytest.raises(cbr.InputError, match="256"):
        decoder.generate("word " * 300)
    with pytest.raises(cbr.InvalidOption, match="max_tokens"):
        decoder.generate("And", max_tokens=0)
    with pytest.raises(cbr.InvalidOption, match="ring_size"):
        cbr.decode.Decoder(MODEL, ring_size=0)


def test_one_task_at_a_time_reads_a_text(decoder):
    async def main():
        generation = decoder.generate(CASES[0]["prompt"], max_tokens=16)
        reads = await asyncio.gather(*(generation.__anext__() for _ in range(2)),
                                     return_exceptions=True)
        pieces = [each for each in reads if isinstance(each, str)]
        refused = [each for each in reads if isinstance(each, cbr.InvalidUsage)]
        # The second is refused, or the first had no need to wait.
        assert pieces and len(pieces) + len(refused) == 2
        pieces += [piece async for piece in generation]
        return pieces

    assert CASES[0]["text"].startswith("".join(asyncio.run(main())))


def test_a_wait_for_text_that_is_cancelled_leaves_the_text_alone(decoder):
    async def main():
        generation = decoder.generate(CASES[0]["prompt"], max_tokens=64)
        waiting = asyncio.ensure_future(generation.__anext__())
        await asyncio.sleep(0)
        waiting.cancel()
        first = (await asyncio.gather(waiting, return_exceptions=True))[0]
        rest = [piece async for piece in generation]
        return ([first] if isinstance(first, str) else []) + rest

    assert "".join(asyncio.run(main())) == CASES[0]["text"]


def test_a_closed_text_has_no_more(decoder):
    generation = decoder.generate("In the beginning", max_tokens=200)
    assert next(generation)
    generation.close()
    generation.close()
    assert list(generation) == []

    async def rest():
        return [piece async for piece in generation]

    assert asyncio.run(rest()) == []


def test_a_closed_decoder(device):
    with cbr.decode.Decoder(MODEL, context_capacity=64) as decoder:
        text = decoder.generate("In the beginning", max_tokens=60)
        assert repr(text).startswith("<cbr.decode.Generation, ")
        assert repr(decoder) == f"<cbr.decode.Decoder of '{MODEL}' on '{device.name}'>"
    assert list(text) == [] and text.result is not None
    assert repr(text) == f"<cbr.decode.Generation, ended: {text.result['stop_reason']}>"
    assert repr(decoder) == f"<cbr.decode.Decoder of '{MODEL}', closed>"
    decoder.close()
    for use in (lambda: decoder.generate("And"), lambda: decoder.device, decoder.statistics):
        with pytest.raises(cbr.InvalidUsage, match="the decoder is closed"):
            use()


def test_a_decoder_in_a_cycle_is_collected(device):
    class App:
        def __init__(self):
            self.decoder = cbr.decode.Decoder(MODEL, context_capacity=64, log_sink=self.log)

        def log(self, line):
            pass

    app = App()
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None


def test_wrong_types(decoder):
    for call, words in [(lambda: decoder.generate(3), "prompt is 3, a string"),
                        (lambda: decoder.generate("And", "4"), "max_tokens is '4', a whole number"),
                        (lambda: decoder.tokenize(b"x"), "text is b'x', a string"),
                        (lambda: cbr.decode.Decoder(MODEL, context_capacity="x"),
                         "context_capacity is 'x', a whole number or None")]:
        with pytest.raises(TypeError, match=words):
            call()
