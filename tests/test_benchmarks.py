"""The comparison with peers: on small problems all find the same, and what cannot take part is said to be missing."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scripts import ROOT, loaded


def speed() -> SimpleNamespace:
    """The modules of the package benchmarks/speed."""
    package = loaded("benchmarks/speed/__init__.py")
    parts = ("contender", "timing", "table", "tolerance", "network", "works", "cell")
    return SimpleNamespace(**{part: importlib.import_module(f"{package.__name__}.{part}") for part in parts})


SPEED = speed()
SMALL = [name for name in SPEED.works.WORKS if name != "fresh" and not name.endswith(("_6", "_8"))]
PAIRS = [(name, contender) for name in SMALL for contender in SPEED.works.WORKS[name].contenders]


@functools.cache
def rows() -> dict[tuple[str, str], dict[str, Any]]:
    """Those of small forms of all works in float64, by work and contender, in a process of their own as measured."""
    cells = [SPEED.cell.Cell(name, seconds=0.0, tiny=True) for name in SMALL]
    return {(row["work"], row["contender"]): row for row in SPEED.cell.apart(*cells)}


@pytest.mark.parametrize(("name", "contender"), PAIRS)
def test_every_contender_that_is_here_finds_the_same(name: str, contender: str) -> None:
    """Within the distance that the work allows, and says why: `Work.agree`."""
    absent = [p for p in SPEED.works.WORKS[name].contenders[contender].packages if importlib.util.find_spec(p) is None]
    if absent:
        pytest.skip(f"{', '.join(absent)} not installed")
    row = rows()[name, contender]
    if row["status"] == "missing":
        pytest.skip(row["why"])
    assert row["status"] == "ok", row


def test_a_first_result_comes_from_a_fresh_process() -> None:
    (row,) = SPEED.cell.apart(SPEED.cell.Cell("fresh", seconds=0.0, tiny=True, only=("scipy odeint + sensitivities",)))
    assert row["status"] == "ok", row


def result(seconds_of: float, answer: float = 1.0, ours: bool = False, **more: Any) -> Any:
    """A contender that gives that answer, and says that it took those seconds."""
    ready = SPEED.contender.Ready(
        lambda p: p, lambda p: p, lambda p: (answer, p), spent=lambda _: seconds_of,
        kernel=(lambda _: seconds_of / 2) if ours else None,
    )  # fmt: skip
    return SPEED.contender.Contender(lambda problem, precision: ready, ours=ours, **more)


def work(**contenders: Any) -> Any:
    return SPEED.contender.Work(
        title="a work", problem=lambda tiny: None, start=lambda _: np.ones(2), vary=SPEED.contender.step,
        contenders=contenders, agree={"float64": 1e-9}, goals={"us": {"peer": 2.0}},
    )  # fmt: skip


def test_who_disagrees_is_not_timed_and_who_is_missing_is_named() -> None:
    named = work(
        peer=result(3.0), wrong=result(0.1, answer=1.1), absent=result(0.1, packages=("no_such_peer",)),
        broken=result(0.1, answer=float("nan")),
    )  # fmt: skip
    rows = {row["contender"]: row for row in SPEED.timing.compare(named, None, "float64", 0.01)}
    assert {name: row["status"] for name, row in rows.items()} == {
        "peer": "ok", "wrong": "disagrees", "absent": "missing", "broken": "disagrees",
    }  # fmt: skip
    assert [name for name, row in rows.items() if "median" in row] == ["peer"]
    assert "no_such_peer" in rows["absent"]["why"]


def test_ratios_are_the_peers_time_over_ours_through_the_call_and_inside_the_kernel() -> None:
    rows = SPEED.timing.compare(work(peer=result(3.0), us=result(1.0, ours=True)), None, "float64", 0.01)
    peer, us = rows
    assert peer["ratios"]["us"]["call"] == {"median": 3.0, "low": 3.0, "high": 3.0}
    assert peer["ratios"]["us"]["kernel"]["median"] == 6.0
    assert us["ratios"] == {}
    assert us["kernel"]["median"] == 0.5


def test_a_peer_that_is_faster_is_shown_as_such() -> None:
    slow = work(peer=result(0.5), us=result(1.0, ours=True))
    cell = {"work": "slow", "precision": "float64", "threads": 1}
    rows = [{**cell, **row} for row in SPEED.timing.compare(slow, None, "float64", 0.01)]
    about = {
        "processor": "P", "vectors": "none", "cores": 1, "system": "S", "python": "3", "compiler": "none",
        "versions": {"numpy": "2", "jax": "–"},
    }  # fmt: skip
    page = SPEED.table.page({"about": about, "rows": rows}, {"slow": slow})
    assert "peer is 2.00 times as fast as us" in page
    assert "| missed |" in page
    assert "Not installed: jax" in page
    assert "a work · float64 · 1 thread" in SPEED.table.text({"about": about, "rows": rows}, {"slow": slow})


def test_parameters_change_from_call_to_call_and_are_the_same_for_all() -> None:
    seen: list[np.ndarray] = []
    ready = SPEED.contender.Ready(lambda p: (seen.append(p), p)[1], lambda p: p, lambda p: (0.0, p))
    watched = SPEED.contender.Contender(lambda problem, precision: ready, calls=2)
    SPEED.timing.compare(work(a=watched, b=watched), None, "float64", 1e-9)
    calls = seen[2:]  # the first two are those of the check, at the start
    unique = {p.tobytes() for p in calls}
    assert len(unique) == len(calls) / 2
    assert all(0 < np.abs(p - 1).max() < 0.01 for p in calls)


def test_the_loosest_tolerance_is_one_whose_sharper_neighbour_reaches_the_target_too() -> None:
    problem = SPEED.works.WORKS["van_der_pol_4"].problem(True)
    by_luck = SPEED.tolerance.GRID[2]
    rtol, _ = SPEED.tolerance.loosest(problem, lambda rtol: problem.end * (1 + (0.0 if rtol == by_luck else rtol)))
    assert rtol == max(rtol for rtol in SPEED.tolerance.GRID if rtol <= problem.target)
    with pytest.raises(SPEED.contender.Missing, match="best error is 1e-01"):
        SPEED.tolerance.loosest(problem, lambda rtol: problem.end * 1.1)


def test_a_taught_network_knows_the_slopes_it_was_shown() -> None:
    y = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    p = SPEED.network.taught((2, 50, 2), y, y @ np.array([[0.0, 1.0], [-1.0, 0.0]]), seed=0)
    off = SPEED.network.evaluate(p, (2, 50, 2), y) - y @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert np.abs(off).mean() < 0.05
    assert sum(w.size + b.size for w, b in SPEED.network.layers(p, (2, 50, 2))) == len(p) == 252


def test_the_page_is_drawn_from_what_was_measured(tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    command = ["-m", "benchmarks.speed", "--read", "docs/benchmarks.json", "--page", str(page)]
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
    rows = json.loads((ROOT / "docs" / "benchmarks.json").read_text(encoding="utf-8"))["rows"]
    text = page.read_text(encoding="utf-8")
    for name in {row["work"] for row in rows}:
        assert SPEED.works.WORKS[name].title in text
