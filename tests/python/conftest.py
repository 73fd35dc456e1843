"""What the tests of the Python package share."""

import os
import pathlib
import subprocess
import sys

import pytest

import cbr

SOURCE = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def gpu():
    """A simulated GPU."""
    return cbr.simulated.Gpu()


@pytest.fixture
def ring(gpu):
    """A ring of two on it."""
    with cbr.CommandBufferRing(ring_size=2, backend=gpu) as made:
        yield made
        gpu.release()


@pytest.fixture(scope="session")
def device():
    """A Vulkan device that computes, or the reason why there is none."""
    try:
        opened = cbr.default_device()
    except cbr.BackendError as error:
        pytest.skip(f"no Vulkan device: {error}")
    if not opened.info["buffer_device_address"]:
        pytest.skip(f"{opened.name} lacks buffer device addresses")
    return opened


@pytest.fixture
def run_python():
    """Runs a program of its own to its end."""

    def run(code, **options):
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              timeout=120, check=False, env={**os.environ, "PYTHONUTF8": "1"},
                              **options)

    return run
