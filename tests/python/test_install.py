"""`pip install .` into a fresh environment, as a user does it; no network is needed."""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from conftest import SOURCE

sys.path.insert(0, str(SOURCE / "python" / "build_backend"))
import portability  # noqa: E402

PROGRAM = """
import cbr, krserve_native
ring = krserve_native.CommandBufferRing(backend='simulated')
with ring.acquire() as lease: pass
lease.ticket.wait()
print(cbr.__file__, ring.get_statistics().total_releases)
"""


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    """Runs the Python of a fresh environment, away from the sources."""
    place = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", place], check=True)

    def run(*arguments):
        # -I: neither this folder nor PYTHONPATH.
        return subprocess.run([place / "bin" / "python", "-I", *arguments], capture_output=True,
                              text=True, check=False, cwd=place)

    run.place = place
    return run


def run_well(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


needs_ninja = pytest.mark.skipif(shutil.which("ninja") is None, reason="ninja is not installed")


@pytest.fixture(scope="module")
def wheel(venv, tmp_path_factory):
    """The wheel of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    run_well(venv("-m", "pip", "wheel", "--no-index", "--wheel-dir", str(folder), str(SOURCE)))
    (file,) = folder.iterdir()
    return file


@needs_ninja
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about Linux with glibc")
def test_a_wheel_brings_what_it_links(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
        said = archive.read(next(name for name in archive.namelist() if name.endswith("/WHEEL"))).decode()
    files = portability.compiled_files(tmp_path)
    assert {"cbr", "_cbr"} <= {file.name.split(".")[0] for file in files}
    everywhere = {"libc.so.6", "libgcc_s.so.1", "libm.so.6", "libstdc++.so.6"}
    for file in files:
        paths = portability.search_paths(file)
        assert all(path.startswith("$ORIGIN/") for path in paths), paths
        for name in portability.needed(file):
            found = [path for path in paths if (file.parent / path[len("$ORIGIN/"):] / name).is_file()]
            assert found or name in everywhere or name.startswith("ld-linux"), f"{file.name} links {name}"
    # The tag says what the files ask of a system, neither less nor more.
    newest = max(int(minor) for file in files
                 for minor in re.findall(r"GLIBC_2\.(\d+)", subprocess.run(
                     ["objdump", "-T", file], capture_output=True, text=True, check=True).stdout))
    tag = re.search(r"^Tag: (\S+)$", said, re.MULTILINE).group(1)
    assert wheel.name.endswith(f"-{tag}.whl")
    least = re.search(r"-manylinux_2_(\d+)_", tag)
    if least is None:
        # Built with a C++ library newer than those whose systems are known.
        assert portability.glibc_minor(tmp_path) is None
    else:
        assert newest <= int(least.group(1)) <= int(platform.libc_ver()[1].split(".")[1])
    # Another's code goes with its terms.
    if pathlib.Path("/usr/share/doc/libyaml-cpp-dev/copyright").exists():
        assert (tmp_path / "cbr" / "licences" / "libyaml-cpp-dev").is_file()


@needs_ninja
def test_pip_install_and_uninstall(venv, wheel):
    run_well(venv("-m", "pip", "install", "--no-index", str(wheel)))
    path, releases = run_well(venv("-c", PROGRAM)).split()
    assert path.startswith(str(venv.place)) and releases == "1"
    program = venv.place / "bin" / "cbr"
    assert run_well(subprocess.run([program, "--version"], capture_output=True, text=True, check=False))
    bad = subprocess.run([program, "nonsense"], capture_output=True, text=True, check=False)
    assert bad.returncode == 2 and "nonsense" in bad.stderr
    told = run_well(venv("-c", "import importlib.metadata as m; d = m.distribution('cbr');"
                               "print(d.metadata.get_all('Provides-Extra'), d.requires)"))
    assert "'numpy', 'torch'" in told and "extra == \"numpy\"" in told
    assert "Files:" in run_well(venv("-m", "pip", "show", "--files", "cbr"))
    run_well(venv("-m", "pip", "uninstall", "--yes", "cbr"))
    assert not list(venv.place.rglob("*cbr*")) and not list(venv.place.rglob("krserve_native"))

    # Where a change to the sources is to count at once.
    run_well(venv("-m", "pip", "install", "--no-index", "--editable", str(SOURCE)))
    assert run_well(subprocess.run([program, "--version"], capture_output=True, text=True, check=False))
    path, releases = run_well(venv("-c", PROGRAM)).split()
    assert pathlib.Path(path).resolve() == SOURCE / "python" / "cbr" / "__init__.py"
    assert releases == "1"


def call_backend(code, path, folder):
    """Calls the build backend as pip does, with a PATH of its own."""
    return subprocess.run([sys.executable, "-c", f"import cmake_backend as backend\n{code}"],
                          capture_output=True, text=True, check=False, cwd=folder,
                          env={**os.environ, "PATH": str(path),
                               "PYTHONPATH": str(SOURCE / "python" / "build_backend")})


def test_a_missing_tool_is_one_clear_line(tmp_path):
    run = call_backend("backend.build_wheel('.')", tmp_path, tmp_path)
    assert run.returncode == 1
    assert run.stderr.startswith("cbr: cmake and ninja not found on PATH. ")
    assert "./dev packages" in run.stderr and run.stderr.count("\n") == 1


def test_the_metadata_needs_no_build(tmp_path):
    # No tool is there to build with. Then pip shows what it builds as that, and not as reading metadata.
    run = call_backend("print(backend.prepare_metadata_for_build_wheel('.'))", tmp_path, tmp_path)
    assert run.returncode == 0, run.stderr
    folder = tmp_path / run.stdout.strip()
    assert (folder / "METADATA").read_text(encoding="utf-8").startswith("Metadata-Version: ")
    assert "cbr = cbr._program:main" in (folder / "entry_points.txt").read_text(encoding="utf-8")


def test_an_archive_of_the_sources(tmp_path):
    run = call_backend("print(backend.build_sdist('.'))", os.environ["PATH"], tmp_path)
    assert run.returncode == 0, run.stderr
    name = run.stdout.strip()
    with tarfile.open(tmp_path / name) as archive:
        archive.extractall(tmp_path)
    top = tmp_path / name.removesuffix(".tar.gz")
    assert (top / "PKG-INFO").read_text(encoding="utf-8").startswith("Metadata-Version: ")
    for file in ["pyproject.toml", "CMakeLists.txt", "LICENSE", "python/src/module.cpp"]:
        assert (top / file).read_bytes() == (SOURCE / file).read_bytes()
    # An archive can be made of an unpacked one, which git does not know.
    again = tmp_path / "again"
    again.mkdir()
    run = subprocess.run([sys.executable, "-c", "import cmake_backend as backend, sys\n"
                          "backend.build_sdist(sys.argv[1])", again], check=False, cwd=top,
                         env={**os.environ, "PYTHONPATH": str(top / "python" / "build_backend"),
                              "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    with tarfile.open(tmp_path / name) as first, tarfile.open(again / name) as second:
        assert sorted(first.getnames()) == sorted(second.getnames())
