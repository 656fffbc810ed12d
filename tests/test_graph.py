"""Graphs: what they compute, and that their derivatives are derivatives."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
import sympy

from workbench.errors.problems import NotLowerable
from workbench.formula import parse
from workbench.graph import Graph, from_sympy

STATES, PARAMETERS, INPUTS, COVARIATES = ("x", "y"), ("a", "b", "n"), ("u",), ("c",)
NAMES = (*STATES, *PARAMETERS, *INPUTS, *COVARIATES, "t")
KINDS = ("t", "y", "u", "c", "p")

SMOOTH = [
    "a*x - b*x*y",
    "x/(b + x)",
    "a*x^n/(b^n + x^n)",
    "exp(-a*x)*sin(2*pi*t/b + y)",
    "sqrt(x)*y^1.5 + x^-3 + y^(-1/2)",
    "log(x*y) + log10(x + a) + x*log(y) + y*log10(x)",
    "atan2(x - 2, y)*tan(x) + cos(y)",
    "asin(x/9) + acos(y/9) + atan(x*y) + asinh(x) + acosh(1 + y) + atanh(x/9)",
    "sinh(x)*cosh(y) + tanh(a*x)",
    "sigmoid(a*x - y) + softplus(x - b*y)",
    "expm1(x*a) + log1p(x*b)",
    "2^x + x^y + a^2.5",
    "-(x - y)^3*(x - y)*(a + b)/(x*y*u)*c",
    "a*abs(x - y) + min(x, y)*max(a*x, b*y, u) + where(x - 3, x^2, y^2) + step(x - 1)*y + sign(y)*x + floor(x)*y",
    "u*c*t - t^2*x",
    "((x + y)^7 - x)/(1 + (x/b)^4)",
]
ENTIRE = [text for text in SMOOTH if "floor" not in text]
"""The formulas without kinks, where SymPy's own derivatives are beyond doubt."""


def _graph(texts: Sequence[str], functions: Mapping[str, int] | None = None) -> Graph:
    groups = {"rhs": [parse(text, NAMES, functions=functions or {}) for text in texts]}
    return from_sympy(groups, states=STATES, parameters=PARAMETERS, inputs=INPUTS, covariates=COVARIATES)


def _point(rows: int = 5, seed: int = 3) -> dict[str, np.ndarray]:
    """Arguments inside every formula's domain and away from its kinks."""
    rng = np.random.default_rng(seed)
    widths = {"y": 2, "u": 1, "c": 1, "p": 3}
    return {"t": rng.uniform(0.5, 1.5, rows)} | {kind: rng.uniform(0.6, 2.4, (rows, k)) for kind, k in widths.items()}


def _nudged(point: Mapping[str, np.ndarray], kind: str, leaf: int, step: complex) -> dict[str, np.ndarray]:
    moved = point[kind] + np.zeros((), np.result_type(step))
    (moved if kind == "t" else moved[:, leaf])[...] += step
    return {**point, kind: moved}


def _by_differences(
    f: Callable[..., np.ndarray], point: Mapping[str, np.ndarray], quotient: Callable[..., np.ndarray]
) -> dict[str, np.ndarray]:
    """For each kind ∂f (rows, output, leaf), from quotient(move), where move(step) is f at a leaf moved by step."""
    found = {}
    for kind in KINDS:
        leaves = 1 if kind == "t" else point[kind].shape[1]
        columns = [quotient(lambda h, k=kind, i=i: f(**_nudged(point, k, i, h))) for i in range(leaves)]
        found[kind] = columns[0] if kind == "t" else np.stack(columns, axis=-1)
    return found


@pytest.mark.parametrize("text", SMOOTH)
def test_derivatives_agree_with_complex_steps(text: str) -> None:
    """A complex step of 1e-30 has no truncation error: only rounding remains, some tens of units of 2⁻⁵³."""
    graph, point = _graph([text]), _point()
    value, *derivatives = graph.function("rhs", KINDS)(**point)
    np.testing.assert_array_equal(value, graph.function("rhs")(**point))
    stepped = _by_differences(graph.function("rhs"), point, lambda move: move(1e-30j).imag / 1e-30)
    for kind, derivative in zip(KINDS, derivatives, strict=True):
        scale = np.abs(stepped[kind]).max() + 1
        np.testing.assert_allclose(derivative, stepped[kind], rtol=1e-12, atol=1e-13 * scale, err_msg=kind)


