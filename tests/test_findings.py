"""Findings: records that do not fit together are refused where they are made; the rest survives a sealed file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.errors.plugins import ContractBroken
from workbench.errors.store import LayoutWrong, NotARun, RunDamaged
from workbench.findings import Claim, Column, Findings, Panel, Picture, Raster, ResultTable, Series
from workbench.runs import Reproduction, Run, open_file
from workbench.workflow.findings_page import page
from workbench.workflow.findings_pictures import drawn

TABLE = ResultTable(
    "Two | things",
    (Column("what"), Column("n"), Column("loss", "m²", "Someone (1999), Table 2"), Column("time", "s", varies=True)),
    (("a|b", 1, 0.25, np.float64(1.5)), ("c", None, float("nan"), True)),
    "None and NaN.",
)
CLAIM = Claim("It works", "below 1", "0.5", True, source="Someone (1999), Table 2")
ZERO = np.zeros(3)
PICTURE = Picture(
    "both-kinds",
    "Curves and a raster",
    (
        Panel(
            "one", "x", "y", (Series("a", np.arange(3), np.array([1.0, np.nan, 3.0]), low=[0, 0, 0], high=[9, 9, 9]),)
        ),
        Panel("two", "x", "y", (Series("b", [1, 2], [1, 2], "points"),), Raster(np.eye(3), (0, 1, 0, 1), "density")),
        Panel("three", "$x", "y", (Series("b", [1, 10], [1, 2]), Series("c", [1, 2], [1, 2], "reference")), log_x=True),
    ),
)
FINDINGS = Findings(
    (TABLE,),
    (
        CLAIM,
        replace(CLAIM, holds=False, reason="it rained"),
        replace(CLAIM, holds=None, reason="no data", checked=False),
    ),
    (PICTURE,),
    ("A note.",),
    ("Another (2001)",),
)


def reproduction() -> Reproduction:
    return Reproduction(findings=FINDINGS, config={"experiment": "both", "title": "two things", "seeds": [0, 1]})


def test_findings_survive_a_sealed_file(tmp_path: Path) -> None:
    kept = reproduction()
    read = open_file(kept.write(tmp_path / "both.h5"))
    assert isinstance(read, Reproduction)
    assert read.config == kept.config
    assert str(read.findings.tables) == str(kept.findings.tables)  # as text, for NaN is not itself
    assert read.findings.claims == kept.findings.claims
    assert (read.findings.notes, read.findings.sources) == (kept.findings.notes, kept.findings.sources)
    assert repr(read.findings.pictures) == repr(kept.findings.pictures)


def test_a_cell_is_plain_python() -> None:
    assert type(TABLE.rows[0][3]) is float
    assert TABLE.rows[1][3] is True


def test_a_claim_takes_what_numpy_compares() -> None:
    held = replace(CLAIM, holds=np.float64(1) < 2)
    assert held == CLAIM
    assert held.holds is True


@pytest.mark.parametrize(
    "make",
    [
        lambda: ResultTable("t", (Column("a"),), ((1, 2),)),
        lambda: ResultTable("t", (Column("a"),), (([1],),)),  # type: ignore[arg-type]
        lambda: Claim("c", "1", "2", False),
        lambda: Series("s", np.arange(3), np.arange(2)),
        lambda: Series("s", np.arange(3), np.arange(3), low=np.arange(3)),
        lambda: Series("s", np.arange(3), np.arange(3), "dotted"),  # type: ignore[arg-type]
        lambda: Series("s", np.eye(2), np.eye(2)),
        lambda: Raster(np.arange(3), (0, 1, 0, 1)),
        lambda: Picture("../up", "t", PICTURE.panels),
        lambda: Picture("p", "t", ()),
        lambda: Findings((TABLE,), pictures=(PICTURE, PICTURE)),
    ],
)
def test_what_does_not_fit_together_is_refused_where_it_is_made(make: object) -> None:
    with pytest.raises(ContractBroken):
        make()  # type: ignore[operator]


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = reproduction().write(tmp_path / "both.h5")
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunDamaged):
        open_file(path)


def test_findings_are_no_run_and_a_foreign_file_is_left_alone(tmp_path: Path) -> None:
    path = reproduction().write(tmp_path / "both.h5")
    with pytest.raises(NotARun, match="experiment"):
        Run.open(path)
    (tmp_path / "mine.h5").write_text("mine")
    with pytest.raises(NotARun):
        reproduction().write(tmp_path / "mine.h5")
    assert (tmp_path / "mine.h5").read_text() == "mine"
    assert reproduction().write(path) == path, "an earlier reproduction is replaced"


def test_a_sound_file_with_other_entries_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.runs import reproduction as module

    monkeypatch.setattr(module.tree, "flatten", lambda *_: ('{"tables": 3}', {}))
    path = reproduction().write(tmp_path / "odd.h5")
    with pytest.raises(LayoutWrong, match="holds no findings"):
        open_file(path)


def test_a_page_marks_what_was_not_checked_and_says_what_is_not_reproduced() -> None:
    text = page(reproduction(), ["both-kinds.png"])
    assert "| a\\|b | 1 | 0.25 | 1.5 |" in text
    assert "loss (m²) [1]" in text
    assert "not reproduced: it rained" in text
    assert "not decided: no data" in text
    assert "It works [2, unchecked]" in text
    assert "[2] Someone (1999), Table 2; quoted, and not checked" in text
    assert "![Curves and a raster](both-kinds.png)" in text


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_picture_is_drawn_the_same_twice(tmp_path: Path, suffix: str) -> None:
    one, other = (drawn(PICTURE, tmp_path / f"{name}.{suffix}").read_bytes() for name in ("a", "b"))
    assert one == other
    if suffix == "svg":
        assert b"density" in one
        assert b"$x" in one
