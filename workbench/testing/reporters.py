"""What every reporter must do with runs of every kind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ..contracts import Reporter
from ..errors.base import WorkbenchError
from .contract import Contract
from .finished_runs import KINDS, finished
from .storing import bits


class ReporterContract(Contract):
    """Inherit, set `offer` or none for all."""

    kind: ClassVar[str] = "reporter"

    @pytest.fixture
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An empty working directory."""
        folder = tmp_path / "here"
        folder.mkdir()
        monkeypatch.chdir(folder)
        return folder

    def test_it_keeps_the_contract(self, made: Reporter) -> None:
        assert isinstance(made, Reporter)

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_run_becomes_text_or_files(self, made: Reporter, kind: str, here: Path) -> None:
        found = rendered(made, [finished(kind)], None)
        if isinstance(found, str):
            assert found.strip()
            assert not files_in(here), "a text is returned, not written"
        elif found is not None:
            assert files_in(here) == sorted(path.resolve() for path in found)
            assert all(path.stat().st_size for path in found)

    @pytest.mark.parametrize("kind", KINDS)
    def test_it_writes_where_it_is_told_and_nowhere_else(
        self, made: Reporter, kind: str, here: Path, tmp_path: Path
    ) -> None:
        told = tmp_path / "told" / "report"
        found = rendered(made, [finished(kind)], told)
        assert not files_in(here)
        if found is None:
            assert not files_in(tmp_path / "told")
            return
        assert not isinstance(found, str), "it was told where to write"
        assert found
        assert files_in(tmp_path / "told") == sorted(path.resolve() for path in found)

    def test_several_runs_are_rendered_together(self, made: Reporter, tmp_path: Path) -> None:
        runs = [finished("equations"), finished("network")]
        both, one = (rendered(made, some, tmp_path / str(len(some)) / "report") for some in (runs, runs[:1]))
        assert both is not None
        assert one is not None
        assert size_of(both) > size_of(one)

    @pytest.mark.parametrize("kind", ["equations", "failed"])
    def test_the_same_run_gives_the_same_bytes_and_is_left_as_it_was(
        self, made: Reporter, kind: str, tmp_path: Path
    ) -> None:
        run = finished(kind)
        before = snapshot(run)
        one = rendered(made, [run], tmp_path / "0" / "report")
        assert snapshot(run) == before
        other = rendered(made, [finished(kind)], tmp_path / "1" / "report")
        assert contents(one) == contents(other)

    def test_a_place_that_cannot_be_written_is_refused_in_words(self, made: Reporter, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("mine")
        with pytest.raises(WorkbenchError) as caught:
            made.render([finished("equations")], tmp_path / "file" / "report")
        assert caught.value.code.startswith("R")
        assert "\n" not in str(caught.value)
        assert (tmp_path / "file").read_text() == "mine"


def rendered(reporter: Reporter, runs: Sequence[Any], out: Path | None) -> Sequence[Path] | str | None:
    """What the reporter gives; None where it says in words that such a run has nothing for it to show."""
    try:
        return reporter.render(runs, out)
    except WorkbenchError as reason:
        if all(run.status not in ("running",) and not run.status.startswith("failed") for run in runs):
            raise
        assert reason.message
        assert "\n" not in str(reason)
        return None


def files_in(folder: Path) -> list[Path]:
    """All files below a folder."""
    return sorted(Path(at, name).resolve() for at, _, names in os.walk(folder) for name in names)


def size_of(found: Sequence[Path] | str) -> int:
    """Bytes of the text or of all files."""
    return len(found) if isinstance(found, str) else sum(path.stat().st_size for path in found)


def contents(found: Sequence[Path] | str | None) -> object:
    """The text, or every file's name and bytes."""
    return found if found is None or isinstance(found, str) else [(path.name, path.read_bytes()) for path in found]


def snapshot(run: Any) -> object:
    """What of a run a reporter could have changed."""
    parts = {"metrics": run.metrics, "parameters": run.parameters, "prediction": run.prediction, "config": run.config}
    return bits(parts), run.status, run.equations
