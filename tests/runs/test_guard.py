"""What a stranger's HDF5 file may not do: each known trick is refused by name, and no other file is opened."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5py import h5a, h5d, h5g, h5o, h5p, h5pl, h5s, h5t

from workbench.errors.store import HDF5Refused, LayoutWrong, NotReadable
from workbench.runs import Run
from workbench.runs.guard import DATA_FILES, RUN_FILES, checked, open_hdf5
from workbench.runs.seal import BLOCK, Seal, digest

Make = Callable[[h5py.File, str], object]
HOSTILE: dict[str, Make] = {}


def hostile(make: Make) -> Make:
    """A way to attack, named by its function; it gets a file to fill and the path of a secret beside it."""
    HOSTILE[make.__name__] = make
    return make


@hostile
def an_external_link(file: h5py.File, secret: str) -> None:
    file["x"] = h5py.ExternalLink(secret, "/x")


@hostile
def an_external_link_on_the_way(file: h5py.File, secret: str) -> None:
    file["observed"] = h5py.ExternalLink(secret, "/")


@hostile
def external_storage(file: h5py.File, secret: str) -> None:
    file.create_dataset("x", shape=(8,), dtype="u1", external=[(secret, 0, 8)])


@hostile
def a_virtual_data_set(file: h5py.File, secret: str) -> None:
    layout = h5py.VirtualLayout(shape=(3,), dtype="f8")
    layout[:] = h5py.VirtualSource(secret, "x", shape=(3,))
    file.create_virtual_dataset("x", layout)


@hostile
def a_soft_link(file: h5py.File, secret: str) -> None:
    file["y"] = [1.0]
    file["x"] = h5py.SoftLink("/y")


@hostile
def a_soft_link_to_nothing(file: h5py.File, secret: str) -> None:
    file["x"] = h5py.SoftLink("/nothing")


@hostile
def a_cycle_of_hard_links(file: h5py.File, secret: str) -> None:
    inner = file.create_group("a/b")
    inner["c"] = file["a"]


@hostile
def the_root_inside_itself(file: h5py.File, secret: str) -> None:
    file["root"] = file["/"]


@hostile
def fifty_groups_inside_each_other(file: h5py.File, secret: str) -> None:
    file.create_group("/".join("g" * 50))


@hostile
def a_group_that_holds_itself_exponentially_often(file: h5py.File, secret: str) -> None:
    inner = file.create_group("g0")
    for level in range(1, 10):
        outer = file.create_group(f"g{level}")
        outer["a"], outer["b"] = inner, inner
        inner = outer


@hostile
def eight_pebibytes_declared(file: h5py.File, secret: str) -> None:
    file.create_dataset("x", shape=(2**50,), chunks=(2**16,), dtype="f8")


@hostile
def a_compressed_bomb(file: h5py.File, secret: str) -> None:
    bomb = file.create_dataset("x", shape=(2**28,), chunks=(2**22,), dtype="u1", compression="gzip")
    bomb[: 2**24] = 0  # deflate alone makes 1030 of one; what was never written makes any number of nothing


@hostile
def one_huge_chunk(file: h5py.File, secret: str) -> None:
    file.create_dataset("x", shape=(2**29,), chunks=(2**29,), dtype="u1", compression="gzip")


@hostile
def a_string_type_of_gigabytes(file: h5py.File, secret: str) -> None:
    file.create_dataset("x", shape=(4,), dtype="S2000000000")


@hostile
def twenty_thousand_groups(file: h5py.File, secret: str) -> None:
    for i in range(RUN_FILES.objects + 1):
        h5g.create(file.id, b"%d" % i)


@hostile
def thousands_of_attributes(file: h5py.File, secret: str) -> None:
    one, scalar = h5t.STD_I8LE, h5s.create(h5s.SCALAR)
    for i in range(210):
        group = h5g.create(file.id, b"g%d" % i)
        for j in range(100):
            h5a.create(group, b"a%d" % j, one, scalar)


for _label, _name in {
    "a_newline": b"a\nb",
    "markup": b"<img src=x onerror=alert(1)>",
    "two_dots": b"..",
    "letters_that_run_backwards": "a\u202eb".encode(),
    "no_text": b"\xff\xfe",
    "a_terminal_command": b"\x1b[2J",
}.items():

    def _named(file: h5py.File, secret: str, name: bytes = _name) -> None:
        h5g.create(file.id, name)

    _named.__name__ = f"a_name_with_{_label}"
    hostile(_named)

for _label, _kind in {
    "text_of_variable_length": h5py.string_dtype(),
    "variable_length_numbers": h5py.vlen_dtype("f8"),
    "object_references": h5py.ref_dtype,
    "region_references": h5py.regionref_dtype,
    "compounds": np.dtype([("a", "f8")]),
    "opaque_bytes": np.dtype("V8"),
    "enumerations": h5py.enum_dtype({"A": 1}, basetype="i1"),
    "arrays_inside_elements": np.dtype(("f8", (3,))),
    "complex_numbers": np.dtype("c16"),
}.items():

    def _typed(file: h5py.File, secret: str, kind: np.dtype = _kind) -> None:
        h5d.create(file.id, b"x", h5t.py_create(kind, logical=True), h5s.create_simple((2,)))

    _typed.__name__ = f"a_data_set_of_{_label}"
    hostile(_typed)


@hostile
def a_filter_that_would_be_loaded_from_disk(file: h5py.File, secret: str) -> None:
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_chunk((4,))
    properties.set_filter(32015, 1)  # H5Z_FLAG_OPTIONAL: it may be absent while writing
    h5d.create(file.id, b"x", h5t.IEEE_F64LE, h5s.create_simple((4,)), dcpl=properties)


@hostile
def a_filter_of_h5py_itself(file: h5py.File, secret: str) -> None:
    file.create_dataset("x", data=np.zeros(100), compression="lzf")


@hostile
def a_lossy_filter(file: h5py.File, secret: str) -> None:
    file.create_dataset("x", data=np.zeros(100), scaleoffset=2)


@hostile
def a_named_type(file: h5py.File, secret: str) -> None:
    file["x"] = np.dtype("f8")


@hostile
def an_attribute_of_variable_length(file: h5py.File, secret: str) -> None:
    file.attrs["note"] = "text"


@hostile
def an_attribute_that_refers_to_objects(file: h5py.File, secret: str) -> None:
    file.create_group("g").attrs["to"] = file.ref


@hostile
def an_attribute_with_a_strange_name(file: h5py.File, secret: str) -> None:
    file.attrs.create("a b", 1)


@hostile
def more_axes_than_anyone_needs(file: h5py.File, secret: str) -> None:
    file.create_dataset("x", data=np.zeros((1,) * 9))


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """Names of the files in a folder of secrets that any library opened since the last call (by inotify)."""
    if not sys.platform.startswith("linux"):
        pytest.skip("needs inotify")
    folder = tmp_path / "outside"
    folder.mkdir()
    with h5py.File(folder / "secret.h5", "w") as file:
        file["x"] = np.arange(3.0)
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(watch, os.fsencode(folder), 0x20) >= 0  # IN_OPEN

    def names() -> list[str]:
        try:
            event = os.read(watch, 65536)
        except BlockingIOError:
            return []
        return [event[16:].split(b"\0")[0].decode()]

    yield names
    os.close(watch)


def test_the_watch_sees_plain_h5py_being_led_astray(tmp_path: Path, opened: Callable[[], list[str]]) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        an_external_link(file, str(tmp_path / "outside" / "secret.h5"))
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["x"][()].tolist() == [0.0, 1.0, 2.0]
    assert opened() == ["secret.h5"]


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_by_name_and_opens_nothing(
    tmp_path: Path, kind: str, opened: Callable[[], list[str]]
) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", userblock_size=BLOCK) as file:
        HOSTILE[kind](file, str(tmp_path / "outside" / "secret.h5"))
    opened()
    image = path.read_bytes()
    for limits in (RUN_FILES,) if "attribute_" in kind else (RUN_FILES, DATA_FILES):
        with pytest.raises(HDF5Refused) as refusal, checked(image, limits):
            pytest.fail("it was let in")
        assert str(refusal.value).isprintable()
    path.write_bytes(Seal(len(image), digest(image[BLOCK:]), 1, "f" * 16, "converged").block() + image[BLOCK:])
    with pytest.raises(
        HDF5Refused, match=r"x\.h5: error\[R010\]"
    ):  # a seal proves that a file is whole, not that it is kind
        Run.open(path)
    assert opened() == []


def test_a_harmless_file_is_let_in_and_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("g/x", data=np.arange(1000.0), compression="gzip", shuffle=True, fletcher32=True)
        file["y"] = np.array([b"text"])
        file["z"] = h5py.Empty("f8")
        file["x-again"] = file["g/x"]
    with open_hdf5(tmp_path / "x.h5") as file:
        assert file["g/x"][()].tolist() == list(range(1000))


def test_a_netcdf_file_passes_as_data_with_its_text_attributes(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray", reason="the extra `xarray` is not installed")
    pytest.importorskip("h5netcdf", reason="the extra `xarray` is not installed")
    written = xarray.Dataset({"x": ("t", np.arange(5.0), {"units": "m"})}, {"t": np.arange(5.0)}, {"title": "a test"})
    written.to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    with open_hdf5(tmp_path / "x.nc") as file:
        assert file["x"][()].tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(HDF5Refused), open_hdf5(tmp_path / "x.nc", RUN_FILES):
        pytest.fail("its attributes are of variable length")


def test_text_that_is_no_hdf5_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_text("t,x\n")
    with pytest.raises(HDF5Refused, match=r"x\.h5: error\[R010\]: not an HDF5 file"), open_hdf5(tmp_path / "x.h5"):
        pass
    with pytest.raises(NotReadable), open_hdf5(tmp_path / "none.h5"):
        pass


def test_filter_plugins_are_off_while_a_file_is_open_and_back_afterwards(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = [1.0]
    before = [h5pl.get(i) for i in range(h5pl.size())]
    with open_hdf5(tmp_path / "x.h5"):
        assert h5pl.size() == 0
    with pytest.raises(ValueError, match="on purpose"), checked((tmp_path / "x.h5").read_bytes()):
        raise ValueError("on purpose")
    assert [h5pl.get(i) for i in range(h5pl.size())] == before


def test_a_sealed_file_with_another_layout_is_refused_by_the_data_set(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", userblock_size=BLOCK) as file:
        attributes = {"format": "workbench-run", "run_id": "f" * 16, "status": "converged"}
        for name, value in attributes.items():
            file.attrs.create(name, np.bytes_(value))
        file.attrs["format_version"] = 1
        file["config"] = np.bytes_(b"[" * 100_000)
    image = path.read_bytes()
    path.write_bytes(Seal(len(image), digest(image[BLOCK:]), 1, "f" * 16, "converged").block() + image[BLOCK:])
    with pytest.raises(LayoutWrong, match=r"x\.h5: error\[R011\]: /config"):
        Run.open(path)


def test_objects_have_one_address_which_the_walk_relies_on(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_group("a")
        file["b"] = file["a"]
        assert h5o.get_info(file.id, b"a").addr == h5o.get_info(file.id, b"b").addr
