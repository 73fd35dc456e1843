"""GLSL to SPIR-V."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import tempfile

from cbr import _cbr

_COMPILER = "glslangValidator"


def compile_glsl(source: str, *, name: str = "kernel") -> bytes:
    """The SPIR-V of a GLSL compute shader, for Vulkan 1.2.

    Raises InputError with the compiler's messages, BackendError if there is no compiler.
    """
    if not isinstance(source, str):
        raise TypeError(f"source is {source!r:.80}, GLSL in a string is needed")
    compiler = shutil.which(_COMPILER)
    if compiler is None:
        raise _cbr.BackendError(
            f"{name}: {_COMPILER}, which compiles GLSL, is not on PATH; it is in the package "
            "glslang-tools. SPIR-V needs no compiler: Kernel(spirv)")
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "kernel.spv"
        (pathlib.Path(folder) / "kernel.comp").write_text(source, encoding="utf-8")
        run = subprocess.run(
            [compiler, "--quiet", "-V", "--target-env", "vulkan1.2", "-o", "kernel.spv",
             "kernel.comp"],
            cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
        if run.returncode != 0 or not output.exists():
            messages = (run.stdout + run.stderr).strip()
            raise _cbr.InputError(f"{name}: the GLSL does not compile:\n{messages}")
        return output.read_bytes()
