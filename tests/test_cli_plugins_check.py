"""`workbench plugins check`: a table of what was claimed and measured, and an exit status that says no."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from workbench.cli import main
from workbench.cli.checked_text import checked_text
from workbench.errors.usage import UsageError
from workbench.measure import Finding
from workbench.workflow import check_plugin, checking
from workbench.workflow.checking import Checked

ROOT = Path(__file__).parent
CLAIMS, OUTSIDER = ROOT / "kit" / "claims.py", ROOT / "outsider" / "workbench_outsider.py"


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["plugins", "check", *words], catch_exceptions=False)


def few(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.verdict for finding in findings}


def test_a_sound_solver_is_measured_drawn_and_exits_0(tmp_path: Path) -> None:
    plot = tmp_path / "region.svg"
    answer = run("bosh3", "--json", "--plot", str(plot))
    assert answer.exit_code == 0
    document = json.loads(answer.stdout)
    assert document["schema"] == "workbench/plugins-check/1"
    assert (document["kind"], document["ok"], document["plot"]) == ("solver", True, str(plot))
    assert plot.read_bytes().startswith(b"<?xml")
    measured = {finding["name"]: finding for finding in document["findings"]}
    assert float(measured["order, a spring"]["measured"]) == pytest.approx(3, abs=0.2)
    assert float(measured["stable on the imaginary axis to"]["measured"]) == pytest.approx(3**0.5, abs=1e-3)
    assert measured["gradient discrete"]["verdict"] == "ok"
    assert measured["a batch is its rows alone"]["verdict"] == "ok"


def test_a_false_claim_exits_1_and_says_what_was_measured() -> None:
    answer = run("boastful", "--plugin", str(CLAIMS))
    assert answer.exit_code == 1
    lines = answer.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("failed"))
    assert lines[at].split()[1] == "order,"
    assert "2.0" in lines[at]
    assert "more than 0.2 off" in lines[at + 1]
    assert max(map(len, lines)) <= 100


def test_findings_fit_a_hundred_columns_and_reasons_stand_below_their_lines() -> None:
    long = "a claim of many words that no column of a table would hold"
    findings = (
        Finding("order, a spring", "failed", claimed=long, measured=f"4.97; {long}", note="why " * 40),
        Finding("it says what it is " * 8, "ok"),
        Finding("stiff problems", "skipped", note="it does not claim them"),
    )
    lines = checked_text(Checked("solver", "mine", "workbench-mine", "1.0", findings)).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["verdict", "what", "claimed", "measured"]
    assert [line for line in lines if not line.strip()] == [""]  # between what was measured and what was tested
    assert lines[-1] == "         it does not claim them"


def test_offers_of_other_kinds_are_held_to_the_tests_of_theirs() -> None:
    found = check_plugin("pseudo_huber", plugins=[OUTSIDER])
    assert (found.kind, found.ok) == ("loss", True)
    assert len(found.findings) > 20


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["nobody"], 2, 'nothing is offered by the name "nobody"'),
        (["tsit5", "--kind", "solvr"], 2, 'the kit has no tests for kind "solvr"'),
        (["mse", "--plot", "x.png", "--kind", "loss"], 2, "a loss has no stability region"),
        (["tsit5", "--plugin", "nowhere.py"], 6, "nowhere.py"),
    ],
)
def test_a_mistake_is_told_in_one_line(words: list[str], status: int, message: str) -> None:
    answer = CliRunner().invoke(main, ["plugins", "check", *words])
    assert answer.exit_code == status
    assert message in answer.stderr


def test_a_plugin_that_does_not_load_exits_6(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("import a_library_that_is_not_there\n")
    answer = CliRunner().invoke(main, ["plugins", "check", "mine", "--plugin", str(file)])
    assert answer.exit_code == 6
    file.write_text(
        "from workbench import Offer, hookimpl\n\n\ndef mine():\n    raise RuntimeError('no')\n\n\n"
        "@hookimpl\ndef offer_solvers():\n    return [Offer('mine', mine, 'it fails')]\n"
    )
    answer = CliRunner().invoke(main, ["plugins", "check", "mine", "--plugin", str(file)])
    assert answer.exit_code == 6
    assert "could not be made" in answer.stderr


def test_without_pytest_a_solver_is_measured_and_the_rest_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "pytest" else known(name, *a))
    monkeypatch.setattr(checking, "solver_findings", lambda registry, name: [Finding("order", "ok")])
    found = check_plugin("rk4")
    assert few(list(found.findings)) == {"order": "ok", "the kit's further tests": "skipped"}
    assert "dynamics-workbench[test]" in found.findings[-1].note
    with pytest.raises(UsageError, match="needs pytest"):
        check_plugin("mse")
