"""Tickets in asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cbr._cbr import Ticket


def wake_up(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> Callable[..., None]:
    """A callback for any thread that resolves `future` on its loop."""

    def settle() -> None:
        # It may have been cancelled meanwhile.
        if not future.done():
            future.set_result(None)

    def call(*_: object) -> None:
        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            pass

    return call


async def completion(ticket: Ticket) -> None:
    """Waits without blocking the loop. Raises what the work failed with. To cancel it cancels the
    wait and not the work, and leaves nothing behind."""
    if not ticket.done:
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        callback = ticket.on_complete(wake_up(loop, ended))
        try:
            await ended
        except BaseException:
            # Nobody waits any more: what it holds, the loop above all, goes now and not once the
            # work has ended.
            callback.cancel()
            raise
    ticket.wait()
