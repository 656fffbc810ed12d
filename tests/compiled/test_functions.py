"""functions.h: every operation of a graph in C, held to exact values and to what NumPy makes of it at the edges."""

from __future__ import annotations

import ctypes
import inspect
import itertools
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from workbench.graph.numpy_functions import NAMES

HERE = Path(__file__).parent
KERNELS = HERE.parent.parent / "workbench" / "compiled" / "kernels"
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)] or [
    name for name in ("cc",) if shutil.which(name)
]
WIDE = np.finfo(np.longdouble).nmant >= 63  # exact enough to judge the last place of a double

pytestmark = pytest.mark.skipif(not COMPILERS, reason="no C compiler")

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Library:
    """functions.c, compiled for one precision and number of lanes."""

    functions: ctypes.CDLL
    dtype: type[np.floating]

    def __call__(self, name: str, *arrays: Array) -> Array:
        arrays = tuple(np.ascontiguousarray(array, self.dtype) for array in arrays)
        y = np.full_like(arrays[0], 99.0)
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (*arrays, y)]
        getattr(self.functions, f"{name}_over")(ctypes.c_long(len(y)), *pointers)
        return y


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, int], Library]:
    """`compiled("gcc", "double", 8)`, each once; 0 lanes are as many as one vector of the processor has."""
    folder = tmp_path_factory.mktemp("functions")

    @cache
    def library(compiler: str, real: str, lanes: int) -> Library:
        if lanes == 0:
            lanes = library(compiler, real, 1).functions.width()
        out = folder / f"{compiler}-{real}-{lanes}.so"
        settings = [f"-DREAL={real}", f"-DREAL_IS_DOUBLE={int(real == 'double')}", f"-DLANES={lanes}"]
        flags = "-O3 -march=native -ffp-contract=fast -fno-math-errno -std=gnu11 -Wall -Wno-psabi -Werror -fPIC -shared"
        words = [compiler, *flags.split(), *settings, f"-I{KERNELS}", str(HERE / "functions.c"), "-o", str(out), "-lm"]
        subprocess.run(words, check=True, timeout=120)
        return Library(ctypes.CDLL(str(out)), np.float64 if real == "double" else np.float32)

    return library


each_compiler = pytest.mark.parametrize("compiler", COMPILERS)
each_precision = pytest.mark.parametrize("real", ["double", "float"])

# --- accuracy ----------------------------------------------------------------------------------------------------

EXACT: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(-abs(x))) + np.maximum(x, 0),
}  # fmt: skip

BOUNDS = {
    "exp": 1.2, "expm1": 2.5, "log": 1, "log1p": 1.6, "sin": 2.5, "cos": 2.5, "tanh": 4.5,
    "sigmoid": 3, "silu": 3.5, "softplus": 3.5,
}  # fmt: skip
"""In units of the last place; the same in functions.h."""

VANISHING = ("sigmoid", "silu", "softplus")  # give 0 for what is smaller than about the smallest normal number


