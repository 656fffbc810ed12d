"""The 512 bytes in front: what they say, and that they cannot be mistaken."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from workbench.errors.store import NewerFormat, NotARun, NotReadable, RunDamaged
from workbench.runs import Record, Run, RunWriter
from workbench.runs.seal import BLOCK, FORMAT_VERSION, MAGIC, Seal, digest, read_seal

MakeRecord = Callable[..., Record]


@pytest.fixture
def run(make_record: MakeRecord, tmp_path: Path) -> Path:
    with RunWriter(tmp_path / "run.h5") as writer:
        writer.commit(make_record())
    return tmp_path / "run.h5"


def test_anyone_can_check_a_seal_with_the_standard_library(run: Path) -> None:
    data = run.read_bytes()
    block, body = data[:512], data[512:]
    seal = json.loads(block[len(b"WBRUN1\n") :])
    assert seal["size"] == len(data)
    assert seal["body"] == hashlib.sha256(body).hexdigest()
    assert seal["sha256"] == hashlib.sha256(block.replace(seal["sha256"].encode(), b"0" * 64)).hexdigest()


def test_plain_h5py_opens_a_run_as_it_is(run: Path) -> None:
    with h5py.File(run) as file:
        assert file.userblock_size == BLOCK
        assert file.attrs["format"] == b"workbench-run"
        assert json.loads(file["config"][()])["dynamics"] == "mlp"
        assert file["observed/y"].shape == (12, 2)
        assert [scale.name for scale in (file["observed/y"].dims[0][0], file["observed/y"].dims[1][0])] == [
            "/observation",
            "/channel",
        ]


def test_no_data_set_is_of_variable_length_or_an_object(run: Path) -> None:
    def plain(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            assert item.dtype.kind in "iufS", name
            assert h5py.check_string_dtype(item.dtype) is None or h5py.check_string_dtype(item.dtype).length, name

    with h5py.File(run) as file:
        file.visititems(plain)


def test_a_seal_fills_its_block_and_shortens_what_does_not_fit() -> None:
    about = {f"key{i}": "λ" * 30 for i in range(20)}
    block = Seal(1000, "0" * 64, 3, "f" * 16, "early_stop", about).block()
    assert len(block) == BLOCK
    seal = read_seal(block, "x.h5")
    assert (seal.commit, seal.status) == (3, "early_stop")
    assert list(seal.about) == list(about)[: len(seal.about)] != []


@pytest.mark.parametrize("change", [{"status": "\x1b[2J"}, {"run_id": "../x"}, {"about": {"data": "\x1b]0;title\a"}}])
def test_a_seal_that_a_stranger_made_brings_no_escape_sequences_to_the_terminal(change: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"status": "converged", "run_id": "f" * 16, "about": {}} | change
    with pytest.raises(RunDamaged) as refusal:
        read_seal(Seal(1000, "0" * 64, 3, **fields).block(), "x.h5")
    assert str(refusal.value).isprintable()


def test_a_newer_format_is_refused_by_both_numbers(run: Path) -> None:
    data = run.read_bytes()
    newer = Seal(len(data), digest(data[BLOCK:]), 1, "f" * 16, "converged", {}, FORMAT_VERSION + 1)
    run.write_bytes(newer.block() + data[BLOCK:])
    with pytest.raises(NewerFormat, match=rf"format {FORMAT_VERSION + 1}.*up to {FORMAT_VERSION}"):
        Run.open(run)


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n" + b"\0" * 2000, b"t,x\n0,1\n", b"WBRUN", b"\0" * 600])
def test_a_file_without_a_seal_is_refused_before_hdf5_sees_it(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("h5py.h5f.open_file_image", None)
    (tmp_path / "x.h5").write_bytes(content)
    with pytest.raises(NotARun, match=r"x\.h5: error\[R003\]"):
        Run.open(tmp_path / "x.h5")


@pytest.mark.parametrize("length", [len(MAGIC), 300, BLOCK, BLOCK + 1, -1])
def test_a_file_that_was_cut_short_is_refused(run: Path, length: int) -> None:
    run.write_bytes(run.read_bytes()[:length])
    with pytest.raises(RunDamaged):
        Run.open(run)


def test_a_file_that_grew_is_refused(run: Path) -> None:
    run.write_bytes(run.read_bytes() + b"\0")
    with pytest.raises(RunDamaged):
        Run.open(run)


def test_a_run_edited_with_h5py_is_refused(run: Path) -> None:
    with h5py.File(run, "r+") as file:
        file["prediction/y"][0, 0] = np.pi
    with pytest.raises(RunDamaged):
        Run.open(run)


def test_what_is_no_plain_file_is_refused_and_does_not_make_us_wait(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.h5")
    (tmp_path / "folder.h5").mkdir()
    for name in ("pipe.h5", "folder.h5", "none.h5"):
        with pytest.raises(NotReadable, match=name):
            Run.open(tmp_path / name)
