"""docs/run-format.md says what the code does."""

import re
from pathlib import Path

import pytest

from workbench.runs import layout_table

PAGE = Path(__file__).parents[2] / "docs" / "run-format.md"


def test_the_table_on_the_page_is_the_table_in_the_code() -> None:
    assert layout_table() in PAGE.read_text("utf-8")


def test_the_code_on_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xarray", reason="the extra `xarray` is not installed")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