def samples(name: str, dtype: type[np.floating], count: int) -> Array:
    """Numbers of every size in the domain of a function, most of them where it is neither 0 nor its asymptote."""
    rng = np.random.default_rng(0)
    info = np.finfo(dtype)
    edge = 1.05 * float(np.log(np.finfo(dtype).max))
    sizes = rng.uniform(np.log10(float(info.smallest_subnormal) * 8), np.log10(float(info.max)) - 0.01, count)
    parts = [rng.uniform(-edge, edge, count), rng.uniform(-30, 30, count), rng.uniform(-2, 2, count)]
    parts += [rng.choice([-1.0, 1.0], count) * 10.0**sizes]
    parts += [np.array([0.0, float(info.tiny), float(info.max), float(info.smallest_subnormal)]).repeat(16)]
    if name in ("sin", "cos"):
        parts += [rng.uniform(-1e4, 1e4, count), rng.uniform(-2e5, 2e5, count), np.arange(-6000, 6000) * np.pi / 2]
    x = np.concatenate(parts).astype(dtype)
    if name == "log":
        x = np.abs(np.concatenate([x, rng.uniform(0.5, 2, count).astype(dtype)]))
        x = x[x > 0]
    if name == "log1p":
        x = x[x > -1]
    return x[: len(x) // 64 * 64]


def units_of_the_last_place(y: Array, exact: Array, dtype: type[np.floating]) -> Array:
    """|y - exact| in units of the last place of the exact value; an overflow to infinity is right."""
    info = np.finfo(dtype)
    exponent = np.maximum(np.frexp(exact)[1] - 1, info.minexp)
    with np.errstate(invalid="ignore"):
        units = np.abs(y.astype(np.longdouble) - exact) / np.ldexp(np.longdouble(1), exponent - info.nmant)
    return np.where((np.abs(exact) > info.max) & (y == np.copysign(np.inf, exact)), 0, units)


def held_to_its_bound(library: Library, name: str, call: str, count: int) -> None:
    x = samples(name, library.dtype, count)
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(np.longdouble))
    y = library(call, x)
    units = units_of_the_last_place(y, exact, library.dtype)
    if name in VANISHING:
        tiny = float(np.finfo(library.dtype).tiny)
        vanished = np.abs(exact) < (np.abs(x.astype(np.longdouble)) if name == "silu" else 1) * 1.01 * tiny
        assert np.all(
            np.abs(y[vanished]) <= 1.02 * np.abs(exact[vanished]) + float(np.finfo(library.dtype).smallest_subnormal)
        )
        units = units[~vanished]
        x = x[~vanished]
    worst = np.argmax(units)
    assert units[worst] <= BOUNDS[name], f"{units[worst]:.2f} at {x[worst]!r}"


@each_compiler
@each_precision
@pytest.mark.parametrize("name", EXACT)
@pytest.mark.skipif(not WIDE, reason="no long double of 64 bits or more to compare with")
def test_a_vectors_function_is_as_accurate_as_its_header_says(
    compiled: Callable[[str, str, int], Library], compiler: str, real: str, name: str
) -> None:
    held_to_its_bound(compiled(compiler, real, 1), name, f"V_{name}", 20_000)


@each_compiler
@each_precision
@pytest.mark.parametrize("lanes", [1, 0])
@pytest.mark.parametrize("name", EXACT)
@pytest.mark.skipif(not WIDE, reason="no long double of 64 bits or more to compare with")
def test_a_formulas_function_is_as_accurate_as_its_header_says(
    compiled: Callable[[str, str, int], Library], compiler: str, real: str, lanes: int, name: str
) -> None:
    held_to_its_bound(compiled(compiler, real, lanes), name, f"R_{name}", 2000)


def test_the_header_states_the_bounds_that_are_held() -> None:
    text = (KERNELS / "functions.h").read_text(encoding="utf-8").partition("*/")[0]
    for name, bound in BOUNDS.items():
        assert any(name in line and f" {bound:g}" in line for line in text.splitlines()), name


@each_compiler
@each_precision
def test_tanh_and_sigmoid_never_leave_their_range(
    compiled: Callable[[str, str, int], Library], compiler: str, real: str
) -> None:
    x = np.linspace(-50, 50, 64 * 4096)
    library = compiled(compiler, real, 1)
    assert np.abs(library("V_tanh", x)).max() == 1
    sigmoid = library("V_sigmoid", x)
    assert sigmoid.max() == 1
    assert sigmoid.min() > 0


@each_compiler
@each_precision
def test_sine_and_cosine_together_are_sine_and_cosine(
    compiled: Callable[[str, str, int], Library], compiler: str, real: str
) -> None:
    library = compiled(compiler, real, 1)
    x = np.concatenate([np.linspace(-20, 20, 48), np.linspace(-1e6, 1e6, 16)]).astype(library.dtype)
    sine, cosine = np.empty_like(x), np.empty_like(x)
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (x, sine, cosine)]
    library.functions.V_sincos_over(ctypes.c_long(len(x)), *pointers)
    assert np.array_equal(sine, library("V_sin", x))
    assert np.array_equal(cosine, library("V_cos", x))


