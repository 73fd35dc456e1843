"""Finds the code blocks of Markdown pages, and what to know in order to try them.

A comment right before a block says what its page does not show:

    <!-- snippet: context=ring -->

context=NAME       the names that the block takes for granted: a fixture of
                   *_context.h, a function of python_context.py, or for shell a folder to run in
coroutine          C++: the block is the body of a coroutine
queues=N           C++: where the device has fewer queues, the block is compiled and not run
leaves-out=COMMAND shell: the line that is just this command is not run; `because` says why
because=TEXT
printed-by=COMMAND text: what this shell command prints

Values with blanks stand in double quotes. Several leaves-out may be given.
"""

import dataclasses
import pathlib
import re
import shlex

import markdown_it

SOURCE = pathlib.Path(__file__).resolve().parents[3]
COMMENT = re.compile(r"<!-- snippet: (.*?) -->", re.DOTALL)
KEYS = {"context", "coroutine", "queues", "leaves-out", "because", "printed-by"}


@dataclasses.dataclass(frozen=True)
class CodeBlock:
    """A block of a page. `line` is that of its first line of code, counted from 1."""

    page: pathlib.Path
    line: int
    language: str
    text: str
    notes: dict[str, list[str]]

    @property
    def place(self):
        return f"{self.page.relative_to(SOURCE)}:{self.line}"

    @property
    def name(self):
        """The place as an identifier."""
        return re.sub(r"\W+", "_", str(self.page.relative_to(SOURCE).with_suffix(""))) + f"_line_{self.line}"

    def note(self, key, default=None):
        return self.notes[key][0] if key in self.notes else default


def pages():
    """Every page that users or contributors read."""
    return [SOURCE / "README.md", SOURCE / "CONTRIBUTING.md", *sorted(SOURCE.glob("examples/**/*.md")),
            *sorted(SOURCE.glob("docs/**/*.md"))]


def parse_notes(text, place):
    notes = {}
    for word in shlex.split(text):
        key, _, value = word.partition("=")
        if key not in KEYS:
            raise ValueError(f"{place}: \"{key}\" is no key; there are {', '.join(sorted(KEYS))}")
        notes.setdefault(key, []).append(value)
    if "leaves-out" in notes and "because" not in notes:
        raise ValueError(f"{place}: leaves-out lacks because=…")
    return notes


def code_blocks(page):
    """The blocks of a page, in its order. Raises ValueError where a comment is wrong, belongs to no
    block, or a block has no language."""
    notes, blocks = None, []
    for token in markdown_it.MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
        if token.map is None:
            continue
        place = f"{page.relative_to(SOURCE)}:{token.map[0] + 1}"
        if token.type == "code_block":
            raise ValueError(f"{place}: an indented code block has no language; use a fence")
        if token.type == "fence":
            language = token.info.strip()
            if not language:
                raise ValueError(f"{place}: a code block without a language; `text` is one")
            blocks.append(CodeBlock(page, token.map[0] + 2, language, token.content, notes or {}))
            notes = None
            continue
        if notes is not None:
            raise ValueError(f"{place}: the comment before this belongs to no code block")
        if token.type == "html_block" and (found := COMMENT.search(token.content)):
            notes = parse_notes(found[1], place)
    if notes is not None:
        raise ValueError(f"{page.relative_to(SOURCE)}: the last comment belongs to no code block")
    return blocks


def all_code_blocks(*languages):
    """The blocks of all pages in these languages; of every language, if none is named."""
    return [block for page in pages() for block in code_blocks(page)
            if not languages or block.language in languages]