@pytest.mark.parametrize("text", [*SMOOTH, "lgamma(x) + lgamma(a*y)"])
def test_derivatives_agree_with_central_differences(text: str) -> None:
    """With step h = 1e-5 the truncation is h²f'''/6 and the rounding 2⁻⁵³ f/h: both below 1e-8 of these values."""
    graph, point = _graph([text]), _point()
    derivatives = graph.function("rhs", KINDS)(**point)[1:]
    h = 1e-5
    differences = _by_differences(graph.function("rhs"), point, lambda move: (move(h) - move(-h)) / (2 * h))
    for kind, derivative in zip(KINDS, derivatives, strict=True):
        scale = np.abs(derivative).max() + 1
        np.testing.assert_allclose(derivative, differences[kind], rtol=1e-6, atol=1e-7 * scale, err_msg=kind)


@pytest.mark.parametrize("text", [*ENTIRE, "lgamma(x)*a"])
def test_derivatives_agree_with_sympys(text: str) -> None:
    """Two formulas for one derivative, in 30 digits on SymPy's side: the difference is the graph's rounding."""
    expr, graph, point = parse(text, NAMES), _graph([text]), _point(rows=1)
    by_time, by_state, by_parameter = graph.function("rhs", ("t", "y", "p"))(**point)[1:]
    ours = [*by_time.ravel(), *by_state.ravel(), *by_parameter.ravel()]
    leaves = ["t", *STATES, *PARAMETERS]
    flat = {"t": point["t"][0], "u": point["u"][0, 0], "c": point["c"][0, 0]}
    flat |= dict(zip([*STATES, *PARAMETERS], [*point["y"][0], *point["p"][0]], strict=True))
    numbers = {sympy.Symbol(name, real=True): sympy.Float(value, 30) for name, value in flat.items()}
    for name, derivative in zip(leaves, ours, strict=True):
        theirs = float(expr.diff(sympy.Symbol(name, real=True)).xreplace(numbers).evalf(30))
        assert derivative == pytest.approx(theirs, rel=1e-12, abs=1e-12), name


@pytest.mark.parametrize("text", [*SMOOTH, "lgamma(x) + a"])
def test_numpy_and_torch_agree(text: str) -> None:
    """The same operations in the same order; only the last bits of the functions may differ."""
    torch = pytest.importorskip("torch")
    graph, point = _graph([text]), _point()
    tensors = {kind: torch.from_numpy(each) for kind, each in point.items()}
    ours, theirs = graph.function("rhs", KINDS)(**point), graph.torch_function("rhs", KINDS)(**tensors)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=1e-14 * 8, atol=1e-14 * (1 + np.abs(one).max()))
    assert torch.equal(graph.torch_function("rhs")(**tensors), theirs[0])


def test_torchs_autograd_forward_mode_and_vmap_give_the_graphs_derivatives() -> None:
    torch = pytest.importorskip("torch")
    graph, point = _graph(SMOOTH[:8]), _point()
    arguments = tuple(torch.from_numpy(point[kind]) for kind in KINDS)
    f = graph.torch_function("rhs")
    exact = graph.torch_function("rhs", KINDS)(*arguments)[1:]
    reverse = torch.func.jacrev(lambda *args: f(*args).sum(0), tuple(range(5)))(*arguments)
    forward = torch.func.jacfwd(lambda *args: f(*args).sum(0), tuple(range(5)))(*arguments)
    for kind, true, one, other in zip(KINDS, exact, reverse, forward, strict=True):
        across = true.transpose(0, 1)  # d(sum over rows)/d(row's leaf): (output, rows, leaf)
        torch.testing.assert_close(one, across, rtol=1e-13, atol=1e-13, msg=kind)
        torch.testing.assert_close(other, across, rtol=1e-13, atol=1e-13, msg=kind)
    batched = torch.vmap(f, in_dims=(None, 0, None, None, None))(
        arguments[0], torch.stack([arguments[1]] * 3), *arguments[2:]
    )
    torch.testing.assert_close(batched[1], f(*arguments), rtol=0, atol=0)


