"""Which Linux systems a wheel runs on, by what its compiled files ask of the system."""

import os
import re
import subprocess

# What every Linux of PEP 600 has, of all that a file may link.
ALLOWED = re.compile(r"ld-linux[-\w]*\.so\.\d|lib(c|dl|gcc_s|m|pthread|rt|stdc\+\+)\.so\.\d")
# Versions of the C++ library, and the C library 2.N of the oldest systems that have them, as auditwheel counts them.
_GLIBC_OF = {r"\bGLIBCXX_3\.4\.(\d+)": {19: 17, 29: 34, 30: 35}, r"\bCXXABI_1\.3\.(\d+)": {7: 17, 13: 34}}


def _dump(file):
    return subprocess.run(["objdump", "-p", str(file)], check=True, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def compiled_files(folder):
    """The ELF files in it."""
    def is_elf(file):
        with file.open("rb") as opened:
            return opened.read(4) == b"\x7fELF"

    return sorted(file for file in folder.rglob("*") if file.is_file() and is_elf(file))


def needed(file):
    """The names of the libraries that a compiled file links."""
    return re.findall(r"^\s+NEEDED\s+(\S+)$", _dump(file), re.MULTILINE)


def search_paths(file):
    """Where a compiled file looks for them first."""
    found = re.findall(r"^\s+R(?:UN)?PATH\s+(\S+)$", _dump(file), re.MULTILINE)
    return [path for paths in found for path in paths.split(":")]


def glibc_minor(folder):
    """The least 2.N of the C library that all compiled files in the folder run with; None if they need more than
    that: a library that is neither in the folder nor on every system, a C++ library that is too new, or a way of
    the C library that has no number."""
    files = compiled_files(folder)
    inside = {file.name for file in files}
    least = 17
    for file in files:
        if any(not ALLOWED.fullmatch(name) and name not in inside for name in needed(file)):
            return None
        dump = _dump(file)
        if "GLIBC_ABI_" in dump:
            return None
        least = max([least, *map(int, re.findall(r"\bGLIBC_2\.(\d+)", dump))])
        for pattern, glibc_of in _GLIBC_OF.items():
            newest = max(map(int, re.findall(pattern, dump)), default=0)
            fitting = [glibc for version, glibc in glibc_of.items() if version >= newest]
            if not fitting:
                return None
            least = max(least, min(fitting))
    return least
