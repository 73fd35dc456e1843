"""Finds the code blocks of Markdown pages, and what to know in order to try them: notes.yaml has that."""

import dataclasses
import functools
import pathlib
import re

import markdown_it
import yaml

SOURCE = pathlib.Path(__file__).resolve().parents[3]
NOTES = pathlib.Path(__file__).with_name("notes.yaml")
KEYS = {"has", "context", "coroutine", "queues", "leaves-out", "because", "printed-by"}


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


@functools.cache
def all_notes():
    return yaml.safe_load(NOTES.read_text(encoding="utf-8"))


def notes_of(page, texts):
    """The notes of each of a page's blocks, whose texts these are. Raises ValueError where a note has a
    key that there is not, or belongs to no block or to several."""
    name = str(page.relative_to(SOURCE))
    found = [{} for _ in texts]
    for entry in all_notes().get(name, []):
        place = f"{NOTES.name}: {name}: \"{entry.get('has')}\""
        if not entry.get("has"):
            raise ValueError(f"{NOTES.name}: {name}: a note lacks `has`")
        for key in entry.keys() - KEYS:
            raise ValueError(f"{place}: \"{key}\" is no key; there are {', '.join(sorted(KEYS))}")
        if "leaves-out" in entry and "because" not in entry:
            raise ValueError(f"{place}: leaves-out lacks because")
        blocks = [number for number, text in enumerate(texts) if entry["has"] in text]
        if len(blocks) != 1:
            raise ValueError(f"{place} is in {len(blocks)} blocks of the page; it has to be in one")
        if found[blocks[0]]:
            raise ValueError(f"{place}: the block has a note already")
        found[blocks[0]] = {key: [str(part) for part in (value if isinstance(value, list) else [value])]
                            for key, value in entry.items() if key != "has"}
    return found


def code_blocks(page):
    """The blocks of a page, in its order. Raises ValueError where a note is wrong, or a block has no
    language."""
    fences = []
    for token in markdown_it.MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
        if token.map is None:
            continue
        place = f"{page.relative_to(SOURCE)}:{token.map[0] + 1}"
        if token.type == "code_block":
            raise ValueError(f"{place}: an indented code block has no language; use a fence")
        if token.type == "fence":
            if not token.info.strip():
                raise ValueError(f"{place}: a code block without a language; `text` is one")
            fences.append(token)
    notes = notes_of(page, [token.content for token in fences])
    return [CodeBlock(page, token.map[0] + 2, token.info.strip(), token.content, note)
            for token, note in zip(fences, notes)]


def all_code_blocks(*languages):
    """The blocks of all pages in these languages; of every language, if none is named."""
    for name in all_notes().keys() - {str(page.relative_to(SOURCE)) for page in pages()}:
        raise ValueError(f"{NOTES.name}: there is no page {name}")
    return [block for page in pages() for block in code_blocks(page)
            if not languages or block.language in languages]
