"""What this site has that MkDocs doesn't make: the C++ reference, by Doxygen, and a search from a disk."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import warnings
import xml.etree.ElementTree as ElementTree

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

REFERENCE = "reference/cpp"
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


def make_reference(site, root):
    """Runs Doxygen and puts its pages into the site. Throws PluginError if anything lacks a comment."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        done = subprocess.run(["doxygen", "website/Doxyfile"], cwd=root, check=False,
                              env={**os.environ, "CBR_REFERENCE": temporary})
        if done.returncode != 0:
            raise PluginError("Doxygen fails; its lines above say where.")
        if missing := list(undocumented(folder / "xml")):
            raise PluginError("\n".join(missing))
        shutil.copytree(folder / "html", site / REFERENCE)


def on_files(files, config):
    """Adds the C++ reference to the files of the site, for the navigation to find it."""
    site = pathlib.Path(config["site_dir"])
    make_reference(site, pathlib.Path(config["config_file_path"]).parent)
    for path in sorted((site / REFERENCE).rglob("*")):
        if path.is_file():
            files.append(File(path.relative_to(site).as_posix(), str(site), str(site),
                              config["use_directory_urls"]))
    return files


def on_post_build(config):
    """Makes the search index a script: a page on a disk may not read other files."""
    site = pathlib.Path(config["site_dir"])
    index = (site / "search/search_index.json").read_text(encoding="utf-8")
    (site / "search/search_index.js").write_text(
        f"var __search = {{index: Promise.resolve({index})}}\n", encoding="utf-8")
    # These are about an address on the web, which the site doesn't have.
    for name in ["404.html", "sitemap.xml", "sitemap.xml.gz"]:
        (site / name).unlink()
