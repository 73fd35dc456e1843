#!/usr/bin/env python3
"""Checks the stub headers of the fake: they declare nothing that nobody uses.

A declaration that only the fake knows would prove nothing about Apple's headers, and would go
unnoticed when it is misspelt. Also: sources that run on the fake must not say @available, which
clang takes for true off Apple's platforms.

Usage: check_declarations.py ROOT
"""

import pathlib
import re
import sys

# The compiler calls these for literals, subscripts, loops and copied properties.
FROM_SYNTAX = {
    "arrayWithObjects:count:",
    "copyWithZone:",
    "countByEnumeratingWithState:objects:count:",
    "dictionaryWithObjects:forKeys:count:",
    "objectAtIndexedSubscript:",
    "objectForKeyedSubscript:",
}
IMPLEMENTATION = ("include", "foundation", "metal", "runtime")


def users(root):
    """The sources whose needs the headers serve."""
    fake = root / "verification" / "metal_fake"
    folders = ["src/backends/metal", "include/cbr", "examples", "tests", "verification",
               "benchmarks"]
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".mm", ".h", ".cpp"):
                continue
            if any(fake / part in path.parents for part in IMPLEMENTATION):
                continue
            yield path


def without_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)


def declared(text):
    """Selectors, properties and enumerators of a header."""
    text = without_comments(text)
    for method in re.findall(r"^[-+] ?\((?:[^()]|\([^()]*\))*\)([^;{]*);", text, flags=re.M):
        method = re.sub(r"\b[A-Z_]+(?:_[A-Z]+)+\b(\((?:[^()]|\([^()]*\))*\))?", " ", method)
        keywords = re.findall(r"(\w+):", method)
        yield "".join(f"{word}:" for word in keywords) or method.strip()
    for name in re.findall(r"@property\([^)]*\)[^;]*?(\w+)(?: API_AVAILABLE[^;]*)?;", text):
        yield name
    for body in re.findall(r"NS_(?:ENUM|OPTIONS)\([^)]*\) \{([^}]*)\}", text):
        yield from re.findall(r"^\s*(\w+) =", body, flags=re.M)


def main():
    root = pathlib.Path(sys.argv[1])
    used = set()
    failures = []
    for path in users(root):
        text = without_comments(path.read_text(encoding="utf-8"))
        used.update(re.findall(r"\w+", text))
        if path.suffix == ".mm" and "@available" in text:
            failures.append(f"{path}: says @available; say __builtin_available")
    for header in sorted((root / "verification/metal_fake/include").rglob("*.h")):
        found = sorted(set(declared(header.read_text(encoding="utf-8"))))
        if not found:
            failures.append(f"{header}: no declarations recognised")
        for name in found:
            if name in FROM_SYNTAX:
                continue
            # A property may be used through its setter alone.
            words = [word for word in name.split(":") if word]
            setter = f"set{name[0].upper()}{name[1:]}"
            if not all(word in used for word in words) and setter not in used:
                failures.append(f"{header}: nobody uses {name}")
    print("\n".join(failures) or "every declaration is used")
    return 1 if failures else 0


sys.exit(main())
