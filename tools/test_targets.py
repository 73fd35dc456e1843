#!/usr/bin/env python3
"""Prints what has to be built for some tests: `test_targets.py BUILD_FOLDER REGEX`, which ctest -R has too.

The cases of a GoogleTest program are known to ctest once it is built; until then they are read from its
sources. Of other tests, their command and environment tell what they use of the build folder. Prints
"all" for a test that uses all of it, or if there is none with such a name, which ctest then says.
"""

import argparse
import json
import pathlib
import re
import subprocess

# Their scripts run, install and link whatever was built.
USE_ALL = {"package", "docs"}


def test_programs(build):
    """The sources of each test program, by its path in the build folder."""
    programs = {}
    for command in json.loads((build / "compile_commands.json").read_text()):
        found = re.search(r" -o (\S+)/CMakeFiles/(\w+)\.dir/", command["command"])
        if found and found[1].startswith(("tests/", "verification/")):
            programs.setdefault(f"{found[1]}/{found[2]}", []).append(pathlib.Path(command["file"]))
    return programs


def cases(source):
    """The cases in a source, as `Suite.Name`."""
    text = source.read_text(errors="replace")
    names = re.findall(r"^\s*(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)", text, re.MULTILINE)
    return [f"{suite}.{name}" for suite, name in names]


def ninja(build, *tool):
    shown = subprocess.run(["ninja", "-C", build, "-t", *tool], check=True, capture_output=True, text=True)
    return shown.stdout.splitlines()


def built_by_all(program, build):
    """False for what is built by name alone, and is no test here."""
    folder = pathlib.PurePath(program).parent
    return any(line.strip() == program for line in ninja(build, "query", f"{folder}/all"))


def ctest(build):
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"],
                           check=True, capture_output=True, text=True)
    return json.loads(shown.stdout)["tests"]


def used_by(test, build, targets):
    """What a test uses of the build folder."""
    properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
    if USE_ALL & set(properties.get("LABELS", [])):
        return {"all"}
    words = list(test.get("command", []))
    words += [value.partition("=")[2] for value in properties.get("ENVIRONMENT", [])]
    used = set()
    for word in words:
        if not word.startswith(f"{build}/"):
            continue
        path = word[len(f"{build}/"):]
        used |= {path, f"{path}/all"} & targets
    return used


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path, help="the build folder, configured")
    parser.add_argument("regex", type=re.compile, help="what ctest -R is given")
    arguments = parser.parse_args()
    build, matches = arguments.build.resolve(), arguments.regex.search
    targets = {line.rpartition(":")[0] for line in ninja(build, "targets", "all")}
    needed = set()
    for program, sources in test_programs(build).items():
        names = [pathlib.Path(program).name, *(case for source in sources for case in cases(source))]
        if any(map(matches, names)) and built_by_all(program, build):
            needed.add(program)
    for test in ctest(build):
        if matches(test["name"]):
            needed |= used_by(test, build, targets)
    print(*sorted(needed or {"all"}), sep="\n")


if __name__ == "__main__":
    main()
