"""Requests for a slot that block no event loop."""

import asyncio
import gc
import threading
import time
import weakref

import pytest

import cbr


@pytest.fixture
def one(gpu):
    """A ring of one slot on it, which never gives up by itself."""
    with cbr.CommandBufferRing(ring_size=1, timeout_ms=0, backend=gpu) as made:
        yield made
        gpu.release()


def expect_whole(ring):
    """Every slot can be had."""
    leases = [ring.acquire(timeout=60) for _ in range(ring.ring_size)]
    for lease in leases:
        lease.discard()
    assert ring.statistics().leased == 0


async def turns(count=10):
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_free_slot_is_had_at_once(one):
    async def main():
        lease = await one.acquire_async(label="a step")
        assert lease.valid
        lease.submit()
        async with one.acquire_async() as lease:
            pass
        assert lease.ticket is not None

    asyncio.run(main())
    assert one.statistics().submissions == 2


def test_the_loop_goes_on_while_the_gpu_is_behind(gpu, one):
    async def main():
        gpu.pause()
        one.acquire().submit()

        async def step():
            async with one.acquire_async() as lease:
                assert threading.current_thread() is threading.main_thread()
                return lease

        waiting = asyncio.ensure_future(step())
        await turns()
        assert not waiting.done()
        assert one.statistics().wait_events == 1
        gpu.release()
        lease = await asyncio.wait_for(waiting, 60)
        await lease.ticket

    asyncio.run(main())


def test_a_block_that_raises_discards(one):
    async def main():
        with pytest.raises(ZeroDivisionError):
            async with one.acquire_async():
                raise ZeroDivisionError
        async with one.acquire_async() as lease:
            lease.discard()

    asyncio.run(main())
    assert one.statistics().submissions == 0
    expect_whole(one)


def test_requests_are_served_in_order(one):
    order = []

    async def main():
        async def step(name):
            async with one.acquire_async():
                order.append(name)

        lease = one.acquire()
        steps = [asyncio.ensure_future(step(name)) for name in range(20)]
        await turns()
        lease.discard()
        await asyncio.gather(*steps)

    asyncio.run(main())
    assert order == list(range(20))


def test_a_cancelled_request_leaves_no_trace(one):
    async def main():
        lease = one.acquire()
        waiting = asyncio.ensure_future(wait())
        behind = asyncio.ensure_future(wait())
        await turns()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        lease.discard()
        await asyncio.wait_for(behind, 60)

    async def wait():
        (await one.acquire_async()).discard()

    asyncio.run(main())
    expect_whole(one)


def test_a_request_that_is_cancelled_when_it_was_answered_leaks_no_slot(one):
    async def main():
        lease = one.acquire()
        waiting = asyncio.ensure_future(one_lease())
        await turns()
        lease.discard()
        # Without a turn of the loop: it has its slot, and its task doesn't know.
        while one.statistics().leased == 0:
            time.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    async def one_lease():
        return await one.acquire_async()

    for _ in range(20):
        asyncio.run(main())
        expect_whole(one)
    assert one.leaked() == []


def test_a_wait_that_nobody_goes_on_with_gives_up(one):
    lease = one.acquire()

    async def main():
        waiting = one.acquire_async().__await__()
        future = waiting.send(None)
        gone = weakref.ref(future)
        waiting.close()
        del waiting, future
        gc.collect()
        assert gone() is None

    asyncio.run(main())
    lease.discard()
    expect_whole(one)


def test_a_loop_that_has_gone_gives_the_slot_up(one, capsys):
    lease = one.acquire()
    kept = []

    async def main():
        kept.append(one.acquire_async().__await__())
        kept[0].send(None)

    asyncio.run(main())
    lease.discard()
    expect_whole(one)
    kept.clear()
    assert one.leaked() == []


def test_a_limit(one):
    async def main():
        lease = one.acquire()
        with pytest.raises(cbr.AcquireTimeout):
            await one.acquire_async(timeout=0.001)
        with pytest.raises(TimeoutError):
            await one.acquire_async(timeout=0)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(wait(), 0.001)
        lease.discard()

    async def wait():
        return await one.acquire_async()

    asyncio.run(main())
    expect_whole(one)


