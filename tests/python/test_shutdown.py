"""The interpreter ends while rings, callbacks and threads still live."""

import pytest

PROGRAMS = {
    "a ring in a global": "lease = ring.acquire()\nwith ring.acquire() as other: pass",
    "a callback that keeps its ring": """
with ring.acquire() as lease: cbr.simulated.record(lease, execute=1)
lease.ticket.on_complete(lambda ticket, ring=ring: None)""",
    "objects kept by work in flight": """
with ring.acquire() as lease: lease.keep_alive([object()])""",
    "a cycle": "ring2 = cbr.CommandBufferRing(backend='simulated', log_sink=lambda line: ring2)",
    "a daemon thread that waits for a slot": """
import threading
leases = [ring.acquire() for _ in range(3)]
threading.Thread(target=ring.acquire, daemon=True).start()
while ring.statistics().wait_events < 1: pass""",
    "a ticket after its ring": """
with ring.acquire() as lease: pass
ticket = lease.ticket
del ring, lease""",
    "an exception": """
import atexit
with ring.acquire() as lease: pass
sys.exit(0)""",
    "a forked child": """
import os
with ring.acquire() as lease: pass
if os.fork() == 0:
    try: ring.acquire()
    except cbr.InvalidUsage: sys.exit(0)
    sys.exit(1)
assert os.wait()[1] == 0""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_ends_well(name, run_python):
    run = run_python("import cbr, sys\n"
                     "ring = cbr.CommandBufferRing(backend='simulated', log_sink=lambda line: 0)\n"
                     + PROGRAMS[name] + "\n")
    assert run.returncode == 0, run.stderr
    assert "Fatal" not in run.stderr and "terminate" not in run.stderr


def test_vulkan_objects_at_the_end(run_python, device):
    run = run_python("import cbr.compute\nring = cbr.CommandBufferRing()\nbuffer = cbr.compute.Buffer(64)\n"
                     "view = memoryview(buffer)\n"
                     "with ring.acquire() as lease: lease.copy(buffer, cbr.compute.Buffer(64))\n")
    assert (run.returncode, run.stderr) == (0, "")


def test_a_text_under_way_at_the_end(run_python, device):
    from test_decoder import MODEL
    run = run_python(f"import cbr.decode\ndecoder = cbr.decode.Decoder({str(MODEL)!r})\n"
                     "text = decoder.generate('In the beginning', 4000)\nnext(text)\n")
    assert (run.returncode, run.stderr) == (0, "")


def test_a_forked_child_leaves_the_driver_alone(run_python, device):
    run = run_python("""
import cbr.compute, os, sys
device = cbr.Device()
ring = cbr.CommandBufferRing(backend=device)
buffer = cbr.compute.Buffer(64, device=device)
with ring.acquire() as lease: lease.copy(buffer, cbr.compute.Buffer(64, device=device))
lease.ticket.wait()
child = os.fork()
if child == 0:
    del lease, ring, buffer, device
    os._exit(0)  # NVIDIA's driver crashes or hangs in exit() of a child.
assert os.waitpid(child, 0)[1] == 0
""")
    assert (run.returncode, run.stderr) == (0, "")