def test_shared_parameters_get_the_sum_of_the_rows_gradients_and_second_derivatives_exist() -> None:
    torch = pytest.importorskip("torch")
    graph, point = _graph(["a*x^2 - b*x*y", "sin(n*x)"]), _point()
    t, y, u, c = (torch.from_numpy(point[kind]) for kind in ("t", "y", "u", "c"))
    p = torch.tensor([1.5, 0.5, 2.0], dtype=torch.float64, requires_grad=True)
    y.requires_grad_()
    f = graph.torch_function("rhs")
    by_p = graph.torch_function("rhs", ("p",))(t, y, u, c, p)[1]
    (gradient,) = torch.autograd.grad(f(t, y, u, c, p).sum(), p)
    torch.testing.assert_close(gradient, by_p.sum((0, 1)), rtol=1e-14, atol=1e-14)
    assert torch.autograd.gradcheck(lambda y, p: f(t, y, u, c, p), (y, p))
    assert torch.autograd.gradgradcheck(lambda y, p: f(t, y, u, c, p), (y, p))


NO_ROWS: dict[str, None] = {"u": None, "c": None}


def _at(
    text: str, states: Sequence[float], parameters: Sequence[float] = (2.0, 3.0, 2.0)
) -> tuple[float, list[float], list[float]]:
    """Value, derivatives by states and by parameters of one formula at one point; torch must say the same."""
    torch = pytest.importorskip("torch")
    graph = _graph([text])
    arguments = {"t": np.zeros(1), "y": np.array([states], float), "p": np.array(parameters, float)}
    ours = graph.function("rhs", ("y", "p"))(**arguments, **NO_ROWS)
    tensors = {kind: torch.from_numpy(each).requires_grad_() for kind, each in arguments.items()}
    theirs = graph.torch_function("rhs", ("y", "p"))(**tensors, **NO_ROWS)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other.detach().numpy(), rtol=1e-14)
    graph.torch_function("rhs")(**tensors, **NO_ROWS).sum().backward()
    for kind, derivative in (("y", ours[1][:, 0]), ("p", ours[2][0, 0])):
        grad = tensors[kind].grad
        np.testing.assert_allclose(np.zeros_like(derivative) if grad is None else grad.numpy(), derivative, rtol=1e-14)
    value, by_y, by_p = ours
    return float(value[0, 0]), by_y[0, 0].tolist(), by_p[0, 0].tolist()


INF = math.inf
KINKS = [  # formula, states, value, derivatives by x and y, by a, b and n: the table in workbench.graph.derivatives
    ("abs(x)", (0, 1), 0, [0, 0], [0, 0, 0]),
    ("a*sign(x)", (0, 1), 0, [0, 0], [0, 0, 0]),
    ("step(x)", (0, 1), 0, [0, 0], [0, 0, 0]),
    ("min(x, y)", (1, 1), 1, [1, 0], [0, 0, 0]),
    ("max(y, x)", (1, 1), 1, [0, 1], [0, 0, 0]),
    ("max(x, 0)", (-1, 1), 0, [0, 0], [0, 0, 0]),
    ("where(x, y, 1/x)", (0.5, 7), 7, [0, 1], [0, 0, 0]),
    ("where(x, 1/x, a*y)", (0, 3), 6, [0, 2], [3, 0, 0]),
    ("where(x, sqrt(x), y)", (-1, 3), 3, [0, 1], [0, 0, 0]),
    ("where(x, log(x)*a, 0)", (-1, 3), 0, [0, 0], [0, 0, 0]),
    ("a*x*log(x)", (0, 1), 0, [-INF, 0], [0, 0, 0]),
    ("-a*x*log(x/b)", (0, 1), 0, [INF, 0], [0, 0, 0]),
    ("y*log(x)", (0, 0), 0, [0, -INF], [0, 0, 0]),
    ("x*log10(x)/b", (0, 1), 0, [-INF, 0], [0, 0, 0]),
    ("sqrt(x)", (0, 1), 0, [INF, 0], [0, 0, 0]),
    ("sqrt(a*x)", (0, 1), 0, [INF, 0], [0, 0, 0]),
    ("sqrt(x*x)", (0, 1), 0, [0, 0], [0, 0, 0]),
    ("x^2", (0, 1), 0, [0, 0], [0, 0, 0]),
    ("x^1.5", (0, 1), 0, [0, 0], [0, 0, 0]),
    ("x^n", (0, 1), 0, [0, 0], [0, 0, 0]),
    ("x^n/(b^n + x^n)", (0, 1), 0, [0, 0], [0, 0, 0]),
    ("(a*x)^0.5", (0, 1), 0, [INF, 0], [0, 0, 0]),
    ("atan2(y, x)", (0, 0), 0, [0, 0], [0, 0, 0]),
    ("sigmoid(x)", (-1000, 1), 0, [0, 0], [0, 0, 0]),
    ("softplus(x)", (1000, 1), 1000, [1, 0], [0, 0, 0]),
    ("softplus(x)", (-1000, 1), 0, [0, 0], [0, 0, 0]),
]