def test_failures(gpu, one):
    async def main():
        gpu.fail_next_begin()
        with pytest.raises(cbr.BackendError):
            await one.acquire_async()
        with pytest.raises(cbr.InvalidOption, match="queue 7"):
            await one.acquire_async(queue=7)
        with pytest.raises(TypeError, match="label"):
            one.acquire_async(label=3)
        request = one.acquire_async()
        (await request).discard()
        with pytest.raises(cbr.InvalidUsage, match="once"):
            await request
        gpu.pause()
        one.acquire().submit()
        waiting = asyncio.ensure_future(step())
        await turns()
        gpu.lose_device()
        with pytest.raises(cbr.DeviceLost):
            await waiting

    async def step():
        return await one.acquire_async()

    asyncio.run(main())


def test_the_rings_end(gpu):
    ring = cbr.CommandBufferRing(ring_size=1, backend=gpu)
    lease = ring.acquire()
    unused = ring.acquire_async()

    async def step():
        return await ring.acquire_async()

    async def main():
        waiting = asyncio.ensure_future(step())
        await turns()
        ring.close()
        with pytest.raises(cbr.InvalidUsage):
            await waiting
        with pytest.raises(cbr.InvalidUsage, match="closed"):
            await unused

    asyncio.run(main())
    assert ring.closed
    lease.discard()


def test_a_sequence(gpu):
    with cbr.CommandBufferRing(ring_size=2, backend=gpu) as ring:
        async def main():
            sequence = ring.sequence()
            first = await sequence.acquire_async()
            async with sequence.acquire_async(label="second") as second:
                pass
            assert second.ticket.serial == 0
            first.submit()
            await second.ticket

        asyncio.run(main())


def test_a_callback(one):
    answers = []
    one.acquire_async().on_acquire(lambda *answer: answers.append(answer))
    lease, error = answers.pop()
    assert error is None
    called = threading.Event()

    def fail(lease, error):
        assert lease is None
        answers.append(error)
        called.set()

    handle = one.acquire_async().on_acquire(fail)
    assert handle.valid
    assert handle.cancel() and not handle.cancel() and not handle.valid
    one.acquire_async(timeout=0.001).on_acquire(fail)
    assert called.wait(60)
    assert isinstance(answers.pop(), cbr.AcquireTimeout)
    lease.discard()
    expect_whole(one)
    with pytest.raises(TypeError, match="callback"):
        one.acquire_async().on_acquire(None)


def test_a_request_keeps_no_ring(gpu):
    ring = cbr.CommandBufferRing(backend=gpu)
    request = ring.acquire_async()
    ring.close()
    # The GPU is free for another one.
    cbr.CommandBufferRing(backend=gpu).close()
    with pytest.raises(cbr.InvalidUsage):
        request.on_acquire(print)


def test_many_clients_of_several_loops(gpu):
    with cbr.CommandBufferRing(ring_size=2, backend=gpu) as ring:
        async def client():
            for _ in range(20):
                async with ring.acquire_async() as lease:
                    cbr.simulated.record(lease, execute=1e-6)
                await lease.ticket

        async def main():
            await asyncio.gather(*(client() for _ in range(5)))

        threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ring.statistics().completions == 200


def test_an_end_of_the_program_with_requests_that_wait(run_python):
    done = run_python("""
import asyncio, cbr
ring = cbr.CommandBufferRing(ring_size=1, backend="simulated")
lease = ring.acquire()
async def wait():
    await ring.acquire_async()
async def main():
    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
asyncio.run(main())
ring.acquire_async().on_acquire(lambda lease, error: print(type(error).__name__, flush=True))
lease.discard
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "InvalidUsage\n"


def test_messages_name_the_line_of_the_program(gpu):
    messages = []

    async def main():
        async with ring.acquire_async() as lease:
            cbr.simulated.record(lease, fault="fail_execution")
        lease = await ring.acquire_async()
        del lease

    with cbr.CommandBufferRing(backend=gpu, log_sink=messages.append) as ring:
        asyncio.run(main())
    places = [place for message in messages for place in (message.acquired_at, message.submitted_at)
              if place is not None]
    assert places and {place.file for place in places} == {__file__}
