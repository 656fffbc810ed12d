"""The page of a run: what is in it, what cannot get into it, and how it stands in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from workbench_reports.chart import Chart, Line
from workbench_reports.html import html
from workbench_reports.markup import tag
from workbench_reports.page import page
from workbench_reports.phase_figure import phase_figure
from workbench_reports.run_charts import fit_charts, loss_charts, phase_charts, residual_charts
from workbench_reports.ticks import label, labels, linear_ticks, log_ticks

from workbench.dataset import Dataset
from workbench.testing.finished_runs import KINDS, finished

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>]]></style>"


class Words(HTMLParser):
    """The elements, attributes and texts of a page, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(name)
        self.attributes += attributes
        self.open.append(name)

    def handle_startendtag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(name)
        self.attributes += attributes

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile():
    """A run whose channels, time, units, trajectories and equations are markup."""
    run = finished("equations")
    data = run.dataset
    channels = tuple(f"{HOSTILE}{i}" for i in range(data.n_channels))
    units = dict.fromkeys((*channels, HOSTILE), HOSTILE)
    named = replace(data, channels=channels, time=HOSTILE, units=units, source=HOSTILE)
    return replace(run, dataset=named, equations=(HOSTILE, "a\x00b\ud800"), provenance={"argv": ["fit", HOSTILE]})


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_closed_and_has_no_script_no_address_and_a_policy(kind: str) -> None:
    words = Words(page([finished(kind)]))
    assert words.open == []
    assert not {"script", "link", "iframe", "object", "img", "a", "form", "base"} & set(words.elements)
    for name, value in words.attributes:
        assert not name.startswith("on")
        assert name not in ("href", "src", "style")
        assert "url(" not in (value or "")
    assert ("http-equiv", "Content-Security-Policy") in words.attributes
    assert "://" not in page([finished(kind)])


def test_a_finished_run_shows_all_its_parts() -> None:
    run = finished("equations")
    words = Words(page([run]))
    for title in ("Data", "Model", "Equations", "Fit", "Parameters", "Errors", "Residuals", "Checks", "Provenance"):
        assert title in words.text, title
    assert words.elements.count("figure") >= 3
    for name in run.parameters:
        assert name in words.text


def test_several_runs_stand_side_by_side() -> None:
    words = Words(page([finished("equations"), finished("network")]))
    assert words.elements.count("article") == 2
    assert ("class", "runs") in words.attributes


def test_names_that_are_markup_stay_text() -> None:
    text = page([hostile()])
    words = Words(text)
    assert words.open == []
    assert not {"script", "img"} & set(words.elements)
    assert "alert(1)" in words.text
    assert "\x00" not in text
    text.encode("utf-8")


def test_text_and_attributes_are_escaped() -> None:
    assert str(tag("p", HOSTILE)).count("<") == 2
    assert '"' not in str(tag("p", title=HOSTILE)).removeprefix('<p title="').removesuffix('"></p>')


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3e-7, 5e-7), (1900, 1920), (-1e6, 2e9), (5, 5)])
def test_ticks_lie_within_the_axis_at_whole_steps(low: float, high: float) -> None:
    ticks = linear_ticks(low, high, 5)
    assert 1 <= len(ticks) <= 6
    assert all(low - 1e-9 * abs(low) <= tick <= high + 1e-9 * abs(high) for tick in ticks)
    if len(ticks) > 2:
        np.testing.assert_allclose(np.diff(ticks), ticks[1] - ticks[0])
    assert all(len(label(tick)) <= 8 for tick in ticks)


def test_ticks_of_a_count_are_integers_and_labels_tell_ticks_apart() -> None:
    assert linear_ticks(21, 23, 5, whole=True) == [21.0, 22.0, 23.0]
    assert linear_ticks(0, 60, 5, whole=True) == linear_ticks(0, 60, 5)
    close = linear_ticks(99.33119, 99.33121, 5)
    assert len(set(labels(close))) == len(close) > 2


def test_the_chart_of_the_loss_shows_validation_where_it_was_looked_at_and_flat_losses_flat() -> None:
    steps = np.arange(5)
    history = {"number": steps, "loss": 40.0 + 1e-6 * steps, "validation": [None, 40.01, None, None, 40.0]}
    _, chart = loss_charts(replace(finished("equations"), history=history))[0]
    line, dots = (mark for mark in chart.marks if mark.look == "alternate")
    assert line.x.tolist() == dots.x.tolist() == [1, 4]  # no gaps, that a line would break at
    assert chart.whole_x
    assert chart.y_range is not None
    low, high = chart.y_range
    assert low < 37 < 43 < high


def test_the_legend_names_what_the_charts_of_the_run_hold_and_nothing_else() -> None:
    def keys(kind: str, **changed: object) -> str:
        words = re.search(r'<p class="legend">(.*?)</p>', page([replace(finished(kind), **changed)]))
        return re.sub(r"<.*?>", "|", words[1]) if words else ""

    plain = finished("equations")
    everything = keys("equations")
    assert "held out" in everything
    bare = keys("equations", part=np.zeros_like(plain.part), lower=None, upper=None, history={})
    assert "observed" in bare
    assert "model; training residuals" in bare
    for absent in ("held", "validation", "95 %", "loss"):
        assert absent not in bare
    assert "model" not in keys("failed", diagnostics={}, history={}, states=None)  # no prediction of it is finite
    assert keys("begun") == ""


def test_the_band_is_inside_the_chart_of_the_fit() -> None:
    run = finished("equations")
    y = run.dataset.values
    room = 0.9 * np.ptp(y)
    _, chart = fit_charts(replace(run, lower=y - room, upper=y + room))[0]
    assert chart.y_range is not None
    assert chart.y_range[0] < y[:, 0].min() - 0.3 * np.ptp(y[:, 0])


