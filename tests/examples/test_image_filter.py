"""examples/python/image_filter.py on real pictures, against the same filter in NumPy."""

import importlib.util
import io
import os
import pty
import subprocess
import sys

import numpy
import pytest
from PIL import Image

from example_program import PYTHON_EXAMPLES, needs_device

pytestmark = needs_device
EXAMPLE = PYTHON_EXAMPLES / "image_filter.py"
# Widths and heights on both sides of the kernel's groups of 16 by 16.
SIZES = [(1, 1), (16, 16), (17, 15), (40, 1), (3, 50)]


def sharpened(pixels):
    """What the kernel does."""
    edge = numpy.pad(pixels[..., :3].astype(int), ((1, 1), (1, 1), (0, 0)), mode="edge")
    sharp = (5 * edge[1:-1, 1:-1] - edge[1:-1, :-2] - edge[1:-1, 2:] - edge[:-2, 1:-1]
             - edge[2:, 1:-1])
    return numpy.dstack([numpy.clip(sharp, 0, 255), pixels[..., 3:]]).astype("uint8")


def as_jpeg(pixels):
    """What of it is left in the example's JPEG."""
    memory = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(memory, "JPEG", quality=95)
    return numpy.asarray(Image.open(memory).convert("RGBA"))


def rgba(path):
    with Image.open(path) as image:
        return numpy.asarray(image.convert("RGBA"))


def run(*arguments, **options):
    return subprocess.run([sys.executable, EXAMPLE, *arguments], capture_output=True,
                          encoding="utf-8", timeout=120, check=False, **options)


@pytest.fixture
def pictures(tmp_path):
    """A folder with pictures of noise: PNG with transparency, and JPEG."""
    random = numpy.random.default_rng(5)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, (width, height) in enumerate(SIZES):
        image = Image.fromarray(random.integers(0, 256, (height, width, 4), dtype="uint8"))
        image.save(folder / f"{number}.png")
        image.convert("RGB").save(folder / f"{number}.JPG")
    (folder / "notes.txt").write_text("no picture")
    return folder


def assert_all_right(pictures, results):
    """One result for each good picture, with nothing beside them."""
    assert sorted(os.listdir(results)) == sorted(
        f"{number}.{suffix}" for number in range(len(SIZES)) for suffix in ("png", "JPG"))
    for result in results.iterdir():
        expected = sharpened(rgba(pictures / result.name))
        if result.suffix == ".JPG":
            expected = as_jpeg(expected)
        numpy.testing.assert_array_equal(rgba(result), expected, err_msg=result.name)


def test_the_result_is_numpys(pictures, tmp_path):
    done = run(pictures, tmp_path / "new" / "results")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert_all_right(pictures, tmp_path / "new" / "results")


def test_bad_pictures_are_reported_and_the_rest_goes_on(pictures, tmp_path):
    (pictures / "0a.png").write_bytes(b"no picture")
    whole = (pictures / "2.png").read_bytes()
    (pictures / "1half.png").write_bytes(whole[:len(whole) // 2])
    (pictures / "3folder.jpg").mkdir()
    (pictures / "zero.jpg").touch()
    done = run(pictures, tmp_path / "results")
    *lines, last = done.stderr.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        str(pictures / name) for name in ("0a.png", "1half.png", "3folder.jpg", "zero.jpg")]
    assert last == f"4 of {2 * len(SIZES) + 4} pictures could not be read"
    assert done.returncode == 1
    assert_all_right(pictures, tmp_path / "results")


def test_nothing_is_half_written(pictures, tmp_path):
    """The disk is full, as it were: files end after so many bytes. What was there before stays."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "00.png").write_bytes(b"the result before")
    noise = numpy.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype="uint8")
    Image.fromarray(noise).save(pictures / "00.png")
    command = f"ulimit -f 20; trap '' XFSZ; exec {sys.executable} {EXAMPLE} {pictures} " \
              f"{tmp_path / 'results'}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, encoding="utf-8",
                          check=False, timeout=120, env={**os.environ, "MESA_SHADER_CACHE_DISABLE": "1"})
    assert done.returncode == 1
    assert done.stderr.startswith("image_filter: [Errno 27]") and done.stderr.count("\n") == 1
    assert (tmp_path / "results" / "00.png").read_bytes() == b"the result before"
    assert not list((tmp_path / "results").glob(".*"))


def test_upright(tmp_path):
    """A picture that the camera took on its side."""
    pixels = numpy.zeros((8, 24, 3), dtype="uint8")
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "in").mkdir()
    Image.fromarray(pixels).save(tmp_path / "in" / "a.jpg", exif=exif)
    assert run(tmp_path / "in", tmp_path / "out").returncode == 0
    with Image.open(tmp_path / "out" / "a.jpg") as image:
        assert image.size == (8, 24)


def test_the_bar_is_for_terminals(pictures, tmp_path):
    ours, its = pty.openpty()
    with subprocess.Popen([sys.executable, EXAMPLE, pictures, tmp_path / "results"], stderr=its,
                          stdout=subprocess.PIPE) as program:
        os.close(its)
        shown = b""
        try:
            while block := os.read(ours, 4096):
                shown += block
        except OSError:  # How a terminal says that nobody writes any more.
            pass
        os.close(ours)
        assert program.wait(timeout=60) == 0
    assert f"{2 * len(SIZES)}/{2 * len(SIZES)}".encode() in shown and b"100%" in shown


def test_the_next_is_read_while_others_are_in_flight(pictures, tmp_path, monkeypatch):
    """Reading runs ahead of writing by the slots of the ring, less the one that reads."""
    spec = importlib.util.spec_from_file_location("image_filter", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    events = []
    load, save = example.load, example.save
    monkeypatch.setattr(example, "load", lambda path: (events.append(("load", path)), load(path))[1])
    monkeypatch.setattr(example, "save", lambda image, path: (events.append(("save", path)),
                                                              save(image, path)))
    paths = sorted(pictures.glob("*.png"))
    (tmp_path / "out").mkdir()
    assert list(example.sharpen(paths, tmp_path / "out")) == [(path, None) for path in paths]
    assert [kind for kind, _ in events] == ["load"] * 3 + ["save", "load"] * 2 + ["save"] * 3
    assert [path.name for kind, path in events if kind == "save"] == [path.name for path in paths]


def test_what_keeps_it_from_starting_is_one_line(tmp_path):
    done = run(tmp_path / "nothing", tmp_path / "results")
    assert done.returncode == 1
    assert done.stderr.startswith("image_filter: ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "results").exists()
