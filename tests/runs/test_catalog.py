"""Listing runs and finding one by what was typed."""

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from workbench.errors.store import OutsideStore
from workbench.errors.usage import UnknownName, UsageError
from workbench.runs import Record, RunWriter, catalog, new_name, path_of, resolve
from workbench.runs.seal import BLOCK, Seal, digest

MakeRecord = Callable[..., Record]


def sealed(path: Path, status: str = "converged", at: float = 0.0) -> Path:
    """A file with a sound seal, enough for everything that reads seals only."""
    body = b"body"
    path.write_bytes(Seal(BLOCK + len(body), digest(body), 1, "f" * 16, status, {"dynamics": "mlp"}).block() + body)
    os.utime(path, (at, at))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for at, name in enumerate(["brisk-otter", "brisk-owl", "calm-hare"]):
        sealed(tmp_path / f"{name}.h5", at=at + 1.0)
    return tmp_path


def test_a_list_says_what_was_fitted_and_how_well_without_hdf5(make_record: MakeRecord, tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run.h5") as writer:
        writer.commit(make_record())
    (summary,) = catalog(tmp_path)
    assert (summary.name, summary.status, summary.commit) == ("run", "converged", 1)
    assert summary.about == {"dynamics": "mlp", "fit_percent": 71.25, "data": "ponds.csv"}


def test_the_newest_run_comes_last(store: Path) -> None:
    assert [summary.name for summary in catalog(store)] == ["brisk-otter", "brisk-owl", "calm-hare"]


def test_other_files_are_passed_over_and_damaged_runs_are_listed_as_such(store: Path) -> None:
    (store / "data.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (store / "notes.txt").touch()
    (store / "folder.h5").mkdir()
    (store / "gone.h5").symlink_to(store / "nowhere.h5")
    damaged = store / "brisk-owl.h5"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    found = {summary.name: summary.status for summary in catalog(store)}
    assert found == {
        "brisk-otter": "converged",
        "calm-hare": "converged",
        "brisk-owl": "damaged",
        "folder": "unreadable",
    }


def test_a_run_that_is_being_written_names_its_writer(make_record: MakeRecord, tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run.h5") as writer:
        writer.commit(make_record(status="running"))
        assert catalog(tmp_path)[0].writer.startswith(f"{os.getpid()} on ")
    assert catalog(tmp_path)[0].writer == ""


def test_a_folder_that_is_not_there_holds_no_runs(tmp_path: Path) -> None:
    assert catalog(tmp_path / "runs") == []


def test_a_thousand_runs_are_listed(tmp_path: Path) -> None:
    for i in range(1000):
        sealed(tmp_path / f"run-{i}.h5")
    assert len(catalog(tmp_path)) == 1000


@pytest.mark.parametrize(
    ("typed", "name"),
    [("calm-hare", "calm-hare"), ("calm", "calm-hare"), ("@last", "calm-hare"), ("brisk-ot", "brisk-otter"),
     ("calm-hare.h5", "calm-hare")],
)  # fmt: skip
def test_a_run_is_found_by_name_beginning_or_last(store: Path, typed: str, name: str) -> None:
    assert resolve(typed, store) == store / f"{name}.h5"


def test_a_path_is_taken_as_it_is(store: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = sealed(tmp_path_factory.mktemp("else") / "mine.h5")
    assert resolve(str(elsewhere), store) == elsewhere


def test_two_runs_that_begin_alike_are_both_named(store: Path) -> None:
    with pytest.raises(UnknownName, match="brisk-otter, brisk-owl"):
        resolve("brisk", store)


def test_a_misspelt_name_brings_up_the_right_one(store: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean calm-hare"):
        resolve("clam-hare", store)


def test_an_empty_store_says_so(tmp_path: Path) -> None:
    for typed in ("@last", "x"):
        with pytest.raises(UnknownName, match="fit something first"):
            resolve(typed, tmp_path)


@pytest.mark.parametrize("name", ["..", ".hidden", "-x", "a b", "a\n", "a\0", "", "λ", "x" * 65, "a;rm", "~", "@first"])
def test_what_can_be_no_name_is_refused(store: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"error\[U001\]"):
        path_of(name, store)
    with pytest.raises(UsageError):
        resolve(name, store)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b"])
def test_no_name_leads_out_of_the_store(store: Path, name: str) -> None:
    with pytest.raises(UsageError):
        path_of(name, store)


def test_a_link_that_leads_out_of_the_store_is_not_followed(
    store: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (store / "link.h5").symlink_to(sealed(tmp_path_factory.mktemp("else") / "mine.h5"))
    for typed in ("link", "lin"):
        with pytest.raises(OutsideStore):
            resolve(typed, store)


def test_new_names_are_distinct_and_follow_the_generator(tmp_path: Path) -> None:
    assert new_name(tmp_path, random.Random(1)) == new_name(tmp_path, random.Random(1))
    assert "-" in new_name(tmp_path, np.random.default_rng(1))
    rng, names = random.Random(2), set()
    for _ in range(300):
        name = new_name(tmp_path, rng)
        assert path_of(name, tmp_path).parent == tmp_path
        path_of(name, tmp_path).touch()
        names.add(name)
    assert len(names) == 300


def test_listing_runs_does_not_import_hdf5(store: Path) -> None:
    import subprocess

    code = "import sys, workbench.runs as r; r.catalog(sys.argv[1]); print('h5py' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code, str(store)], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
