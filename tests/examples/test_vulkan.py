"""The programs in examples/vulkan, run under the validation layer: a message of it would stand in
their output, which is compared as a whole."""

import os
import pathlib
import re
import subprocess

import pytest

FOLDER = pathlib.Path(os.environ["CBR_EXAMPLES"])
PROGRAMS = ["minimal", "wrap_device", "two_threads", "two_queues", "frames_by_hand",
            "frames_with_ring"]
VALIDATION = {"VK_INSTANCE_LAYERS": "VK_LAYER_KHRONOS_validation",
              "VK_LAYER_ENABLES": "VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT"}
NO_DRIVER = {"VK_ICD_FILENAMES": "/nonexistent.json", "VK_DRIVER_FILES": "/nonexistent.json"}


def run(name, more):
    return subprocess.run([FOLDER / name], capture_output=True, encoding="utf-8", check=False,
                          timeout=120, env={**os.environ, **more})


@pytest.fixture
def output():
    """Runs an example to its end and gives what it printed."""
    def succeed(name):
        done = run(name, VALIDATION)
        if done.returncode != 0 and done.stderr == run(name, NO_DRIVER).stderr:
            pytest.skip(f"no Vulkan device: {done.stderr}")
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        return done.stdout

    return succeed


def test_the_layer_is_there(output):
    output("minimal")
    loader = run("minimal", {**VALIDATION, "VK_LOADER_DEBUG": "layer"}).stderr
    assert re.search(r"khronos_validation\S*\.so", loader), loader


def test_minimal(output):
    assert re.fullmatch(r".+: 100 steps through 3 slots, all right\n"
                        r"GPU: \d+\.\d\d ms; \d+ of 100 acquisitions waited, \d+\.\d{3} ms each\n",
                        output("minimal"))


def test_wrap_device(output):
    assert output("wrap_device") == \
        "100 submissions each by the ring and by the program, 100 right\n"


def test_two_threads(output):
    """In the order of submission the background covers all."""
    assert output("two_threads") == (f"plain leases: {'.' * 64}\n"
                                     f"a sequence:   {'.' * 24}{'#' * 16}{'.' * 24}\n")


def test_two_queues(output):
    assert output("two_queues") == "100 steps, 1638400 of 1638400 words right\n"


def film():
    """The words that the frames leave: a frame's own, then those of the frame before."""
    before = [0] * 4096
    for frame in range(240):
        own = [frame * frame + i for i in range(4096)]
        yield from own
        yield from before
        before = own


def test_the_frames_are_the_same_before_and_after(output):
    checksum = 2166136261
    for word in film():
        checksum = (checksum ^ word) * 16777619 & 0xFFFFFFFF
    expected = f"240 frames, 3 in flight: checksum {checksum:08x}\n"
    assert output("frames_by_hand") == expected
    assert output("frames_with_ring") == expected


@pytest.mark.parametrize("name", PROGRAMS)
def test_without_a_driver_there_is_one_line(name):
    done = run(name, NO_DRIVER)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{name}: ") and done.stderr.count("\n") == 1
