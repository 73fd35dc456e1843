"""What the tests of the Python examples share."""

import pathlib

import pytest

import cbr

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MODEL = SOURCE / "models" / "tiny-qwen2-kjv-4bit"
PYTHON_EXAMPLES = SOURCE / "examples" / "python"


def why_no_device():
    """Empty if there is a Vulkan device that runs kernels."""
    try:
        device = cbr.default_device()
    except cbr.BackendError as error:
        return str(error)
    return "" if device.info["buffer_device_address"] else f"{device.name} has no buffer addresses"


needs_device = pytest.mark.skipif(bool(why_no_device()), reason=why_no_device())
