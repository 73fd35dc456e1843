"""What this site has that MkDocs doesn't make: the C++ reference, by Doxygen, and a search that finds it too and
works from a disk."""

import html
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import warnings
import xml.etree.ElementTree as ElementTree

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

REFERENCE = "reference/cpp"
# The pages of the reference, for the search.
found_in_reference = []
# The theme's own templates have these, and MkDocs would show them.
warnings.filterwarnings("ignore", "invalid escape sequence", DeprecationWarning)


def undocumented(folder):
    """What has no comment and Doxygen doesn't warn of: the enumerators and namespaces in its XML."""
    for path in sorted(folder.glob("*.xml")):
        for entity in ElementTree.parse(path).iter():
            if entity.tag == "memberdef" and entity.get("kind") == "enum" and entity.get("prot") == "public":
                named = [(value, value.findtext("name")) for value in entity.findall("enumvalue")]
            elif entity.tag == "compounddef" and entity.get("kind") == "namespace":
                named = [(entity, entity.findtext("compoundname"))]
            else:
                continue
            place = entity.find("location")
            for described, name in named:
                if name != "std" and not "".join(described.find("briefdescription").itertext()).strip():
                    yield f"include/{place.get('file')}:{place.get('line')}: {name} is not documented."


def words(element):
    """The text of an element of Doxygen's XML, or of none."""
    return " ".join("".join(element.itertext()).split()) if element is not None else ""


def said_of(entity):
    return f"{words(entity.find('briefdescription'))} {words(entity.find('detaileddescription'))}".strip()


def search_entries(folder):
    """The reference as MkDocs has pages in its search index: for each page an entry with all its text, one for its
    beginning, and one for each part. `folder` is what Doxygen wrote."""
    pages, parts = {}, {}
    for path in sorted((folder / "xml").glob("*.xml")):
        for compound in ElementTree.parse(path).iterfind("compounddef"):
            if compound.get("id") == "indexpage":
                pages["index"] = compound.findtext("title"), said_of(compound)
            if not (folder / "html" / f"{compound.get('id')}.html").is_file():
                continue
            kind = {"file": "header"}.get(compound.get("kind"), compound.get("kind"))
            pages[compound.get("id")] = f"{compound.findtext('compoundname')} {kind}", said_of(compound)
            for member in [*compound.iter("memberdef"), *compound.iter("enumvalue")]:
                page, _, anchor = member.get("id").rpartition("_1")
                if member.get("prot") != "private" and member.get("kind") != "friend":
                    parts.setdefault(page, {})[anchor] = member.findtext("name"), said_of(member)

    for page, (title, text) in sorted(pages.items()):
        location = f"{REFERENCE}/{page}.html"
        inside = parts.get(page, {})
        everything = " ".join([text, *(" ".join(part) for part in inside.values())])
        for place, name, content in [("", title, everything), ("#top", title, text),
                                     *((f"#{anchor}", *part) for anchor, part in inside.items())]:
            yield {"location": location + place, "title": html.escape(name, quote=False), "text": content}


def make_reference(site, root):
    """Runs Doxygen and puts its pages into the site. Returns their entries for the search. Throws PluginError if
    anything lacks a comment."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        done = subprocess.run(["doxygen", "website/Doxyfile"], cwd=root, check=False,
                              env={**os.environ, "CBR_REFERENCE": temporary})
        if done.returncode != 0:
            raise PluginError("Doxygen fails; its lines above say where.")
        if missing := list(undocumented(folder / "xml")):
            raise PluginError("\n".join(missing))
        shutil.copytree(folder / "html", site / REFERENCE)
        shutil.copy(root / "website/search.html", site / REFERENCE)
        # Doxygen offers browsers a search on its server, which there isn't.
        for page in (site / REFERENCE).glob("*.html"):
            text = page.read_text(encoding="utf-8")
            page.write_text(re.sub('<link rel="search"[^>]*/>\n', "", text), encoding="utf-8")
        return list(search_entries(folder))


def on_files(files, config):
    """Adds the C++ reference to the files of the site, for the navigation to find it."""
    site = pathlib.Path(config["site_dir"])
    found_in_reference[:] = make_reference(site, pathlib.Path(config["config_file_path"]).parent)
    for path in sorted((site / REFERENCE).rglob("*")):
        if path.is_file():
            files.append(File(path.relative_to(site).as_posix(), str(site), str(site),
                              config["use_directory_urls"]))
    return files


def cell(match):
    """A cell of a table that keeps numbers and their units on one line, and says whether it has much text."""
    text = re.sub(r"(?<=\d) (?=%|[nµm]?s\b|[KM]i?B\b)", "\u00a0", match[2])
    much = len(re.sub("<[^>]*>", "", text)) > 40
    return f"<td{' class=much' if much else ''}{match[1]}>{text}</td>"


def on_page_content(text, **_):
    """Makes the cells of tables fit for narrow screens."""
    return re.sub("<td([^>]*)>(.*?)</td>", cell, text, flags=re.DOTALL)


SEARCH = """var __search = {index: Promise.resolve(%s),
transform: query => {
  const words = query.replace(new RegExp(%s, "g"), " ").trim();
  return `${words} ${words}`.trim();
}}
"""


def on_post_build(config):
    """Adds the C++ reference to the search index, and makes that a script: a page on a disk may not read other
    files. What separates words in a text does so in a query too, where the search would take it for an operator. The
    search takes the last word for the beginning of one; each is there twice, so that whole words come first."""
    site = pathlib.Path(config["site_dir"])
    path = site / "search/search_index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    index["docs"] += found_in_reference
    text = json.dumps(index, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    (site / "search/search_index.js").write_text(SEARCH % (text, json.dumps(index["config"]["separator"])),
                                                 encoding="utf-8")
    # These are about an address on the web, which the site doesn't have.
    for name in ["404.html", "sitemap.xml", "sitemap.xml.gz"]:
        (site / name).unlink()
