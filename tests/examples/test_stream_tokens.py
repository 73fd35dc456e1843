"""examples/python/stream_tokens.py: the real service, on a free port, with real clients."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys

import aiohttp
import pytest

from example_program import MODEL, PYTHON_EXAMPLES, needs_device

pytestmark = needs_device
EXAMPLE = PYTHON_EXAMPLES / "stream_tokens.py"
CASES = json.loads((MODEL / "golden.json").read_text(encoding="utf-8"))["cases"]
# More than the model's context: such a text ends only when somebody ends it.
ENDLESS = 10**30


class Server:
    """The running example; `log` reads a line of its output."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, EXAMPLE, MODEL, "--port", "0"], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"})
        first = self.log()
        assert first.startswith("http://127.0.0.1:"), first + self.process.stderr.read()
        self.url = first.split("?")[0]

    def log(self):
        return self.process.stdout.readline()

    def end(self):
        """By Ctrl-C, which is a success and says nothing."""
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=60)
        assert (self.process.returncode, err) == (0, "")


@pytest.fixture
def server():
    started = Server()
    yield started
    if started.process.poll() is None:
        started.end()


def question(prompt, max_tokens):
    return {"prompt": prompt, "max_tokens": str(max_tokens)}


async def text_of(session, url, case):
    """The text, and that it came in pieces."""
    async with session.get(url, params=question(case["prompt"], 64)) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        pieces = [piece async for piece, _ in response.content.iter_chunks()]
    assert len(pieces) > 10
    return b"".join(pieces).decode()


def test_the_text_is_what_the_program_prints(server):
    async def client():
        async with aiohttp.ClientSession() as session:
            return await text_of(session, server.url, CASES[0])

    text = asyncio.run(client())
    assert text == CASES[0]["text"]
    printed = subprocess.run(
        [os.environ["CBR_PROGRAM"], "generate", "--model", MODEL, "--prompt", CASES[0]["prompt"],
         "--max-tokens", "64"], capture_output=True, encoding="utf-8", check=True)
    assert printed.stdout == text + "\n"
    assert server.log() == f"{CASES[0]['prompt']!r}: 64 tokens, max_tokens\n"


def test_clients_get_their_turn_in_order_of_arrival(server):
    """All of them ask while the first one's text is being written."""
    async def client():
        async with aiohttp.ClientSession() as session:
            async with session.get(server.url, params=question("And", ENDLESS)) as first:
                await first.content.readany()
                others = []
                for case in CASES[:4]:
                    others.append(asyncio.create_task(text_of(session, server.url, case)))
                    # The service has seen the question when it answers a later one.
                    async with session.get(server.url, params={"max_tokens": "x"}) as refused:
                        assert refused.status == 400
            return await asyncio.gather(*others)

    assert asyncio.run(client()) == [case["text"] for case in CASES[:4]]
    assert re.fullmatch(r"'And': \d+ tokens, stopped\n", server.log())
    for case in CASES[:4]:
        assert server.log() == f"{case['prompt']!r}: 64 tokens, max_tokens\n"


def test_a_client_that_goes_away_ends_its_text(server):
    async def client():
        async with aiohttp.ClientSession() as session:
            async with session.get(server.url, params=question("In the", ENDLESS)) as response:
                await response.content.readany()
            # Left early, the connection is closed. The next gets its text.
            return await text_of(session, server.url, CASES[0])

    assert asyncio.run(client()) == CASES[0]["text"]
    assert re.fullmatch(r"'In the': \d+ tokens, stopped\n", server.log())


def test_ctrl_c_ends_a_text_and_the_service(server):
    async def client():
        async with aiohttp.ClientSession() as session:
            async with session.get(server.url, params=question("In the", ENDLESS)) as response:
                await response.content.readany()
                server.process.send_signal(signal.SIGINT)
                with pytest.raises(aiohttp.ClientPayloadError):  # Half a text doesn't pass for one.
                    await response.read()

    asyncio.run(client())
    _, err = server.process.communicate(timeout=60)
    assert (server.process.returncode, err) == (0, "")


@pytest.mark.parametrize(("asked", "text"), [
    ({}, "the prompt: the prompt is empty\n"),
    (question("And", "many"), "max_tokens is 'many', which is no number\n"),
    (question("And", 0), "max_tokens is 0, at least 1 is needed\n"),
    (question("And " * 2000, 5), "the prompt: "),
], ids=["no prompt", "no number", "none", "too long a prompt"])
def test_bad_questions_are_answered_in_a_line(server, asked, text):
    async def client():
        async with aiohttp.ClientSession() as session:
            async with session.get(server.url, params=asked) as response:
                return response.status, await response.text()

    status, answer = asyncio.run(client())
    assert status == 400
    assert answer.startswith(text) and answer.count("\n") == 1


def test_what_keeps_it_from_starting_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for arguments, text in [([MODEL, "--port", str(taken.getsockname()[1])], "Address already"),
                                ([tmp_path, "--port", "0"], "config.json")]:
            run = subprocess.run([sys.executable, EXAMPLE, *arguments], capture_output=True,
                                 encoding="utf-8", timeout=60, check=False)
            assert (run.returncode, run.stdout) == (1, "")
            assert run.stderr.startswith("stream_tokens: ") and text in run.stderr
            assert run.stderr.count("\n") == 1
