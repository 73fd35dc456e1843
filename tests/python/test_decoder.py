"""Text from the shipped model."""

import asyncio
import gc
import json

import pytest

import cbr
from conftest import SOURCE

MODEL = SOURCE / "models" / "tiny-qwen2-kjv-4bit"
CASES = json.loads((MODEL / "golden.json").read_text(encoding="utf-8"))["cases"]


@pytest.fixture(scope="module")
def decoder(device):
    return cbr.Decoder(MODEL, ring_size=3, context_capacity=256)


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
        cbr.Decoder(tmp_path)
    with pytest.raises(cbr.InputError, match="empty"):
        decoder.generate("")
    with pytest.raises(cbr.InputError, match="256"):
        decoder.generate("word " * 300)
    with pytest.raises(cbr.InvalidOption, match="max_tokens"):
        decoder.generate("And", max_tokens=0)
    with pytest.raises(cbr.InvalidOption, match="ring_size"):
        cbr.Decoder(MODEL, ring_size=0)
