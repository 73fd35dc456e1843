#!/usr/bin/env python3
"""Compares what translated kernels declare in Metal's language with what spirv-cross tells of the
SPIR-V they come from: buffer indices, the layout of the arguments and the constants.

Usage: check_arguments.py DIRECTORY    with NAME.metal and NAME.json for each kernel
"""

import json
import pathlib
import re
import sys

SIZES = {"uint": 4, "int": 4, "float": 4}
POINTER = 8


def fail(name, text):
    raise SystemExit(f"{name}: {text}")


def expected_arguments(name, reflection):
    """Members of the push constants: (name, whether a pointer, type, offset)."""
    for kind in ("ssbos", "ubos", "textures", "images", "separate_samplers", "subpass_inputs"):
        if reflection.get(kind):
            fail(name, f"has {kind}, which would take buffer indices beside the argument's")
    blocks = reflection.get("push_constants", [])
    if len(blocks) != 1:
        fail(name, f"has {len(blocks)} push constant blocks, 1 is what index 0 stands for")
    members = []
    for member in reflection["types"][blocks[0]["type"]]["members"]:
        pointer = member.get("physical_pointer", False)
        kind = reflection["types"][member["type"]]["name"] if pointer else member["type"]
        members.append((member["name"], pointer, kind, member["offset"]))
    return members


def declared_arguments(name, msl):
    """The same, of the structure at the one buffer index, with the offsets that Metal gives it."""
    kernel = re.search(rf"^kernel void {name}\((.*)\)$", msl, re.MULTILINE)
    if not kernel:
        fail(name, "declares no kernel of its name")
    buffers = re.findall(r"constant (\w+)& \w+ \[\[buffer\((\d+)\)\]\]", kernel[1])
    if len(re.findall(r"\[\[(?:buffer|texture|sampler)\(", kernel[1])) != 1 or len(buffers) != 1:
        fail(name, f"declares other resources than one argument: {kernel[1]}")
    structure, index = buffers[0]
    body = re.search(rf"struct {structure}\n{{\n(.*?)\n}};", msl, re.DOTALL)[1]
    offset = 0
    members = []
    for line in body.splitlines():
        declaration = re.fullmatch(r"\s*(device )?(\w+)(\*)? (\w+);", line)
        if not declaration:
            fail(name, f"declares an argument that this check can't read: {line.strip()}")
        pointer = declaration[3] is not None
        size = POINTER if pointer else SIZES[declaration[2]]
        offset = -(-offset // size) * size
        members.append((declaration[4], pointer, declaration[2], offset))
        offset += size
    return int(index), members


def check(directory, name):
    reflection = json.loads((directory / f"{name}.json").read_text())
    msl = (directory / f"{name}.metal").read_text()
    index, declared = declared_arguments(name, msl)
    if index != 0:
        fail(name, f"takes its argument at buffer index {index}, the host passes it at 0")
    expected = expected_arguments(name, reflection)
    if declared != expected:
        fail(name, f"declares the arguments {declared}, the SPIR-V has {expected}")
    constants = {constant["id"] for constant in reflection.get("specialization_constants", [])}
    found = {int(n) for n in re.findall(r"\[\[function_constant\((\d+)\)\]\]", msl)}
    found |= {int(n) for n in re.findall(r"#ifndef SPIRV_CROSS_CONSTANT_ID_(\d+)", msl)}
    if found != constants:
        fail(name, f"declares the constants {sorted(found)}, the SPIR-V has {sorted(constants)}")


def main():
    directory = pathlib.Path(sys.argv[1])
    names = sorted(path.stem for path in directory.glob("*.metal"))
    if not names:
        fail(directory, "holds no kernels")
    for name in names:
        check(directory, name)
    print(f"{len(names)} kernels: {', '.join(names)}")


if __name__ == "__main__":
    main()
