"""Builds the package's wheel with CMake: what `pip install .` calls (PEP 517).

It has no requirements, so that pip needs no network. The compiler, CMake, Ninja and the libraries in
packages.txt have to be there.
"""

import base64
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _metadata():
    """Name, version and the text of METADATA. Python 3.9 has no reader of TOML."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[project]")[1]

    def field(name):
        return re.search(rf'^{name} = "(.*)"$', project, re.MULTILINE).group(1)

    text = (f"Metadata-Version: 2.1\nName: {field('name')}\nVersion: {field('version')}\n"
            f"Summary: {field('description')}\nLicense: Apache-2.0\n"
            f"Requires-Python: {field('requires-python')}\n")
    return field("name"), field("version"), text


def _tag():
    # Debian's sysconfig and pip agree on this for the interpreter that runs us.
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
    return f"{version}-{version}-{platform}"


def _run(*command):
    print("+", *command, flush=True)
    subprocess.run([str(part) for part in command], check=True)


def _build(folder):
    """Compiles the module and lays the package out in `folder`."""
    build = ROOT / "build" / f"wheel-{_tag()}"
    configure = ["cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-D", "CMAKE_BUILD_TYPE=Release",
                 "-D", "CBR_BUILD_TESTS=OFF", "-D", "CBR_BUILD_BENCHMARKS=OFF",
                 "-D", "CBR_BUILD_PYTHON=ON", "-D", f"Python_EXECUTABLE={sys.executable}"]
    if shutil.which("ccache"):
        configure += ["-D", "CMAKE_CXX_COMPILER_LAUNCHER=ccache"]
    _run(*configure)
    # Switched off where Python's headers or pybind11 are missing, which is an error here.
    cache = (build / "CMakeCache.txt").read_text(encoding="utf-8")
    if "CBR_BUILD_PYTHON:BOOL=ON" not in cache:
        raise SystemExit("cbr: pybind11 or the headers of Python are missing (Debian: "
                         "pybind11-dev, python3-dev)")
    _run("cmake", "--build", build, "--target", "cbr_python")
    _run("cmake", "--install", build, "--prefix", folder, "--component", "python", "--strip")


def _write_wheel(path, folder, dist_info, tag):
    name, version, metadata = _metadata()
    (folder / dist_info).mkdir()
    (folder / dist_info / "METADATA").write_text(metadata, encoding="utf-8")
    (folder / dist_info / "WHEEL").write_text(
        f"Wheel-Version: 1.0\nGenerator: {name} {version}\nRoot-Is-Purelib: false\nTag: {tag}\n",
        encoding="utf-8")
    shutil.copy(ROOT / "LICENSE", folder / dist_info / "LICENSE")
    record = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            inside = file.relative_to(folder).as_posix()
            data = file.read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{inside},sha256={digest},{len(data)}\n")
            wheel.write(file, inside)
        record.append(f"{dist_info}/RECORD,,\n")
        wheel.writestr(f"{dist_info}/RECORD", "".join(record))


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """PEP 517: builds the wheel and returns its file name."""
    name, version, _ = _metadata()
    tag = _tag()
    file_name = f"{name}-{version}-{tag}.whl"
    with tempfile.TemporaryDirectory() as folder:
        _build(folder)
        _write_wheel(os.path.join(wheel_directory, file_name), pathlib.Path(folder),
                     f"{name}-{version}.dist-info", tag)
    return file_name


def build_sdist(sdist_directory, config_settings=None):
    """PEP 517: packs the files that git knows and returns the archive's name."""
    name, version, metadata = _metadata()
    top = f"{name}-{version}"
    files = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], check=True,
                           capture_output=True).stdout.decode().split("\0")
    with tarfile.open(os.path.join(sdist_directory, f"{top}.tar.gz"), "w:gz") as archive:
        for file in filter(None, files):
            archive.add(ROOT / file, f"{top}/{file}")
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as info:
            info.write(metadata)
            info.flush()
            archive.add(info.name, f"{top}/PKG-INFO")
    return f"{top}.tar.gz"
