"""What every experiment must do: find the same again, and find what can be stored, shown and drawn."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from ..contracts import Experiment
from ..findings import Column, Findings, Lab, ResultTable
from ..registry import installed
from .contract import Contract


class ExperimentContract(Contract):
    """Inherit and set `offer`: each test takes its quick form, with `settings` that keep it short, and one seed."""

    kind: ClassVar[str] = "experiment"

    def found(self, offered: str) -> Findings:
        """What the quick form finds; run once for all tests."""
        return _found(offered, tuple(sorted(self.settings.items())), self.plugin_files)

    def test_it_keeps_the_contract(self, made: Experiment) -> None:
        assert isinstance(made, Experiment)

    def test_the_quick_form_finds_tables(self, offered: str) -> None:
        found = self.found(offered)
        assert isinstance(found, Findings)
        assert found.tables
        assert all(table.rows for table in found.tables)

    def test_it_finds_the_same_again_and_leaves_nothing_behind(
        self,
        offered: str,
        made: Experiment,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        import torch

        expected = self.found(offered)
        capsys.readouterr()
        monkeypatch.chdir(tmp_path)
        before = torch.get_default_dtype(), torch.get_num_threads()
        again = made.run(LAB)
        for one, other in zip(expected.tables, again.tables, strict=True):
            assert lasting(one) == lasting(other)
        assert not list(tmp_path.iterdir()), "files are written by the workflow"
        assert capsys.readouterr().out == ""
        assert before == (torch.get_default_dtype(), torch.get_num_threads())

    def test_what_it_finds_is_stored_and_read_back(self, offered: str, tmp_path: Path) -> None:
        from ..runs import Reproduction

        kept = Reproduction(findings=self.found(offered), config={"experiment": offered, "seeds": [0]})
        read = Reproduction.open(kept.write(tmp_path / "found.h5"))
        assert read.findings.tables == kept.findings.tables
        assert read.findings.claims == kept.findings.claims
        for one, other in zip(read.findings.pictures, kept.findings.pictures, strict=True):
            for panel, same in zip(one.panels, other.panels, strict=True):
                for series, twin in zip(panel.series, same.series, strict=True):
                    np.testing.assert_array_equal(series.y, twin.y)

    def test_its_pictures_can_be_drawn(self, offered: str, tmp_path: Path) -> None:
        from ..workflow.findings_pictures import drawn

        for picture in self.found(offered).pictures:
            assert drawn(picture, tmp_path / f"{picture.name}.svg").stat().st_size


LAB = Lab(quick=True, seeds=(0,))


def lasting(table: ResultTable) -> list[tuple[Column, tuple[Any, ...]]]:
    """The columns of a table that do not vary from run to run, with their cells; a NaN equals a NaN."""
    return [
        (column, tuple("nan" if row[i] != row[i] else row[i] for row in table.rows))
        for i, column in enumerate(table.columns)
        if not column.varies
    ]


@cache
def _found(offered: str, settings: tuple[tuple[str, Any], ...], files: tuple[str, ...]) -> Findings:
    made: Experiment = installed(files).make("experiment", offered, dict(settings))
    return made.run(LAB)
