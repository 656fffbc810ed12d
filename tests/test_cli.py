"""The command line: what is typed wrong is one line with a way on, and every answer has its place."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import workbench as wb
from workbench.cli import main
from workbench.cli.boundary import Terminated, guarded
from workbench.cli.commands import COMMANDS
from workbench.cli.group import LazyGroup
from workbench.errors.data import ColumnMissing

SILENT = {"XDG_CONFIG_HOME": "/nowhere", "XDG_STATE_HOME": "/nowhere"}


def run(*words: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, list(words))


# --- help --------------------------------------------------------------------------------------------------------


def test_the_table_of_commands_is_that_of_their_modules() -> None:
    folder = Path(sys.modules["workbench.cli"].__file__ or "").parent
    for name in COMMANDS:
        assert (folder / f"{name}.py").is_file()
        context = click.Context(main)
        assert isinstance(main, LazyGroup)
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_in_one_imperative_sentence_and_an_example(name: str) -> None:
    answer = run(name, "--help")
    assert answer.exit_code == 0
    assert "Example" in answer.stdout
    assert f"workbench {name}" in answer.stdout


def test_short_help_of_the_group_lists_every_command() -> None:
    answer = run("-h")
    assert all(f"  {name} " in answer.stdout for name in COMMANDS)


# --- mistakes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fitt"], "error[U001]: No such command 'fitt'; help: did you mean 'fit'?"),
        (["fit", "x.csv", "--sover", "rk4"], "error[U001]: No such option '--sover'; help: did you mean '--solver'?"),
        (["fit"], "error[U001]: fit takes a SOURCE or --resume RUN, one of them; help: workbench fit lynx_hare"),
        (["fit", "x", "-S", "rtol"], 'error[U012]: "rtol" is no setting; help: write kind.option=value, such as'),
        (["fit", "x", "-S", "solvr.rtol=1"], "by the name of \"solvr.rtol\"; help: did you mean 'solver'?"),
        (["fit", "x", "--max-time", "soon"], 'error[U014]: --max-time is "soon"; help: write a duration'),
        (["fit", "x", "--fail-if", "nrmse"], 'error[U014]: --fail-if is "nrmse"; help: write --fail-if "nrmse>0.1"'),
        (["fit", "x", "--noise", "hare"], 'error[U014]: --noise is "hare"; help: write --noise name=value'),
        (["fit", "x", "--gradient", "exact"], "error[U001]: Invalid value for '--gradient'"),
        (["fit", "x", "--seed", "-1"], "error[U001]: Invalid value for '--seed'"),
        (["simulate", "lorenz", "--span", "0"], 'error[U014]: --span is "0"; help: write first:last'),
        (["predict", "r", "--times", "a:b"], 'error[U014]: --times is "a:b"'),
        (["predict", "r", "--interval", "100"], 'error[U014]: --interval is "100"'),
        (["explain", "D999"], 'error[U002]: there is no error code "D999"; help: list them: workbench explain'),
        (["show", "nothing-like-it", "--runs", "/nowhere"], "error[U002]: "),
        (["completion", "tcsh"], "error[U001]: Invalid value for"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_that_says_what_to_type_next_and_exits_2(words: list[str], message: str) -> None:
    answer = run(*words)
    assert answer.exit_code == 2
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert answer.stdout == ""


def test_with_json_an_error_is_also_one_document() -> None:
    answer = run("explain", "D999", "--json")
    document = json.loads(answer.stdout)
    assert document["error"]["code"] == "U002"
    assert answer.exit_code == 2


def test_an_unknown_name_of_a_problem_names_the_nearest() -> None:
    answer = run("problems", "show", "lotka_voltera")
    assert answer.exit_code == 2
    assert "did you mean 'lotka_volterra'?" in answer.stderr


# --- the boundary ------------------------------------------------------------------------------------------------


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ColumnMissing("no column"), 3),
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
        (PermissionError(13, "Permission denied", "/data/x.csv"), 5),
        (OSError(28, "No space left on device", "out.csv"), 5),
        (click.UsageError("wrong"), 2),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_kind_of_failure_has_its_exit_status(
    error: BaseException, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(raising(error), []) == status
    assert "Traceback" not in capsys.readouterr().err


def test_a_fault_of_ours_is_one_line_and_its_traceback_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("workbench.cli.crash._log_folder", lambda: tmp_path / "log")
    assert guarded(raising(ZeroDivisionError("division by zero")), ["--json"]) == 70
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "internal error: ZeroDivisionError: division by zero" in captured.err
    log = next((tmp_path / "log").iterdir())
    assert str(log) in captured.err
    assert "Traceback" in log.read_text()
    assert json.loads(captured.out)["error"]["code"] == "internal"


def test_a_fault_of_ours_is_told_even_where_no_log_can_be_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr("workbench.cli.crash._log_folder", lambda: blocked / "log")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(blocked / "temporary"))
    assert guarded(raising(RuntimeError()), []) == 70
    assert os.devnull in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m workbench explain | head -n 1; exit ${{PIPESTATUS[0]}}"
    for _ in range(3):
        answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert answer.stderr == ""
        assert answer.returncode in (0, 141)  # 0 if everything was written before the reader left


def test_a_reader_that_has_left_before_the_answer_ends_the_command_quietly() -> None:
    code = (
        "import os, sys; read, write = os.pipe(); os.close(read); os.dup2(write, 1)\n"
        "from workbench.cli import main; main(['explain'])"
    )
    answer = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (141, "")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_with_its_status(number: int, status: int) -> None:
    code = (
        "import sys, time, click\nfrom workbench.cli.boundary import guarded\n"
        "def command():\n    print('ready', flush=True)\n    time.sleep(60)\n"
        "sys.exit(guarded(command, []))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == status
    assert complaint == ""


def test_a_signal_during_a_fit_asks_the_budget_to_stop_and_the_second_stops_at_once() -> None:
    from workbench.cli.interrupting import stopping
    from workbench.fitting import FitBudget

    budget = FitBudget(time.monotonic)
    before = signal.getsignal(signal.SIGTERM)
    with stopping(budget) as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.signal == signal.SIGTERM
        assert budget.exhausted(0) == "interrupted"
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


# --- listings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["problems", "solvers", "dynamics", "losses", "plugins", "runs"])
def test_every_listing_is_one_json_document_with_a_schema(name: str, tmp_path: Path) -> None:
    document = json.loads(run(name, "--json", WORKBENCH_RUNS=str(tmp_path)).stdout)
    assert document["schema"] == f"workbench/{name}/1"
    assert isinstance(document[name], list)


def test_solvers_are_listed_with_options_types_defaults_and_source() -> None:
    losses = {loss["name"]: loss for loss in json.loads(run("losses", "--json").stdout)["losses"]}
    delta = next(option for option in losses["huber"]["options"] if option["name"] == "delta")
    assert delta == {"name": "delta", "type": "float", "default": 1.0}
    assert "Huber" in losses["huber"]["source"]


def test_problems_are_listed_with_their_titles() -> None:
    document = json.loads(run("problems", "--json").stdout)
    titles = {problem["name"]: problem["title"] for problem in document["problems"]}
    assert titles["lotka_volterra"]
    assert all(titles.values())


def test_a_file_given_by_plugin_takes_part_in_a_listing(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from workbench import Offer, hookimpl\n@hookimpl\ndef offer_losses():\n"
        "    return [Offer('mine', lambda: 1, 'my loss')]\n"
    )
    answer = run("losses", "--plugin", str(file))
    assert "my loss" in answer.stdout


def test_a_clash_is_listed_and_then_told_with_the_status_of_plugins(install: Callable[..., None]) -> None:
    install(
        "second-mse",
        "from workbench import Offer, hookimpl\n@hookimpl\ndef offer_losses():\n"
        "    return [Offer('mse', lambda: 1, 'another')]\n",
    )
    answer = run("losses")
    assert answer.exit_code == 6
    assert "another" in answer.stdout
    assert "second-mse (plugin second_mse) and by dynamics-workbench (plugin workbench_losses)" in answer.stderr


def test_plugins_shows_what_failed_and_why(outsider: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(outsider / "broken"))
    answer = run("plugins")
    assert answer.exit_code == 0
    assert "outsider" in answer.stdout
    assert "failed: broken (workbench-broken): ModuleNotFoundError: No module named 'a_library" in answer.stderr


def test_an_empty_folder_of_runs_is_an_empty_list(tmp_path: Path) -> None:
    answer = run("runs", "--runs", str(tmp_path))
    assert answer.exit_code == 0
    assert "no runs" in answer.stderr


# --- doctor and explain ------------------------------------------------------------------------------------------


def test_doctor_finds_this_installation_sound(tmp_path: Path) -> None:
    answer = run("doctor", "--json", "--runs", str(tmp_path))
    findings = {check["check"]: check for check in json.loads(answer.stdout)["checks"]}
    failed = {name: finding["text"] for name, finding in findings.items() if finding["verdict"] == "fail"}
    assert failed == {}
    assert answer.exit_code == 0
    assert {"python", "workbench", "torch", "runs", "compiler"} <= findings.keys()


def test_doctor_says_what_is_broken_and_exits_1(
    outsider: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(outsider / "broken"))
    blocked = tmp_path / "file"
    blocked.write_text("")
    answer = run("doctor", "--runs", str(blocked))
    assert answer.exit_code == 1
    assert "plugin of workbench-broken 0.3 failed" in answer.stdout
    assert "cannot be written to" in answer.stdout


def test_doctor_tells_of_another_distribution_with_our_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "workbench-0.8.506.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: workbench\nVersion: 0.8.506\n")
    (info / "top_level.txt").write_text("workbench\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    answer = run("doctor")
    assert answer.exit_code == 1
    assert "workbench also owns the name workbench; python -m pip uninstall workbench" in answer.stdout


def test_every_code_can_be_explained_at_length() -> None:
    codes = [entry["code"] for entry in json.loads(run("explain", "--json").stdout)["codes"]]
    sources = [file.read_text(encoding="utf-8") for file in Path(wb.__file__).parent.rglob("*.py")]
    given = {code for text in sources for code in re.findall(r'^    code = "([A-Z]\d{3})"$', text, re.MULTILINE)}
    assert given == set(codes)
    assert len(codes) > 50
    for code in codes:
        assert len(run("explain", code).stdout) > 40


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(shell: str) -> None:
    answer = run("completion", shell)
    assert answer.exit_code == 0
    assert "_WORKBENCH_COMPLETE" in answer.stdout


def test_a_shell_completes_commands_and_options() -> None:
    def complete(words: str, position: int) -> list[str]:
        environment = {
            **os.environ,
            "COMP_WORDS": words,
            "COMP_CWORD": str(position),
            "_WORKBENCH_COMPLETE": "bash_complete",
        }
        command = [sys.executable, "-c", "from workbench.cli import main; main()"]
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return [line.partition(",")[2] for line in answer.stdout.splitlines()]

    assert complete("workbench so", 1) == ["solvers"]
    assert "--max-time" in complete("workbench fit --max", 2)
    assert "levenberg-marquardt" in complete("workbench fit x --optimizer le", 4)
    assert "lynx_hare" in complete("workbench fit lynx", 2)
    assert "lynx_hare" in complete("workbench fit ponds.csv --problem lynx", 4)
    assert "lynx_hare" in complete("workbench problems show lynx", 3)
    assert complete("workbench plugins check tsit", 3) == ["tsit5"]
    assert complete("workbench explain d07", 2) == ["D070"]
