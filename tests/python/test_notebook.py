"""What a notebook shows of objects."""

import html.parser
import json
import os
import subprocess

import pytest

import cbr
import cbr.bench
from conftest import SOURCE

PROGRAM = os.environ.get("CBR_PROGRAM", str(SOURCE / "build" / "release" / "cbr"))


class Cells(html.parser.HTMLParser):
    """The texts of a table's rows. Tags have to be closed in their order."""

    def __init__(self, text):
        super().__init__()
        self.rows = []
        self._open = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        else:
            assert tag in ("table", "p"), tag

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_statistics(ring):
    ring.acquire().submit().wait()
    statistics = ring.statistics()
    counters = len(statistics.to_dict())
    rows = [row[:2] for row in Cells(statistics._repr_html_()).rows[1:]]
    assert [name for name, _ in rows[:counters]] == list(statistics.to_dict())
    values = dict(rows)
    assert values["submissions"] == "1" and values["reuse_rate"] == "1.000"
    assert rows[counters][0] == "GPU" and "busy" in values


def test_a_device(device):
    rows = {row[0]: row[1] for row in Cells(device.info._repr_html_()).rows}
    assert rows["device"] == device.name and rows["driver"] == device.info.driver


@pytest.fixture
def result(tmp_path):
    path = tmp_path / "<i>a&b.json"
    subprocess.run([PROGRAM, "bench", "--backend", "simulated", "--steps", "50", "--ring-size", "1,2",
                    "--output", path], check=True, capture_output=True)
    return path


def test_a_comparison(result):
    foreign = json.loads(result.read_text(encoding="utf-8"))
    foreign["device"]["name"] = "<script>alert(1)</script>"
    other = result.parent / "other.json"
    other.write_text(json.dumps(foreign), encoding="utf-8")
    report = cbr.bench.compare(result, other)
    text = report._repr_html_()
    rows = Cells(text).rows
    assert rows[1][:2] == ["1", "steps/s"] and rows[1][4:] == ["±0.0 %", "1.000", "within noise"]
    assert len(rows) == 1 + len(report.changes)
    # Names are the files' own.
    assert "<script>" not in text and "<i>" not in text
    assert "&lt;script&gt;" in text and "&lt;i&gt;a&amp;b.json" in text
