"""What goes into a run file comes out of it, to the bit."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.dataset import Dataset
from workbench.errors.store import RecordUnstorable
from workbench.runs import Record, Run, RunWriter, content_sha256

MakeRecord = Callable[..., Record]


def same(a: Any, b: Any) -> bool:
    """Equal to the bit, through dataclasses and containers."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if is_dataclass(a):
        return all(same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


def stored(record: Record, folder: Path) -> Run:
    with RunWriter(folder / "run.h5", "replace") as writer:
        writer.commit(record)
    return Run.open(folder / "run.h5")


def test_every_field_comes_back_to_the_bit(make_record: MakeRecord, tmp_path: Path) -> None:
    record = make_record()
    run = stored(record, tmp_path)
    for field in fields(Record):
        assert same(getattr(record, field.name), getattr(run, field.name)), field.name
    assert (run.name, run.commit, len(run.run_id)) == ("run", 1, 16)


def test_a_record_of_data_alone_comes_back_with_nothing_invented(tmp_path: Path) -> None:
    data = Dataset(t=[0.0, 1.0], values=[[1.0], [2.0]], row_size=[2], channels=("x",))
    record = Record(config={}, dataset=data, part=np.zeros(2, dtype=np.int8))
    run = stored(record, tmp_path)
    assert all(same(getattr(record, field.name), getattr(run, field.name)) for field in fields(Record))
    assert run.prediction is None
    assert run.checkpoint is None
    assert run.dataset.inputs is None


def test_missing_values_and_signed_zeros_keep_their_bits(make_record: MakeRecord, tmp_path: Path) -> None:
    nan_with_payload, minus_zero = 0x7FF8000000000123, 0x8000000000000000
    odd = np.array([nan_with_payload, minus_zero], dtype=np.uint64).view(np.float64)
    prediction = np.tile(odd, (12, 1))
    assert stored(make_record(prediction=prediction), tmp_path).prediction.tobytes() == prediction.tobytes()


def test_the_digest_ignores_provenance_timings_and_the_number_of_commits(
    make_record: MakeRecord, tmp_path: Path
) -> None:
    first = stored(make_record(), tmp_path).content_sha256
    with RunWriter(tmp_path / "other.h5") as writer:
        writer.commit(make_record(status="running"))
        writer.commit(make_record(provenance={"host": "elsewhere"}, timings={"seconds": 9.0}))
    again = Run.open(tmp_path / "other.h5")
    assert again.commit == 2
    assert again.content_sha256 == first == content_sha256(make_record())


def test_the_digest_ignores_the_order_of_keys_in_documents(make_record: MakeRecord) -> None:
    config = make_record().config
    assert content_sha256(make_record(config=dict(reversed(config.items())))) == content_sha256(make_record())


@pytest.mark.parametrize(
    "change",
    [
        {"status": "iterations"},
        {"equations": ("d hare/dt = α·hare",)},
        {"config": {"seed": 1}},
        {"model": {"theta": np.zeros(7)}},
        {"checkpoint": None},
        {"problem_text": ""},
        {"history": {}},
    ],
)
def test_the_digest_sees_every_change_of_content(make_record: MakeRecord, change: dict[str, Any]) -> None:
    assert content_sha256(make_record(**change)) != content_sha256(make_record())


def test_the_same_commit_gives_the_same_bytes_but_for_the_name_of_the_run(
    make_record: MakeRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda n: "0" * 16)
    stored(make_record(), tmp_path)
    first = (tmp_path / "run.h5").read_bytes()
    stored(make_record(), tmp_path)
    assert (tmp_path / "run.h5").read_bytes() == first


def test_results_that_are_not_finite_become_null(make_record: MakeRecord, tmp_path: Path) -> None:
    run = stored(make_record(metrics={"train": {"nll": float("inf")}, "rmse": np.float64("nan")}), tmp_path)
    assert run.metrics == {"train": {"nll": None}, "rmse": None}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"config": {"rtol": float("nan")}}, "config.rtol"),
        ({"config": {"make": object()}}, "config.make"),
        ({"metrics": {1: 2}}, "metrics"),
        ({"part": np.zeros(3)}, "part"),
        ({"prediction": np.zeros((12, 3))}, "prediction"),
        ({"history": {"a": np.zeros(2), "b": np.zeros(3)}}, "history.b"),
        ({"history": {"a": np.array([None, 1])}}, "history.a"),
        ({"equations": ("a\0",)}, "equation"),
        ({"problem_text": "\ud800"}, "problem_text"),
        ({"checkpoint": {"f": [print]}}, "checkpoint.f.0"),
        ({"checkpoint": {"o": np.array([None])}}, "checkpoint.o"),
        ({"status": "done; rm"}, "status"),
    ],
)
def test_what_cannot_be_kept_exactly_is_refused_by_name(
    make_record: MakeRecord, tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    with RunWriter(tmp_path / "run.h5") as writer, pytest.raises(RecordUnstorable) as refusal:
        writer.commit(make_record(**change))
    assert named in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_sound_run_is_verified(make_record: MakeRecord, tmp_path: Path) -> None:
    stored(make_record(), tmp_path)
    assert Run.open(tmp_path / "run.h5").status == "converged"
