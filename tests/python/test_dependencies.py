"""Submissions that wait for others."""

import pytest

import cbr


@pytest.fixture
def sequence(ring):
    return ring.sequence()


def test_a_submission_waits_for_a_ticket(ring, sequence):
    first = sequence.acquire()
    held = sequence.acquire().submit()
    # Of what is held back, which shows that it is waited for.
    ring.set_ring_size(3)
    ticket = ring.acquire().submit(after=held)
    assert ticket.serial == 0
    first.submit()
    assert ticket.wait(60)


@pytest.mark.parametrize("after", [
    lambda ticket: [ticket], lambda ticket: (cbr.Dependency(ticket), ticket), lambda ticket: None,
    lambda ticket: [], lambda ticket: iter([ticket] * 7), cbr.Dependency])
def test_what_after_may_be(ring, after):
    ticket = ring.acquire().submit()
    assert ring.acquire().submit(after=after(ticket)).wait(60)
    assert ring.acquire().submit(after(ticket)).wait(60)


def test_a_failure_comes_with_its_cause(ring):
    lease = ring.acquire()
    cbr.simulated.record(lease, execute=1e-3, fault="fail_execution")
    failed = lease.submit()
    dependant = ring.acquire().submit(after=failed)
    with pytest.raises(cbr.DependencyFailed) as raised:
        dependant.wait()
    for error in (raised.value, dependant.error):
        assert isinstance(error, cbr.DependencyFailed)
        assert isinstance(error.cause, cbr.ExecutionFailed)
        assert error.__cause__ is error.cause
    assert cbr.DependencyFailed("").cause is None
    assert issubclass(cbr.DependencyFailed, cbr.Error)
    assert ring.acquire().submit(after=cbr.Dependency(failed, if_failed="run")).wait()
    assert isinstance(failed.error, cbr.ExecutionFailed)


def test_another_device_needs_the_host(gpu, ring):
    with cbr.CommandBufferRing(backend="simulated") as other:
        gpu.pause()
        ticket = ring.acquire().submit()
        with pytest.raises(cbr.InvalidUsage, match="allow_host_wait"):
            other.acquire().submit(after=ticket)
        dependant = other.acquire().submit(after=cbr.Dependency(ticket, allow_host_wait=True))
        assert dependant.serial == 0
        gpu.release()
        assert dependant.wait(60)


def test_what_a_dependency_says(ring):
    ticket = ring.acquire().submit()
    dependency = cbr.Dependency(ticket, if_failed="run", allow_host_wait=True)
    assert dependency.ticket.serial == ticket.serial
    assert dependency.if_failed == "run" and dependency.allow_host_wait
    assert repr(dependency) == '<cbr.Dependency on slot 0, if_failed="run", allow_host_wait=True>'
    assert cbr.Dependency(ticket).if_failed == "fail"


def test_what_is_wrong(ring):
    ticket = ring.acquire().submit()
    with pytest.raises(cbr.InvalidOption, match='if_failed is "maybe"'):
        cbr.Dependency(ticket, if_failed="maybe")
    with pytest.raises(TypeError, match="ticket is 3"):
        cbr.Dependency(3)
    lease = ring.acquire()
    for wrong in (3, [3], [ticket, None], "ticket"):
        with pytest.raises(TypeError, match="after is"):
            lease.submit(after=wrong)
    # Nothing has happened to it.
    assert lease.valid
    lease.submit(after=ticket).wait()
