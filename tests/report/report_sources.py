"""Where the page of reports comes from, and what its tests need."""

import os
import pathlib
import shutil

SOURCE = pathlib.Path(os.environ["CBR_SOURCE_DIR"])
REPORT = SOURCE / "report"
PAGE = REPORT / "dist" / "report.html"
PACKAGES = REPORT / "node_modules"


def why_no_node():
    """Why nothing of Node can run here, or an empty text."""
    if not shutil.which("node"):
        return "node is not installed"
    if not PACKAGES.is_dir():
        return "report/node_modules is not there: ./dev report fetches it"
    return ""


def browser():
    """The path of Chromium, or None."""
    return shutil.which("chromium")
