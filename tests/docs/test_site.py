"""The site that `./dev docs` makes: it builds, and every link in it leads somewhere."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse

import lxml.html
import yaml

SOURCE = pathlib.Path(os.environ["CBR_SOURCE_DIR"])
INPUTS = ["docs", "include", "website", "mkdocs.yml"]
REPOSITORY = "https://github.com/command-buffer-ring/command-buffer-ring"
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "embed": "src", "object": "data",
           "link": "href"}


def build(tree, site):
    """Builds the site of a tree. Returns the ended process."""
    return subprocess.run(["mkdocs", "build", "--strict", "--site-dir", site], cwd=tree, capture_output=True,
                          text=True, check=False)


def copy_inputs(folder):
    for name in INPUTS:
        if (SOURCE / name).is_dir():
            shutil.copytree(SOURCE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(SOURCE / name, folder / name)


def in_navigation(entry):
    """The files that the navigation names."""
    if isinstance(entry, str):
        return [entry]
    below = entry.values() if isinstance(entry, dict) else entry
    return [path for part in below for path in in_navigation(part)]


class Pages:
    """The HTML pages of a folder, read once: their elements, and what an anchor may name."""

    def __init__(self, folder):
        self.folder = folder
        self.trees = {path: lxml.html.parse(str(path)).getroot() for path in sorted(folder.rglob("*.html"))}
        self.anchors = {path: set(tree.xpath("//@id")) | set(tree.xpath("//a/@name"))
                        for path, tree in self.trees.items()}

    def why_dead(self, page, link):
        """What is wrong with a link of a page, or None."""
        parts = urllib.parse.urlsplit(link)
        if parts.scheme or parts.netloc:
            return self.why_not_in_repository(link)
        target = (page.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else page
        if not target.is_relative_to(self.folder) or not target.is_file():
            return "no such file in the site"
        anchor = urllib.parse.unquote(parts.fragment)
        if anchor and target in self.anchors and anchor not in self.anchors[target]:
            return "no such anchor there"
        return None

    @staticmethod
    def why_not_in_repository(link):
        if not link.startswith(REPOSITORY):
            return None
        path = re.fullmatch(r"/(?:tree|blob)/main/([^#?]+)(?:[#?].*)?", link.removeprefix(REPOSITORY))
        if path and not (SOURCE / urllib.parse.unquote(path[1])).exists():
            return "no such path in the repository"
        return None


class Site(unittest.TestCase):
    """One site, built from a copy of what it is made of into a folder elsewhere."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(tempfile.mkdtemp(prefix="cbr-site-")).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.place)
        tree = cls.place / "tree"
        tree.mkdir()
        copy_inputs(tree)
        site = cls.place / "elsewhere" / "site"
        done = build(tree, site)
        if done.returncode != 0:
            raise AssertionError(f"mkdocs build failed:\n{done.stdout}{done.stderr}")
        shutil.rmtree(tree)
        cls.pages = Pages(site)

    def test_holds_what_it_should(self):
        for name in ["index.html", "guide/start.html", "benchmarks/h200/model.json",
                     "reference/config.schema.json", "reference/cpp/classcbr_1_1CommandBufferRing.html",
                     "reference/cpp/namespacecbr_1_1metal.html"]:
            self.assertTrue((self.pages.folder / name).is_file(), name)

    def test_no_link_is_dead(self):
        dead = [f"{page.relative_to(self.pages.folder)}: {link}: {why}"
                for page, tree in self.pages.trees.items() for _, _, link, _ in tree.iterlinks()
                if (why := self.pages.why_dead(page, link))]
        self.assertEqual(dead, [])

    def test_nothing_that_search_finds_is_dead(self):
        """Links that scripts make: the search, and the menu of the C++ reference."""
        root, reference = self.pages.folder, self.pages.folder / "reference" / "cpp"
        index = json.loads((root / "search" / "search_index.json").read_text(encoding="utf-8"))
        links = [(root / "x", entry["location"]) for entry in index["docs"] if entry["location"]]
        self.assertGreater(len(links), 500)
        menu = reference / "menudata.js"
        links += [(menu, link) for link in
                  re.findall(r"""["']([\w./-]+\.html(?:#\w+)?)["']""", menu.read_text(encoding="utf-8"))]
        self.assertEqual([f"{page}: {link}: {why}" for page, link in links
                          if (why := self.pages.why_dead(page, link))], [])

    def found(self, query):
        """What the search of the site finds, best first: for each page its places, with titles."""
        done = subprocess.run(["node", SOURCE / "tests" / "docs" / "search.mjs", self.pages.folder, query],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [[(place["location"], re.sub("</?mark[^>]*>", "", place["title"])) for place in page]
                for page in json.loads(done.stdout)[query]]

    def test_one_search_finds_guide_and_reference(self):
        for query, title, pages in [
            ("try_acquire", "try_acquire", {"guide/tour.html", "reference/cpp/classcbr_1_1CommandBufferRing.html"}),
            ("cbr::Lease", "cbr::Lease class", {"guide/tour.html", "reference/cpp/classcbr_1_1Lease.html"}),
            ("hang_warning_ms", "hang_warning_ms",
             {"reference/configuration.html", "reference/cpp/structcbr_1_1RingOptions.html"}),
            ("--ring-size", "Choosing a ring size", {"reference/cli.html", "guide/ring-size.html"}),
            ("fail_exec", "fail_execution", {"reference/cpp/namespacecbr.html"}),
        ]:
            with self.subTest(query):
                found = self.found(query)
                self.assertEqual(found[0][0][1], title)
                self.assertLessEqual(pages, {location.split("#")[0] for page in found for location, _ in page})

    def test_a_place_that_search_finds_is_about_it(self):
        location, _ = self.found("set_ring_size")[0][0]
        page, anchor = location.split("#")
        tree = self.pages.trees[self.pages.folder / page]
        described = tree.xpath("//a[@id=$anchor]/following::h2[1]", anchor=anchor)[0]
        self.assertIn("set_ring_size()", described.text_content())

    def test_search_box_of_the_reference_is_that_of_the_site(self):
        reference = self.pages.folder / "reference" / "cpp"
        for page in [reference / "index.html", reference / "classcbr_1_1Lease.html"]:
            self.assertIn("initMenu('',true,true,'search.html','Search')", page.read_text(encoding="utf-8"))
        self.assertIn('location.replace("../../index.html?q="', (reference / "search.html").read_text(encoding="utf-8"))

    def test_every_page_is_in_the_navigation(self):
        named = in_navigation(yaml.safe_load((SOURCE / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
        pages = [path.relative_to(SOURCE / "docs").as_posix() for path in (SOURCE / "docs").rglob("*.md")]
        self.assertEqual(sorted(path for path in named if path.endswith(".md")), sorted(pages))

    def test_nothing_is_loaded_from_another_host(self):
        remote = re.compile(r"(?:https?:)?//")
        for page, tree in self.pages.trees.items():
            loaded = [element.get(LOADING[element.tag]) for element in tree.iter(*LOADING)]
            self.assertEqual([link for link in loaded if link and remote.match(link)], [], page)
            # The theme asks GitHub about a repository that is shown so.
            self.assertEqual(tree.xpath("//*[@data-md-component='source']"), [], page)
        for sheet in self.pages.folder.rglob("*.css"):
            self.assertEqual(re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)]*",
                                        sheet.read_text(encoding="utf-8")), [], sheet)

    def test_search_reads_no_file(self):
        """A page on a disk may load scripts and nothing else."""
        script = (self.pages.folder / "search" / "search_index.js").read_text(encoding="utf-8")
        text = re.match(r"var __search = {index: Promise\.resolve\((.*)\),\ntransform:", script)
        self.assertIn("docs", json.loads(text[1]))
        home = self.pages.trees[self.pages.folder / "index.html"]
        scripts = home.xpath("//script/@src")
        self.assertLess(scripts.index("search/search_index.js"),
                        min(i for i, name in enumerate(scripts) if "bundle" in name))

    def test_no_markup_is_left_in_the_text(self):
        """Python-Markdown wants an empty line before a list or table where GitHub doesn't."""
        left = re.compile(r"^\s*(?:[-*+] |\d+\. |\|)|<!--|\]\(|```|\\\|", re.MULTILINE)
        for page, tree in self.pages.trees.items():
            if page.is_relative_to(self.pages.folder / "reference" / "cpp"):
                continue
            for text in tree.xpath("//article//*[self::p or self::li or self::td]"):
                self.assertIsNone(left.search(text.text_content().lstrip()), f"{page}: {text.text_content()}")


class Undocumented(unittest.TestCase):
    """What has no comment in a public header fails the build, and is named with its place."""

    def fails_naming(self, header, replacements, names):
        with tempfile.TemporaryDirectory(prefix="cbr-site-") as temporary:
            tree = pathlib.Path(temporary)
            copy_inputs(tree)
            path = tree / "include" / "cbr" / header
            text = path.read_text(encoding="utf-8")
            for old, new in replacements:
                self.assertEqual(text.count(old), 1, old)
                text = text.replace(old, new)
            path.write_text(text, encoding="utf-8")
            done = build(tree, tree / "site")
            self.assertNotEqual(done.returncode, 0, "the build went through")
            for name in names:
                self.assertRegex(done.stderr, rf"include/cbr/{header}:\d+: .*\b{name}\b.* is not documented")

    def test_members_types_and_functions(self):
        self.fails_naming("options.h", [
            ("  std::uint32_t ring_size = 3;\n", "  std::uint32_t ring_size = 3;\n  int bare_field = 0;\n"),
            ("/// What one request", "struct BareType { int inside; };\nvoid bare_function();\n/// What one request"),
        ], ["bare_field", "BareType", "bare_function"])

    def test_members_of_classes_of_metal(self):
        self.fails_naming("metal.h", [("  virtual ~Device() = default;\n",
                                       "  virtual ~Device() = default;\n  void bare_member();\n")], ["bare_member"])

    def test_enumerators_and_namespaces(self):
        self.fails_naming("options.h", [
            ("  low = 2,\n", "  low = 2,\n  bare_enumerator = 3,\n"),
            ("/// What one request",
             "namespace bare_space { /// Something.\nvoid f(); }\n/// What one request"),
        ], ["bare_enumerator", "bare_space"])


if __name__ == "__main__":
    unittest.main()
