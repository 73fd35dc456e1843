#!/usr/bin/env python3
"""Makes sources of the C++ and Objective-C++ in the pages: generate_cpp.py FOLDER

A block becomes the body of a test, in the fixture that its comment names; one with a main() becomes a
program. Compilers and debuggers see the page's own lines. Prints the sources, a line each, and leaves
those that would not change as they are.
"""

import pathlib
import re
import sys

import code_blocks

SUFFIXES = {"cpp": ".cpp", "c++": ".mm", "objc++": ".mm"}
CONTEXTS = {".cpp": "vulkan_context.h", ".mm": "metal_context.h"}


def split_includes(text):
    """The block's includes, and the block with blank lines in their place."""
    include = re.compile(r"^#(?:include|import) .*$", re.MULTILINE)
    return include.findall(text), include.sub("", text)


def at_its_place(block, body):
    return f'#line {block.line} "{block.page}"\n{body}\n'


def program_source(block):
    return at_its_place(block, block.text)


def test_source(block):
    _, body = split_includes(block.text)
    body = at_its_place(block, body)
    if "coroutine" in block.notes:
        body = f"run_coroutine([&]() -> Task {{\n{body}co_return;\n}});\n"
    if queues := block.note("queues"):
        body = f"if (queue_count() < {queues}) GTEST_SKIP() << queue_count() << \" queue(s)\";\n{body}"
    return f"TEST_F({block.note('context', 'Nothing')}, {block.name}) {{\n{body}}}\n"


def page_source(blocks, suffix):
    includes = sorted({line for block in blocks for line in split_includes(block.text)[0]})
    return "\n".join([f"// Made from {blocks[0].page.name}.",
                      f'#include "docs/snippets/{CONTEXTS[suffix]}"', *includes, "",
                      "namespace cbr::docs {", *map(test_source, blocks), "}  // namespace cbr::docs", ""])


def sources():
    """Names and texts."""
    for page in code_blocks.pages():
        tests = {}
        for block in code_blocks.code_blocks(page):
            if block.language not in SUFFIXES:
                continue
            if re.search(r"\bint main\(", block.text):
                yield f"program_{block.name}.cpp", program_source(block)
            else:
                tests.setdefault(SUFFIXES[block.language], []).append(block)
        for suffix, blocks in tests.items():
            yield blocks[0].name.rpartition("_line_")[0] + suffix, page_source(blocks, suffix)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources():
        file = folder / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
        print(file)


if __name__ == "__main__":
    try:
        main(pathlib.Path(sys.argv[1]))
    except ValueError as error:
        sys.exit(str(error))
