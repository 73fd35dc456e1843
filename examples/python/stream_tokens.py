"""Streams a model's text over HTTP, to several clients: asyncio and cbr.decode.Decoder.

    python3 examples/python/stream_tokens.py models/tiny-qwen2-kjv-4bit
    curl -N 'http://127.0.0.1:8080/generate?prompt=In+the+beginning&max_tokens=64'

The GPU writes one text at a time, and requests get their turn in order of arrival. A text ends early
if its client goes away, or with Ctrl-C. Needs aiohttp (Debian: python3-aiohttp).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import sys

from aiohttp import web

import cbr
import cbr.decode


class Service:
    def __init__(self, decoder: cbr.decode.Decoder) -> None:
        self.decoder = decoder
        self.turn = asyncio.Lock()  # Serves those who wait in order of arrival.

    async def generate(self, request: web.Request) -> web.StreamResponse:
        prompt = request.query.get("prompt", "")
        max_tokens = request.query.get("max_tokens", "128")
        if not max_tokens.isdecimal():
            raise web.HTTPBadRequest(text=f"max_tokens is {max_tokens!r}, which is no number\n")
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        async with self.turn:
            if request.transport is None:  # The client has gone while it waited.
                return response
            try:
                most = min(int(max_tokens), self.decoder.context_capacity)
                generation = self.decoder.generate(prompt, most)
            except ValueError as error:  # cbr.InputError and cbr.InvalidOption are of its kind.
                raise web.HTTPBadRequest(text=f"{error}\n") from None
            # However the block is left, the text has ended, and the next in turn may write.
            with generation, contextlib.suppress(ConnectionResetError):
                await response.prepare(request)
                async for piece in generation:
                    await response.write(piece.encode())
        if result := generation.result:
            print(f"{prompt!r}: {len(result['tokens'])} tokens, {result['stop_reason']}", flush=True)
        return response


def main() -> None:
    parser = argparse.ArgumentParser(description="Streams a model's text over HTTP.")
    parser.add_argument("model", help="folder of a Qwen2 model")
    parser.add_argument("--port", type=int, default=8080, help="0: any that is free")
    arguments = parser.parse_args()
    try:
        listener = socket.create_server(("127.0.0.1", arguments.port))
        service = Service(cbr.decode.Decoder(arguments.model, ring_size=3))
    except (cbr.Error, OSError) as error:
        sys.exit(f"stream_tokens: {error}")
    app = web.Application()
    app.add_routes([web.get("/generate", service.generate)])
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/generate?prompt=… (Ctrl-C ends)", flush=True)
    # Ctrl-C and SIGTERM end texts under way at once: their clients see a broken connection.
    web.run_app(app, sock=listener, shutdown_timeout=0.01, print=lambda _: None)


if __name__ == "__main__":
    main()
