"""Tickets and requests for slots in asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any

from cbr._cbr import AcquireHandle, Error, Lease, SlotRequest, Ticket


def wake_up(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> Callable[..., bool]:
    """A callback for any thread that resolves `future` on its loop. False if the loop is closed."""

    def settle() -> None:
        # It may have been cancelled meanwhile.
        if not future.done():
            future.set_result(None)

    def call(*_: object) -> bool:
        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            return False
        return True

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


class AcquireRequest:
    """A request for a slot that blocks no thread, as CommandBufferRing.acquire_async() makes it. It
    is made when it is awaited, entered with `async with`, or given a callback; once.

    To cancel the task that waits takes the request back, and a slot that it was just given goes to
    the next. At the end of an `async with` block the lease is submitted, or discarded if an
    exception passes by, as at the end of `with ring.acquire()`."""

    def __init__(self, request: SlotRequest) -> None:
        self._request = request
        self._lease: Lease | None = None

    def on_acquire(self, callback: Callable[[Lease | None, Error | None], object]) -> AcquireHandle:
        """Calls `callback(lease, error)` once there is a slot, or will be none; one of the two is
        None. On the ring's acquire thread, or at once on this thread. It must not wait for a
        slot. The result takes the request back; let go of it where that is not needed."""
        return self._request.ask(callback)

    def __await__(self) -> Generator[Any, None, Lease]:
        return self._acquire().__await__()

    async def __aenter__(self) -> Lease:
        self._lease = await self
        return self._lease

    async def __aexit__(self, type: type[BaseException] | None, value: BaseException | None,
                        traceback: TracebackType | None) -> None:
        assert self._lease is not None
        self._lease.__exit__(type, value, traceback)

    async def _acquire(self) -> Lease:
        answers: list[tuple[Lease | None, Error | None]] = []
        loop = asyncio.get_running_loop()
        answered = loop.create_future()
        notify = wake_up(loop, answered)

        def answer(lease: Lease | None, error: Error | None) -> None:
            answers.append((lease, error))
            if not notify() and lease is not None:
                # The loop is closed: nobody goes on with it.
                lease.discard()

        handle = self._request.ask(answer)
        if not answers:
            try:
                await answered
            except BaseException:
                # It will not be answered any more, or has been.
                handle.cancel()
                for lease, _ in answers:
                    if lease is not None:
                        lease.discard()
                raise
        lease, error = answers.pop()
        if error is not None:
            raise error
        assert lease is not None
        return lease
