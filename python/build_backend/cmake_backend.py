"""Builds the package's wheel with CMake: what `pip install .` calls (PEP 517, and 660 for `-e`).

It has no requirements, so that pip needs no network. The compiler, CMake, Ninja and the libraries in
packages/ have to be there.
"""

import base64
import hashlib
import io
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
from platform import libc_ver

import portability

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _table(name):
    """The lines of a table of pyproject.toml. Python 3.9 has no reader of TOML."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return text.split(f"\n[{name}]\n")[1].split("\n[")[0]


def _metadata():
    """Name, version and the text of METADATA."""
    project = _table("project")

    def field(name):
        return re.search(rf'^{name} = "(.*)"$', project, re.MULTILINE).group(1)

    text = (f"Metadata-Version: 2.1\nName: {field('name')}\nVersion: {field('version')}\n"
            f"Summary: {field('description')}\nLicense: Apache-2.0\n"
            f"Requires-Python: {field('requires-python')}\n")
    for extra, needed in re.findall(r'^(\w+) = \["(.*)"\]$', _table("project.optional-dependencies"),
                                    re.MULTILINE):
        text += f'Provides-Extra: {extra}\nRequires-Dist: {needed}; extra == "{extra}"\n'
    return field("name"), field("version"), text


def _write_dist_info(folder):
    """Makes what is known of a wheel before it is built. Returns the folder's name."""
    name, version, metadata = _metadata()
    dist_info = folder / f"{name}-{version}.dist-info"
    dist_info.mkdir()
    (dist_info / "METADATA").write_text(metadata, encoding="utf-8")
    scripts = _table("project.scripts").replace('"', "")
    (dist_info / "entry_points.txt").write_text(f"[console_scripts]\n{scripts}", encoding="utf-8")
    shutil.copy(ROOT / "LICENSE", dist_info / "LICENSE")
    return dist_info.name


def _tag(folder=None):
    """The interpreter and the systems that a wheel of what lies in `folder` is for; without one, this system."""
    # Debian's sysconfig and pip agree on this for the interpreter that runs us.
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
    if folder is not None and platform.startswith("linux_") and libc_ver()[0] == "glibc":
        minor = portability.glibc_minor(folder)
        if minor is not None:
            platform = platform.replace("linux", f"manylinux_2_{minor}", 1)
    return f"{version}-{version}-{platform}"


def _fail(text):
    raise SystemExit(f"cbr: {text}. The build needs packages that packages/ lists; on Debian, "
                     "./dev packages installs them.")


def _run(*command):
    print("+", *command, flush=True)
    done = subprocess.run([str(part) for part in command], check=False)
    if done.returncode != 0:
        _fail(f"{command[0]} failed ({done.returncode}), see above")


def _build():
    """Compiles module and program, and returns the folder that they were built in."""
    missing = [tool for tool in ("cmake", "ninja") if shutil.which(tool) is None]
    if missing:
        _fail(f"{' and '.join(missing)} not found on PATH")
    # The interpreter that a virtual environment stands on: the next one finds the same build. Two
    # installs of one version of Python do not share it.
    python = getattr(sys, "_base_executable", None) or sys.executable
    place = hashlib.sha256(sys.base_prefix.encode()).hexdigest()[:8]
    build = ROOT / "build" / f"wheel-static-{_tag()}-{place}"
    # Objects that another build folder of these sources has are the same.
    os.environ.setdefault("CCACHE_BASEDIR", str(ROOT))
    os.environ.setdefault("CCACHE_NOHASHDIR", "1")
    configure = ["cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-D", "CMAKE_BUILD_TYPE=Release",
                 # Few, large units: what is built is built whole, and most often once.
                 "-D", "CMAKE_UNITY_BUILD=ON", "-D", "CMAKE_UNITY_BUILD_BATCH_SIZE=10",
                 "-D", "CBR_BUILD_TESTS=OFF", "-D", "CBR_BUILD_BENCHMARKS=OFF",
                 "-D", "CBR_BUILD_PYTHON=ON", "-D", "CBR_BUILD_SHARED=OFF",
                 "-D", "CBR_STATIC_DEPENDENCIES=ON", "-D", f"Python_EXECUTABLE={python}"]
    _run(*configure)
    # Switched off where something of this is missing, which is an error here.
    cache = (build / "CMakeCache.txt").read_text(encoding="utf-8")
    if "CBR_BUILD_PYTHON:BOOL=ON" not in cache:
        _fail(f"pybind11 (pybind11-dev), SPIRV-Tools (spirv-tools), SPIRV-Cross "
              f"(libspirv-cross-c-shared-dev) or the headers of {python} (python3-dev) are missing")
    _run("cmake", "--build", build, "--target", "cbr_python", "--target", "cbr_tool")
    return build


def _resolve_links(folder):
    """A library lies there once, under the name that it is looked for by: an archive can't hold links."""
    for link in [each for each in folder.rglob("*") if each.is_symlink()]:
        link.resolve().replace(link)


def _write_wheel(wheel_directory, folder):
    """Makes a wheel of what lies in `folder`, and returns its file name."""
    name, version, _ = _metadata()
    tag = _tag(folder)
    file_name = f"{name}-{version}-{tag}.whl"
    path = os.path.join(wheel_directory, file_name)
    dist_info = _write_dist_info(folder)
    (folder / dist_info / "WHEEL").write_text(
        f"Wheel-Version: 1.0\nGenerator: {name} {version}\nRoot-Is-Purelib: false\nTag: {tag}\n",
        encoding="utf-8")
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
    return file_name


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    """PEP 517: the metadata alone. With it pip says that it builds while it does; else it would build
    the wheel in order to look at it."""
    return _write_dist_info(pathlib.Path(metadata_directory))


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """PEP 517: builds the wheel and returns its file name."""
    build = _build()
    with tempfile.TemporaryDirectory() as folder:
        _run("cmake", "--install", build, "--prefix", folder, "--component", "python", "--strip")
        folder = pathlib.Path(folder)
        _resolve_links(folder)
        return _write_wheel(wheel_directory, folder)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """PEP 660: a wheel that points to the build, where the Python files are links to the sources."""
    build = _build()
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "cbr.pth").write_text(f"{build / 'python'}\n", encoding="utf-8")
        return _write_wheel(wheel_directory, pathlib.Path(folder))


def _source_files():
    """The files that git knows, or all of an unpacked archive."""
    git = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], check=False,
                         capture_output=True) if (ROOT / ".git").exists() else None
    if git is not None and git.returncode == 0:
        names = filter(None, git.stdout.decode().split("\0"))
        return [name for name in names if (ROOT / name).exists()]
    return [name for name in sorted(each.relative_to(ROOT).as_posix() for each in ROOT.rglob("*")
                                    if each.is_file())
            if name.split("/")[0] not in ("build", "PKG-INFO") and "__pycache__" not in name]


def build_sdist(sdist_directory, config_settings=None):
    """PEP 517: packs the sources and returns the archive's name."""
    name, version, metadata = _metadata()
    top = f"{name}-{version}"

    def nobodys(entry):
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(os.path.join(sdist_directory, f"{top}.tar.gz"), "w:gz") as archive:
        for file in _source_files():
            archive.add(ROOT / file, f"{top}/{file}", filter=nobodys)
        info = tarfile.TarInfo(f"{top}/PKG-INFO")
        text = metadata.encode()
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    return f"{top}.tar.gz"