def test_states_have_their_units_and_lines_break_where_they_jump() -> None:
    t, part = np.array([0.0, 1.0, 2.0]), np.zeros(3, dtype=int)
    states = {"h": [1.0, 0.0, 0.0, 0.5], "v": [0.0, -2.0, 1.5, 1.0]}
    curve = {"row_size": [4], "t": [0.0, 1.0, 1.0, 2.0], "states": states, "units": {"h": "m", "v": "m/s"}}
    data = Dataset(t, np.ones((3, 1)), np.array([3]), ("y",))
    diagnostics = {"curve": {**curve, "observed": {}}}
    run = replace(finished("begun"), dataset=data, part=part, state_names=("h", "v"), diagnostics=diagnostics)
    ((_, chart),) = phase_charts(run)
    assert (chart.x_label, chart.y_label) == ("h [m]", "v [m/s]")
    (line,) = chart.marks
    assert isinstance(line, Line)
    np.testing.assert_array_equal(line.y, [0.0, -2.0, np.nan, 1.5, 1.0])
    figure = phase_figure(run, "ball")
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("h [m]", "v [m/s]")


def test_estimates_of_one_trajectory_name_it() -> None:
    one = {"value": 1.0, "stderr": 0.1, "ci95": [0.8, 1.2], "unit": "1/h", "trajectory": "Jane"}
    words = Words(page([replace(finished("equations"), parameters={"k[0]": one})]))
    assert "unittrajectory" in words.text
    assert "1/hJane" in words.text


def test_residuals_have_the_unit_of_their_channel() -> None:
    run = finished("equations")
    units = dict.fromkeys(run.dataset.channels, "mg/L")
    charts = residual_charts(replace(run, dataset=replace(run.dataset, units=units)))
    assert charts
    assert all("residual [mg/L]" in (chart.x_label, chart.y_label) for _, chart in charts)


def test_logarithmic_ticks_are_powers_of_ten_where_there_is_room() -> None:
    assert log_ticks(1e-3, 1e2, 5) == pytest.approx([1e-3, 1e-1, 1e1])
    assert log_ticks(2.0, 7.0, 5) == linear_ticks(2.0, 7.0, 5)


def test_a_chart_without_a_finite_value_is_drawn_empty() -> None:
    nan = np.full(3, np.nan)
    for log in (False, True):
        assert "NaN" not in str(Chart("nothing", "x", "y", [Line("model", nan, nan)], log_y=log).svg())
    empty = np.zeros(0)
    assert "nan" not in str(Chart("nothing", "x", "y", [Line("model", empty, empty)]).svg())


PROBE = """<!doctype html><body style="margin:0">
<iframe id="f" src="page.html" style="border:0;width:{width}px;height:900px"></iframe>
<pre id="out"></pre><script>
document.getElementById("f").onload = () => {{
  const d = document.getElementById("f").contentDocument, root = d.documentElement;
  const box = e => e.getBoundingClientRect();
  const hits = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  let overlaps = [], small = [], outside = [];
  for (const svg of d.querySelectorAll("figure > svg")) {{
    const texts = [...svg.querySelectorAll("text")], frame = box(svg);
    if (frame.width < 200 || frame.height < 100) small.push("figure");
    texts.forEach((a, i) => {{
      const r = box(a);
      if (Math.max(r.width, r.height) < 9) small.push(a.textContent);
      if (r.left < frame.left - 1 || r.right > frame.right + 1) outside.push(a.textContent);
      texts.slice(i + 1).forEach(b => {{ if (hits(r, box(b))) overlaps.push(a.textContent + "|" + b.textContent); }});
    }});
  }}
  const hidden = [...d.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth + 1)
    .filter(e => !getComputedStyle(e).backgroundAttachment.includes("local")).length;
  const blocks = [...d.querySelectorAll("h1, p, li, pre, figure, figcaption")];
  const wide = blocks.filter(e => box(e).right > root.clientWidth + 1);
  document.getElementById("out").textContent = JSON.stringify({{
    width: root.clientWidth, scroll: root.scrollWidth, figures: d.querySelectorAll("figure > svg").length,
    text: d.body.innerText.length, scripts: d.scripts.length, images: d.images.length,
    wide: wide.map(e => e.textContent.slice(0, 40)), overlaps, small, outside, hidden }});
}};
</script></body>"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on the PATH")
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("which", ["one", "three", "hostile"])
def test_in_a_browser_all_is_visible_and_nothing_overlaps(which: str, width: int, tmp_path: Path) -> None:
    three = [finished(kind) for kind in list(KINDS)[:3]]
    runs = {"one": three[:1], "three": three, "hostile": [hostile()]}[which]
    html().render(runs, tmp_path / "page.html")
    (tmp_path / "probe.html").write_text(PROBE.format(width=width), encoding="utf-8")
    assert BROWSER is not None
    flags = "--headless --no-sandbox --disable-gpu --allow-file-access-from-files --enable-logging=stderr --dump-dom"
    command = [BROWSER, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000"]
    command += [f"--window-size={max(width, 600)},1000", (tmp_path / "probe.html").as_uri()]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "CONSOLE" not in answer.stderr
    shown = re.search(r'<pre id="out">(.*?)</pre>', answer.stdout, re.DOTALL)
    assert shown is not None, answer.stderr[-2000:]
    seen = json.loads(shown[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert seen["scroll"] <= seen["width"], "the page scrolls sideways"
    assert seen["figures"] >= 3
    assert seen["text"] > 500
    assert (seen["scripts"], seen["images"]) == (0, 0)
    assert seen["wide"] == []
    assert seen["hidden"] == 0, "a table goes on to the side and does not look it"
    assert seen["overlaps"] == []
    assert seen["outside"] == []
    assert seen["small"] == []
