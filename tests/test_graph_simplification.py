"""What the builder of graphs simplifies as it goes: nothing that changes a value or a derivative."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.graph import Builder, Graph


def test_algebra_that_changes_nothing_is_done_as_nodes_are_made() -> None:
    b = Builder()
    x, y, zero, one = b.leaf("y", 0), b.leaf("y", 1), b.constant(0), b.constant(1)
    assert b.add(x, zero) == b.mul(one, x) == b.div(x, one) == b.neg(b.neg(x)) == b.integer_power(x, 1) == x
    assert b.mul(x, zero) == b.sub(x, x) == b.div(zero, x) == b.chain(x, zero) == zero
    assert b.div(x, x) == b.integer_power(x, 0) == one
    assert b.mul(x, y) == b.mul(y, x)
    assert b.add(x, b.neg(y)) == b.sub(x, y) == b.neg(b.sub(y, x))
    assert b.integer_power(x, 4) == b.mul(b.mul(x, x), b.mul(x, x))
    assert b.value(b.apply("sin", b.constant(2))) == math.sin(2)
    assert b.value(b.div(one, zero)) == math.inf
    assert b.apply("where", one, x, y) == x


@pytest.mark.parametrize("operation", ["add", "sub", "mul", "div"])
@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, 1), (-1, -1)], ids=str)
def test_signs_that_are_moved_outward_are_kept(operation: str, signs: tuple[int, int]) -> None:
    b = Builder()
    leaves = [b.leaf("y", i) for i in range(2)]
    x, y = (leaf if sign > 0 else b.neg(leaf) for leaf, sign in zip(leaves, signs, strict=True))
    out = getattr(b, operation)(x, y)
    graph = Graph(tuple(b.nodes), {"out": (out,)}, ("x", "y"), ())
    found = graph.function("out")(np.zeros(1), np.array([[3.0, 5.0]]), None, None, np.zeros(0))[0, 0]
    one, other = 3.0 * signs[0], 5.0 * signs[1]
    assert found == {"add": one + other, "sub": one - other, "mul": one * other, "div": one / other}[operation]


BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}
UNARY = {"neg": np.negative, "exp": np.exp, "sin": np.sin, "tanh": np.tanh}
TREES = st.recursive(
    st.integers(0, 2),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(sorted(UNARY)), inner), st.tuples(st.sampled_from(sorted(BINARY)), inner, inner)
    ),
    max_leaves=12,
)


def built(b: Builder, tree: Any) -> int:
    if isinstance(tree, int):
        return b.leaf("y", tree)
    op, *inner = tree
    nodes = [built(b, each) for each in inner]
    return getattr(b, op)(*nodes) if op in (*BINARY, "neg") else b.apply(op, *nodes)


def evaluated(tree: Any, y: np.ndarray) -> Any:
    if isinstance(tree, int):
        return y[tree]
    op, *inner = tree
    return (BINARY | UNARY)[op](*(evaluated(each, y) for each in inner))


@given(TREES)
def test_random_trees_and_their_derivatives_are_what_they_say(tree: Any) -> None:
    """Simplification keeps the value; the derivative is that of the complex step."""
    b = Builder()
    out = built(b, tree)
    graph = Graph(tuple(b.nodes), {"out": (out,)}, ("x", "y", "z"), ())
    at = np.array([0.7, 1.3, 0.4])
    try:
        with np.errstate(all="raise", under="ignore"):
            wanted = evaluated(tree, at)
    except FloatingPointError:  # at infinity there is no derivative, whatever a complex step says
        assume(False)
    with np.errstate(all="ignore"):
        slopes = [np.imag(evaluated(tree, at + 1e-30j * unit)) / 1e-30 for unit in np.eye(3)]
    assume(np.isfinite([wanted, *slopes]).all() and np.abs([wanted, *slopes]).max() < 1e12)
    value, by_y = graph.function("out", ("y",))(np.zeros(1), at[None], None, None, np.zeros(0))
    # the same operations but for their order and signs; 1e-9 leaves seven digits to terms that cancel
    size = 1 + max(abs(wanted), *np.abs(slopes))
    assert abs(value[0, 0] - wanted) < 1e-9 * size
    np.testing.assert_allclose(by_y[0, 0], slopes, rtol=0, atol=1e-9 * size)