@pytest.mark.parametrize(("text", "states", "value", "by_y", "by_p"), KINKS, ids=[f"{k[0]} at {k[1]}" for k in KINKS])
def test_derivatives_at_kinks_and_boundaries_are_as_documented(
    text: str, states: tuple[float, float], value: float, by_y: list[float], by_p: list[float]
) -> None:
    assert _at(text, states) == (value, by_y, by_p)


def test_sympys_derivatives_of_formulas_have_the_same_kinks() -> None:
    for text in (
        "abs(x)",
        "min(x, y)",
        "max(y, x)",
        "where(x - 1, y, a*x)",
        "step(x - 1)",
        "sign(x - 1)*y",
        "floor(x)",
    ):
        expr = parse(text, NAMES)
        slopes = [expr.diff(sympy.Symbol(name, real=True)) for name in STATES]
        evaluated = from_sympy({"slope": slopes}, states=STATES, parameters=PARAMETERS)
        slope = evaluated.function("slope")(np.zeros(1), np.ones((1, 2)), None, None, np.array([2.0, 3.0, 2.0]))
        np.testing.assert_array_equal(slope[0], _at(text, (1, 1))[1], err_msg=text)


def test_tails_keep_their_relative_accuracy() -> None:
    """sigmoid(-30) and its slope to 16 digits, against 30 digits by SymPy; s(1 - s) would be lost at +40."""
    for x in (-30.0, 40.0):
        exact = 1 / (1 + sympy.exp(-sympy.Float(x, 40)))
        value, (by_x, _), _ = _at("sigmoid(x)", (x, 0))
        assert value == pytest.approx(float(exact), rel=1e-15)
        assert by_x == pytest.approx(float(exact**2 * sympy.exp(-sympy.Float(x, 40))), rel=1e-14)


def test_equal_subexpressions_are_one_node_and_are_evaluated_once() -> None:
    graph = _graph(["exp(a*x)*y", "exp(a*x)/y", "x*a + exp(x*a)"])
    assert sum(node.op == "exp" for node in graph.nodes) == 1
    source = graph.source("rhs", ("y", "p"))
    assert source.count("op_exp") == 1


def test_named_expressions_are_lowered_once_and_follow_each_other() -> None:
    symbols = {name: sympy.Symbol(name, real=True) for name in ("x", "e1", "e2")}
    chained = {"e1": symbols["x"] ** 2, "e2": symbols["e1"] ** 2}
    graph = from_sympy({"rhs": [symbols["e2"] + symbols["e1"]]}, states=["x"], parameters=[], expressions=chained)
    assert graph.function("rhs")(np.zeros(1), np.array([[3.0]]), None, None, np.zeros(0)).item() == 90
    doubled = {f"e{i + 1}": sympy.Symbol(f"e{i}") * (1 + sympy.Symbol(f"e{i}")) for i in range(2000)} | {
        "e0": symbols["x"]
    }
    deep = from_sympy({"rhs": [sympy.Symbol("e2000")]}, states=["x"], parameters=[], expressions=doubled)
    assert len(deep.nodes) < 3 * 2000 + 3  # written out it would have 2^2000 terms
    with pytest.raises(NotLowerable, match="circle"):
        from_sympy({"rhs": [symbols["e1"]]}, states=["x"], parameters=[], expressions=chained | {"e1": symbols["e2"]})


