"""Tickets in asyncio."""

import asyncio
import gc
import threading
import weakref

import pytest

import cbr


def submit(ring, **plan):
    with ring.acquire() as lease:
        cbr.simulated.record(lease, **plan)
    return lease.ticket


def test_await_resumes_when_the_work_ends(gpu, ring):
    async def main():
        gpu.pause()
        ticket = submit(ring)
        waiting = asyncio.ensure_future(wait(ticket))
        await asyncio.sleep(0)
        assert not waiting.done()
        gpu.release()
        await waiting
        assert ticket.done

    async def wait(ticket):
        await ticket

    asyncio.run(main())


def test_the_loop_goes_on_meanwhile(gpu, ring):
    async def main():
        gpu.pause()
        tickets = [submit(ring), submit(ring)]

        async def wait(ticket):
            await ticket
            return threading.current_thread()

        waits = [asyncio.ensure_future(wait(ticket)) for ticket in tickets]
        for _ in range(10):
            await asyncio.sleep(0)
        gpu.release()
        assert set(await asyncio.gather(*waits)) == {threading.main_thread()}

    asyncio.run(main())


def test_await_raises_the_failure(ring):
    async def main():
        with pytest.raises(cbr.ExecutionFailed):
            await submit(ring, execute=1e-3, fault="fail_execution")

    asyncio.run(main())


def test_a_cancelled_wait_leaves_the_work_alone(gpu, ring):
    async def main():
        gpu.pause()
        ticket = submit(ring)

        async def wait():
            await ticket

        waiting = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gpu.release()
        await ticket
        assert ticket.error is None

    asyncio.run(main())


def test_a_cancelled_wait_takes_its_callback_back(gpu, ring):
    loops = []

    async def main():
        loops.append(weakref.ref(asyncio.get_running_loop()))
        ticket = submit(ring)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(ticket, 0.001)
        return ticket

    gpu.pause()
    ticket = asyncio.run(main())
    gc.collect()
    # The work is still in flight, and nothing of it knows the loop any more.
    assert not ticket.done
    assert loops[0]() is None
    gpu.release()
    ticket.wait()


def test_a_wait_that_nobody_goes_on_with_takes_its_callback_back(gpu, ring):
    async def main():
        gpu.pause()
        ticket = submit(ring)
        waiting = ticket.__await__()
        future = waiting.send(None)
        gone = weakref.ref(future)
        waiting.close()
        del waiting, future
        gc.collect()
        assert gone() is None
        gpu.release()
        await ticket

    asyncio.run(main())


def test_a_loop_that_has_gone_is_no_error(gpu, ring, capsys):
    tickets = []

    async def main():
        gpu.pause()
        tickets.append(submit(ring))

        async def wait():
            await tickets[0]

        asyncio.ensure_future(wait())
        await asyncio.sleep(0)

    asyncio.run(main())
    gpu.release()
    tickets[0].wait()
    ring.close()
    assert "Error" not in capsys.readouterr().err


def test_many_may_await_one_ticket_from_several_loops(gpu, ring):
    gpu.pause()
    ticket = submit(ring)
    waiting = threading.Barrier(3)

    async def wait(first):
        if first:
            waiting.wait()
        await ticket
        await ticket
        return ticket.done

    async def main():
        return await asyncio.gather(wait(True), wait(False), asyncio.wait_for(ticket, 60))

    results = []
    threads = [threading.Thread(target=lambda: results.append(asyncio.run(main())))
               for _ in range(2)]
    for thread in threads:
        thread.start()
    waiting.wait()
    gpu.release()
    for thread in threads:
        thread.join()
    assert results == [[True, True, None]] * 2


@pytest.mark.skipif(not hasattr(asyncio, "timeout"), reason="asyncio.timeout came with Python 3.11")
def test_a_limit_on_a_wait(gpu, ring):
    async def main():
        gpu.pause()
        ticket = submit(ring)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await ticket
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ticket, 0)
        assert not ticket.done
        gpu.release()
        await ticket

    asyncio.run(main())
