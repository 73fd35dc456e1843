"""The Python of the guide that this package follows, verbatim, under the name that it imports.

Every Python snippet of the guide is a file in document_snippets/. They assume a `ring` and, where
they are the continuation of another, nothing else. None needs a Mac or MLX.
"""

import pathlib
import subprocess
import sys
import textwrap

import pytest

import cbr
from krserve_native import CommandBufferRing, RingStatistics

FOLDER = pathlib.Path(__file__).parent / "document_snippets"
SNIPPETS = sorted(FOLDER.glob("*.py"))
FIELDS = ["total_acquisitions", "total_releases", "wait_events", "reuse_rate", "avg_wait_ms",
          "ring_size", "current_index"]


@pytest.fixture
def gpu():
    return cbr.simulated.Gpu()


@pytest.fixture
def ring(gpu):
    """A ring of three that was used four times, once with a wait of 2 ms."""
    with CommandBufferRing(ring_size=3, backend=gpu) as made:
        for _ in range(4):
            with made.acquire() as lease:
                cbr.simulated.record(lease, execute=2e-3)
        made.drain()
        yield made


def run(snippet, ring):
    # A snippet in a list is indented with it.
    source = textwrap.dedent(snippet.read_text(encoding="utf-8"))
    exec(compile(source, snippet.name, "exec"), {"ring": ring})  # noqa: S102


def test_all_nine_are_here():
    assert len(SNIPPETS) == 9


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda path: path.stem)
def test_runs(snippet, ring):
    run(snippet, ring)


@pytest.mark.parametrize(("name", "printed"), [
    ("01_statistics_api", ["Total acquisitions:    4", "Total releases:        4",
                           "Wait events:           1", "Reuse rate:            75.0%",
                           "Avg wait time:         2.00ms", "Ring size:             3",
                           "Current index:         1"]),
    ("02_reuse_rate", ["⚠️ Fair reuse rate, consider increasing ring_size"]),
    ("03_average_wait_time", ["⚠️ Moderate blocking, investigate GPU load"]),
    ("04_low_reuse_rate_diagnosis", ["Reuse rate: 75.0%", "Wait events: 1", "Acquisitions: 4",
                                     "Ring size: 3"]),
    ("05_reduce_workload", []),
    ("06_high_wait_time_diagnosis", ["Avg wait: 2.00ms", "Wait events: 1",
                                     "Total acquisitions: 4"]),
    ("07_wasted_memory_diagnosis", ["Reuse rate: 75.0%", "Ring size: 3", "Wait events: 1",
                                    "⚠️ Ring may be over-provisioned, reduce ring_size"]),
    ("08_no_improvement_diagnosis", ["Reuse rate: 75.0%", "Ring size: 3"]),
    ("09_buffer_leaks", []),
])
def test_prints_what_the_ring_did(name, printed, ring, capsys):
    run(FOLDER / f"{name}.py", ring)
    assert capsys.readouterr().out.splitlines() == printed


def test_a_lease_still_held_is_what_the_guide_calls_leaked(ring, capsys):
    lease = ring.acquire()
    run(FOLDER / "09_buffer_leaks.py", ring)
    assert capsys.readouterr().out == "❌ 1 buffers leaked!\n"
    lease.discard()


def test_the_statistics_have_the_fields(ring):
    statistics = ring.get_statistics()
    assert isinstance(statistics, RingStatistics)
    for field in FIELDS:
        getattr(statistics, field)


def test_the_comparison_has_the_layout(tmp_path):
    """`python scripts/compare-benchmarks.py baseline.json ring.json`; more in test_compare.py."""
    source = pathlib.Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, source / "scripts/compare-benchmarks.py", "a", "b"],
                         capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 2 and run.stderr.startswith("compare-benchmarks: ")