def test_sparsity_knows_the_zeros_of_the_jacobian() -> None:
    graph = _graph(["a*x", "x*y + u"])
    assert graph.sparsity("rhs", "y").tolist() == [[True, False], [True, True]]
    assert graph.sparsity("rhs", "p").tolist() == [[True, False, False], [False, False, False]]
    derivative = graph.differentiate("rhs", "y")
    assert derivative.graph.nodes[derivative.entries[0, 0]] == ("p", (), 0)
    assert derivative.graph.nodes[: len(graph.nodes)] == graph.nodes


def test_a_group_says_what_it_depends_on() -> None:
    graph = _graph(["a*x*sin(t)", "0*y + c"])
    assert graph.depends("rhs") == {"y", "p", "t", "c"}
    assert graph.depends("rhs", "y") == {"x"}
    assert graph.depends("rhs", "p") == {"a"}
    assert graph.depends("rhs", "u") == frozenset()


def test_rows_are_independent_and_parameters_may_be_shared_or_each_rows_own() -> None:
    graph, point = _graph(SMOOTH), _point(rows=6)
    f = graph.function("rhs", KINDS)
    together = f(**point)
    for i in range(6):
        alone = f(**{kind: each[i : i + 1] for kind, each in point.items()})
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_allclose(one[0], other[i], rtol=1e-14)
    shared, own = f(**point | {"p": point["p"][0]}), f(**point | {"p": np.tile(point["p"][0], (6, 1))})
    for one, other in zip(shared, own, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


def test_results_have_the_type_of_states_and_parameters() -> None:
    graph, point = _graph(SMOOTH), _point()
    single = {kind: each.astype(np.float32) for kind, each in point.items()} | {"t": point["t"]}
    value, slope = graph.function("rhs", ("y",))(**single)
    assert value.dtype == slope.dtype == np.float32
    np.testing.assert_allclose(value, graph.function("rhs")(**point), rtol=2e-4)  # 2⁻²⁴ through cancelling sums
    assert graph.function("rhs")(**point | {"p": point["p"] + 0j}).dtype == np.complex128
    assert graph.function("rhs")(**point | {"t": point["t"] + 0j}).dtype == np.complex128


def test_what_a_group_does_not_need_may_be_missing() -> None:
    graph = from_sympy(
        {"initial": [parse("a/2", NAMES), sympy.Integer(3)], "none": []}, states=STATES, parameters=PARAMETERS
    )
    value, by_p = graph.function("initial", ("p",))(np.zeros(4), None, None, None, np.array([5.0, 0.0, 0.0]))
    np.testing.assert_array_equal(value, [[2.5, 3.0]] * 4)
    np.testing.assert_array_equal(by_p[0], [[0.5, 0, 0], [0, 0, 0]])
    assert graph.function("none", ("y",))(np.zeros(2), None, None, None, np.zeros(3))[1].shape == (2, 0, 2)


def test_torch_takes_constants_and_missing_arguments_as_numpy_does() -> None:
    torch = pytest.importorskip("torch")
    groups = {"initial": [parse("a/2", NAMES), sympy.Integer(3)], "flat": [sympy.Integer(1)]}
    graph = from_sympy(groups, states=STATES, parameters=PARAMETERS)
    t, p = torch.zeros(4), torch.tensor([5.0, 0.0, 0.0])
    value, by_p = graph.torch_function("initial", ("p",))(t, None, None, None, p)
    assert value.tolist() == [[2.5, 3.0]] * 4
    assert by_p[0].tolist() == [[0.5, 0, 0], [0, 0, 0]]
    assert value.dtype == torch.float32
    assert graph.torch_function("flat", ("p",))(t, None, None, None, p)[1].abs().sum() == 0


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        (sympy.Symbol("q"), "the symbol 'q' is not declared"),
        (sympy.Function("friction")(sympy.Symbol("x")), "'friction' is a learned term"),
        (sympy.Function("sin")(sympy.Symbol("x")), "'sin' is a learned term"),
        (sympy.besselj(0, sympy.Symbol("x")), "'besselj' cannot be evaluated"),
        (sympy.oo, "no finite real number"),
        (sympy.I * sympy.Symbol("x"), "'ImaginaryUnit' cannot be evaluated"),
        (sympy.Integer(10) ** 400, "no finite real number"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_by_name(expr: sympy.Expr, said: str) -> None:
    with pytest.raises(NotLowerable, match=said):
        from_sympy({"rhs": [expr]}, states=["x"], parameters=[])


def test_text_is_never_taken_for_an_expression() -> None:
    with pytest.raises(TypeError, match="not from str"):
        from_sympy({"rhs": ["x"]}, states=["x"], parameters=[])  # type: ignore[list-item]


def test_names_never_reach_the_generated_source() -> None:
    name = "__import__('os').abort()"
    x, q = sympy.Symbol(name), sympy.Symbol("p[0]; raise")
    graph = from_sympy({"rhs": [x * q]}, states=[name], parameters=["p[0]; raise"])
    assert "import" not in graph.source("rhs", ("y", "p"))
    assert graph.function("rhs")(np.zeros(1), np.full((1, 1), 2.0), None, None, np.array([3.0])).item() == 6


def test_a_graph_survives_pickling_with_its_functions_made_anew() -> None:
    graph, point = _graph(SMOOTH), _point()
    before = graph.function("rhs", ("y",))(**point)
    again = pickle.loads(pickle.dumps(graph)).function("rhs", ("y",))(**point)
    for one, other in zip(before, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_functions_are_made_once() -> None:
    graph = _graph(["a*x"])
    assert graph.function("rhs", ("y",)) is graph.function("rhs", ("y",))
    assert graph.function("rhs", ("y",)) is not graph.function("rhs", ("p",))


def test_values_that_are_not_finite_raise_no_warning() -> None:
    graph = _graph(["log(x) + 1/x + exp(1000*y)"])  # pytest turns warnings into errors here
    value = graph.function("rhs", ("y", "p"))(np.zeros(1), np.array([[0.0, 1.0]]), None, None, np.zeros(3))[0]
    assert not np.isfinite(value).any()


def _lorenz96(n: int) -> Graph:
    names = [f"x{i}" for i in range(n)]
    texts = [
        f"(x{(i + 1) % n} - x{i - 2 if i > 1 else i - 2 + n})*x{i - 1 if i else n - 1} - x{i} + F" for i in range(n)
    ]
    return from_sympy({"rhs": [parse(text, [*names, "F"]) for text in texts]}, states=names, parameters=["F"])


def test_a_hundred_coupled_states_lower_and_differentiate_within_a_second() -> None:
    begin = time.thread_time()
    graph = _lorenz96(100)
    value, by_y = graph.function("rhs", ("y",))(np.zeros(1), np.full((1, 100), 8.0), None, None, np.array([8.0]))
    assert time.thread_time() - begin < 1.0
    np.testing.assert_array_equal(value, 0.0)  # x = F is Lorenz 96's fixed point
    assert graph.sparsity("rhs", "y").sum(axis=1).tolist() == [4] * 100
    np.testing.assert_array_equal(by_y.sum(axis=2), -1.0)  # its Jacobian's rows sum to -1 where all states are equal


def test_a_step_of_a_small_system_costs_microseconds() -> None:
    """Value and both derivatives of Lotka–Volterra on one row: 15 µs on a quiet core, so 60 µs on a busy one."""
    names = ("h", "l", "a", "b", "c", "d")
    groups = {"rhs": [parse("a*h - b*h*l", names), parse("d*h*l - c*l", names)]}
    f = from_sympy(groups, states=names[:2], parameters=names[2:]).function("rhs", ("y", "p"))
    arguments = (np.zeros(1), np.ones((1, 2)), None, None, np.array([1.5, 1.0, 3.0, 1.0]))

    def seconds(calls: int = 500) -> float:
        begin = time.thread_time()
        for _ in range(calls):
            f(*arguments)
        return (time.thread_time() - begin) / calls

    assert min(seconds() for _ in range(5)) < 60e-6