# --- the gamma function's family -----------------------------------------------------------------------------------


@each_compiler
@pytest.mark.parametrize(("name", "order"), [("digamma", 0), ("trigamma", 1)])
def test_digamma_and_trigamma_agree_with_mpmath(
    compiled: Callable[[str, str, int], Library], compiler: str, name: str, order: int
) -> None:
    """As their comments say, in units of the last place of max(1, |value|)."""
    import mpmath

    rng = np.random.default_rng(0)
    right = np.concatenate([10.0 ** rng.uniform(-300 / (order + 1), 8, 200), rng.uniform(0, 20, 248)])
    left = rng.uniform(-20, 0, 64)
    library = compiled(compiler, "double", 0)
    with mpmath.workdps(40):
        for x, units in ((right, 4), (left, 12)):
            exact = np.array([float(mpmath.psi(order, mpmath.mpf(value))) for value in x])
            error = np.abs(library(f"R_{name}", x) - exact) / np.maximum(1, np.abs(exact))
            assert error.max() <= units * 2.3e-16


# --- edges -------------------------------------------------------------------------------------------------------

EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 2.5, -2.5, 1e-30, -1e-30, 1e30, -1e30, np.inf, -np.inf, np.nan)
ODD = ("sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "expm1", "log1p", "sqrt", "floor")


def arity(name: str) -> int:
    function = NAMES[name]
    return function.nin if isinstance(function, np.ufunc) else len(inspect.signature(function).parameters)


@each_compiler
@each_precision
@pytest.mark.parametrize("lanes", [1, 2, 0])
def test_every_operation_of_a_graph_is_there_and_means_at_the_edges_what_numpy_means(
    compiled: Callable[[str, str, int], Library], compiler: str, real: str, lanes: int
) -> None:
    library = compiled(compiler, real, lanes)
    eps, tiny = np.finfo(library.dtype).eps, np.finfo(library.dtype).tiny
    for name in NAMES:
        count = arity(name)
        edges = EDGES if count < 4 else EDGES[:3] + EDGES[-3:]
        grid = np.array(list(itertools.product(edges, repeat=count)), library.dtype)
        grid = np.concatenate([grid, np.repeat(grid[-1:], -len(grid) % 64, axis=0)])
        arguments = list(grid.T.copy())
        with np.errstate(all="ignore"):
            wanted = np.asarray(NAMES[name](*arguments), np.float64)
        found = library(f"R_{name}", *arguments)
        nought = 4 * eps if name == "digamma" else float(tiny)
        np.testing.assert_allclose(found, wanted, rtol=8 * eps, atol=nought, err_msg=name)
        if name in ODD:
            zeros = arguments[0] == 0
            assert np.array_equal(np.signbit(found[zeros]), np.signbit(arguments[0][zeros])), name


# --- types.h -----------------------------------------------------------------------------------------------------


@each_compiler
@each_precision
@pytest.mark.parametrize("lanes", [1, 2, 0])
def test_sums_largest_any_and_all_go_over_the_lanes(
    compiled: Callable[[str, str, int], Library], compiler: str, real: str, lanes: int
) -> None:
    library = compiled(compiler, real, lanes)
    lanes = library.functions.lanes()
    x = np.random.default_rng(0).integers(-3, 3, 64 * lanes).astype(library.dtype)
    blocks = x.reshape(-1, lanes)
    assert np.array_equal(library("R_sum", x)[:64], blocks.sum(1))
    assert np.array_equal(library("R_largest", x)[:64], blocks.max(1))
    assert np.array_equal(library("R_any", x)[:64], (blocks > 0).any(1))
    assert np.array_equal(library("R_all", x)[:64], (blocks <= 0).all(1))


@each_compiler
@each_precision
def test_a_part_of_a_vector_is_loaded_and_stored(
    compiled: Callable[[str, str, int], Library], compiler: str, real: str
) -> None:
    library = compiled(compiler, real, 1)
    for count in range(1, 2 * library.functions.width()):
        x = np.arange(count, dtype=library.dtype)
        assert np.array_equal(library("V_part", x), x)
