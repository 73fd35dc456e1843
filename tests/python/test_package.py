"""What type checkers and importers see."""

import ast
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys

import pytest

import cbr
from cbr import _cbr
from conftest import SOURCE


MODULES = [cbr, *(importlib.import_module(f"cbr.{name}") for name in ("bench", "compute", "decode"))]


def test_all_names_are_there_and_documented():
    for module in MODULES:
        assert module.__doc__
        for name in module.__all__:
            assert getattr(module, name) is not None
    assert cbr.CommandBufferRing.__doc__ and cbr.Ticket.wait.__doc__
    assert f'version = "{cbr.__version__}"' in (SOURCE / "pyproject.toml").read_text()


def test_the_ring_knows_nothing_of_what_proves_it(run_python):
    run = run_python("import cbr, sys; print(*(name for name in sys.modules if name[:4] == 'cbr.'))")
    assert not {"cbr.bench", "cbr.compute", "cbr.decode"} & set(run.stdout.split()), run.stdout
    assert "cbr.simulated" in run.stdout


@pytest.mark.skipif(shutil.which("mypy") is None, reason="mypy is not installed")
def test_the_types_are_right(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import cbr.compute\n"
        "import cbr.decode\n"
        "ring = cbr.CommandBufferRing(3, backend='simulated', wait_strategy='spin')\n"
        "with ring.acquire(timeout=1.0, priority='high') as lease:\n"
        "    pass\n"
        "done: bool = lease.ticket.wait(1.0)\n"
        "index: int | None = cbr.wait_any([lease.ticket])\n"
        "rate: float = ring.statistics().reuse_rate\n"
        "gpu: cbr.GpuActivity | None = ring.statistics().gpu\n"
        "idle: float = gpu.idle_by_cause['encode'] if gpu else 0.0\n"
        "kinds: list[str] = [finding.kind for finding in ring.diagnose().findings]\n"
        "recorder = cbr.Recorder(capacity=8, next=cbr.Recorder())\n"
        "ring = cbr.CommandBufferRing(backend='simulated', observer=recorder)\n"
        "costs: list[cbr.StepCosts] = cbr.step_costs(recorder.recording())\n"
        "costs[0].encode /= 2\n"
        "speed: float = cbr.predict(cbr.merge_steps(costs, 2), 3).steps_per_second\n"
        "start: float | None = recorder.recording().submissions[0].times.acquire_begin\n"
        "data: cbr.compute.Buffer = cbr.compute.Buffer(64)\n"
        "text: cbr.decode.Generation = cbr.decode.Decoder('model').generate('prompt')\n"
        "async def main() -> None:\n"
        "    await lease.ticket\n")
    run = subprocess.run(["mypy", "--strict", "--python-version", "3.11", "--cache-dir",
                          tmp_path / "cache", "-p", "cbr", "-p", "krserve_native"],
                         env={**os.environ, "MYPYPATH": str(SOURCE / "compat")},
                         cwd=SOURCE / "python", capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    run = subprocess.run(["mypy", "--strict", "--cache-dir", tmp_path / "cache", program],
                         env={"MYPYPATH": str(SOURCE / "python"), "PATH": "/usr/bin:/bin"},
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def stub_members(class_node):
    """Name to parameter names, or None for a property."""
    members = {}
    for node in class_node.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        # Of a property, which comes before it.
        if any(getattr(each, "attr", "") == "setter" for each in node.decorator_list):
            continue
        arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        is_property = any(getattr(each, "id", "") == "property" for each in node.decorator_list)
        members[node.name] = None if is_property else [each.arg for each in arguments]
    return members


def compiled_members(compiled):
    members = {}
    for name, value in vars(compiled).items():
        if isinstance(value, staticmethod):
            value = getattr(compiled, name)
        if isinstance(value, property):
            members[name] = None
        elif callable(value) and value.__doc__ and f"{name}(" in value.__doc__:
            signature = value.__doc__.splitlines()[0]
            members[name] = re.findall(r"(?<=[(, ])(?<!\*)(\w+)(?=: )", signature)
    return members


def test_the_stubs_are_those_of_the_module():
    tree = ast.parse((SOURCE / "python/cbr/_cbr.pyi").read_text(encoding="utf-8"))
    stubs = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    classes = {name: value for name, value in vars(_cbr).items() if isinstance(value, type)}
    assert stubs.keys() == classes.keys()
    for name, stub in stubs.items():
        if issubclass(classes[name], BaseException):
            assert {base.id for base in stub.bases} == {
                base.__name__ for base in classes[name].__bases__}
            continue
        declared, compiled = stub_members(stub), compiled_members(classes[name])
        public = {member for member in declared.keys() | compiled.keys()
                  if not member.startswith("_")}
        for member in public | ({"__init__"} & declared.keys()):
            assert declared.get(member, "absent") == compiled.get(member, "absent"), (name, member)
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert functions == {name for name, value in vars(_cbr).items()
                         if callable(value) and not isinstance(value, type)}


def test_every_public_name_says_what_it_is():
    undocumented = []
    for module, name in ((module, name) for module in MODULES for name in module.__all__):
        value = getattr(module, name)
        if name == "__version__" or (isinstance(value, type) and issubclass(value, Exception)):
            continue
        members = {} if not isinstance(value, type) else {
            f"{name}.{member}": getattr(value, member) for member in dir(value)
            if not member.startswith("_") and not issubclass(value, str)}
        for path, each in {name: value, **members}.items():
            text = each.__doc__ or ""
            # pybind11 puts the signature before it.
            if "->" in text.partition("\n")[0]:
                text = text.partition("\n")[2]
            if not text.strip():
                undocumented.append(path)
    assert undocumented == []


def test_signatures_can_be_inspected():
    tree = ast.parse((SOURCE / "python/cbr/_cbr.pyi").read_text(encoding="utf-8"))
    wrong = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            declared = [each.arg for each in node.args.args + node.args.kwonlyargs]
            if list(inspect.signature(getattr(_cbr, node.name)).parameters) != declared:
                wrong.append(node.name)
        if not isinstance(node, ast.ClassDef) or issubclass(getattr(_cbr, node.name), Exception):
            continue
        for name, declared in stub_members(node).items():
            compiled = getattr(_cbr, node.name)
            if declared is None or (name.startswith("_") and name != "__init__"):
                continue
            try:
                value = compiled if name == "__init__" else getattr(compiled, name)
                names = list(inspect.signature(value).parameters)
            except ValueError as error:
                names = [str(error)]
            if name == "__init__":
                declared = declared[1:]
            if [each for each in names if each != "args"] != declared:
                wrong.append((node.name, name, names, declared))
    assert wrong == []
    signature = inspect.signature(cbr.CommandBufferRing.acquire)
    assert str(signature) == "(self, timeout=None, *, priority=None, queue=None, label='')"
    # That of its own __init__.
    assert "ring_size" in inspect.signature(cbr.CommandBufferRing).parameters
    assert "size" in inspect.signature(cbr.compute.Buffer).parameters


def test_no_signature_shows_cpp():
    for value in vars(_cbr).values():
        for each in [value, *vars(value).values()] if isinstance(value, type) else [value]:
            assert "::" not in (getattr(each, "__doc__", None) or "")


@pytest.mark.parametrize(("built", "words"), [
    ([], "is not in .*pip install"), (["_cbr.cpython-20-x.so"], "is for another Python than this")])
def test_a_missing_compiled_part_is_a_clear_error(built, words, tmp_path):
    shutil.copytree(SOURCE / "python" / "cbr", tmp_path / "cbr")
    for name in built:
        (tmp_path / "cbr" / name).touch()
    run = subprocess.run([sys.executable, "-c", "import cbr"], cwd=tmp_path, capture_output=True,
                         text=True, check=False, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert run.returncode == 1
    assert re.search(f"^ImportError: .*{words}", run.stderr, re.MULTILINE), run.stderr
