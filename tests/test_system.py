"""A System: what its formulas become, and what it says of itself."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from workbench.errors import WorkbenchError
from workbench.errors.problems import ExpressionsCircular, FormulaRefused, NameMisplaced, ValueWrong
from workbench.system import (
    Covariate,
    Event,
    Expression,
    Input,
    Observed,
    Parameter,
    State,
    System,
)
from workbench.system.writing import latex_name

LOTKA_VOLTERRA = System(
    "lotka_volterra",
    states=(
        State("hare", "alpha*hare - beta*hare*lynx", 30.0),
        State("lynx", "delta*hare*lynx - gamma*lynx", "hare0/8"),
    ),
    parameters=tuple(
        Parameter(name, value)
        for name, value in (("alpha", 0.546), ("beta", 0.028), ("gamma", 0.8), ("delta", 0.024), ("hare0", 32.0))
    ),
    observed=(Observed("total", "hare + lynx"),),
    derived=(Expression("hare_at_rest", "gamma/delta"),),
    invariants=(Expression("orbit", "delta*hare - gamma*log(hare) + beta*lynx - alpha*log(lynx)"),),
)


def values(system: System, group: str, y: list[float], t: float = 0.0) -> np.ndarray:
    """The outputs of a group at one state and the file's parameters (output,)."""
    p = np.array(list(system.values.values()))
    return system.graph().function(group)(np.array([t]), np.array([y]), None, None, p)[0]


def test_the_graph_holds_right_hand_sides_starts_observed_derived_and_conserved_quantities_in_order() -> None:
    y = [20.0, 10.0]
    np.testing.assert_allclose(
        values(LOTKA_VOLTERRA, "rhs", y), [0.546 * 20 - 0.028 * 200, 0.024 * 200 - 0.8 * 10], rtol=1e-15
    )
    assert values(LOTKA_VOLTERRA, "initial", y).tolist() == [30.0, 4.0]
    assert values(LOTKA_VOLTERRA, "observed", y).tolist() == [30.0]
    np.testing.assert_allclose(values(LOTKA_VOLTERRA, "derived", y), [0.8 / 0.024], rtol=1e-15)
    assert values(LOTKA_VOLTERRA, "invariants", y).shape == (1,)


def test_the_graph_is_made_once() -> None:
    assert LOTKA_VOLTERRA.graph() is LOTKA_VOLTERRA.graph()


def test_equations_read_as_people_write_them_with_four_digits() -> None:
    assert LOTKA_VOLTERRA.equations(LOTKA_VOLTERRA.values) == (
        "d hare/dt = 0.546*hare - 0.028*hare*lynx",
        "d lynx/dt = 0.024*hare*lynx - 0.8*lynx",
    )
    assert LOTKA_VOLTERRA.equations()[0] == "d hare/dt = alpha*hare - beta*hare*lynx"


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        ("-k*x", "-0.02758*x"),
        ("one*x - x^3/3", "x - x**3/3"),
        ("-k*(x - one)", "-0.02758*(x - 1)"),
        ("minus*x + 0.1*sqrt(x)", "0.1*sqrt(x) - 2*x"),
        ("big*x^1.5", "3e+07*x**1.5"),
    ],
)
def test_values_put_into_equations_merge_with_constants_but_multiply_no_sum_out(formula: str, written: str) -> None:
    numbers = {"k": 0.0275834, "one": 1.0, "minus": -2.0, "big": 3e7}
    system = System(
        "s", states=(State("x", formula, 1.0),), parameters=tuple(Parameter(*pair) for pair in numbers.items())
    )
    assert system.equations(numbers) == (f"d x/dt = {written}",)


def test_equations_name_the_expressions_that_they_mention_and_no_others() -> None:
    system = System(
        "s",
        states=(State("x", "-rate*x", 1.0),),
        parameters=(Parameter("k", 0.5),),
        expressions=(Expression("unused", "k + 1"), Expression("rate", "k*half"), Expression("half", "k/2")),
    )
    assert system.equations({"k": 0.5}) == ("d x/dt = -rate*x", "rate = 0.5*half", "half = 0.25")


def test_names_that_sympy_knows_are_plain_names_here() -> None:
    names = ["S", "N", "E", "I", "beta", "gamma", "zeta", "pi", "lambda", "exp", "Q", "O"]
    system = System(
        "s",
        states=(State("S", "*".join(names), 2.0),),
        parameters=tuple(Parameter(name, 1.0 + n) for n, name in enumerate(names[1:])),
    )
    assert values(system, "rhs", [2.0]).tolist() == [2.0 * np.prod(np.arange(1.0, len(names)))]


def test_latex_sets_letters_greek_and_words_apart_and_reads_no_accent_into_a_name() -> None:
    assert [latex_name(name) for name in ("x", "alpha", "hare", "gNa", "xdot", "I0", "beta_h")] == [
        "x", r"\alpha", r"\mathrm{hare}", r"\mathrm{gNa}", r"\mathrm{xdot}", "I_{0}", r"\beta_{h}",
    ]  # fmt: skip
    first, _ = LOTKA_VOLTERRA.latex()
    assert first == r"\frac{d\mathrm{hare}}{dt} = \alpha\,\mathrm{hare} - \beta\,\mathrm{hare}\,\mathrm{lynx}"


def test_the_symbolic_jacobian_is_that_of_the_graph_through_named_expressions_too() -> None:
    import sympy

    system = System(
        "s",
        states=(State("x", "y*gain", 1.0), State("y", "-x*gain^2 + sin(t)*y", 0.0)),
        parameters=(Parameter("k", 0.7),),
        expressions=(Expression("gain", "k + bend*x"), Expression("bend", "exp(-x*y)")),
    )
    at = {"x": 0.3, "y": -1.2, "k": 0.7, "t": 0.4}
    at |= {"bend": np.exp(-at["x"] * at["y"])}
    at |= {"gain": at["k"] + at["bend"] * at["x"]}
    symbolic = system.jacobian().subs({sympy.Symbol(name, real=True): value for name, value in at.items()})
    _, lowered = system.graph().function("rhs", ("y",))(
        np.array([at["t"]]), np.array([[at["x"], at["y"]]]), None, None, np.array([at["k"]])
    )
    np.testing.assert_allclose(np.array(symbolic, dtype=float), lowered[0], rtol=1e-13)  # a dozen float64 operations


def test_without_observed_every_state_is_observed_by_its_own_name() -> None:
    assert System("s", states=(State("x", "0", 1.0), State("y", "0", 1.0))).observed_names == ("x", "y")


def test_a_formula_that_mentions_what_has_no_value_there_is_refused_even_through_an_expression() -> None:
    from workbench.system.symbolic import Symbolic

    system = System("s", states=(State("x", "-x", "twice"),), expressions=(Expression("twice", "2*x"),))
    with pytest.raises(NameMisplaced, match=r"state 'x' \(through an expression\).*parameters and covariates only"):
        Symbolic(system).mentions(("states", "x", "initial"))


def test_expressions_in_a_circle_are_refused() -> None:
    system = System(
        "s", states=(State("x", "-a*x", 1.0),), expressions=(Expression("a", "b + 1"), Expression("b", "2*a"))
    )
    with pytest.raises(ExpressionsCircular, match="a, b"):
        system.graph()


def test_a_tower_of_constants_in_expressions_is_never_computed_exactly() -> None:  # it would have 64^20 digits
    tower = tuple(Expression(f"e{n + 1}", f"e{n}^64") for n in range(20))
    system = System("s", states=(State("x", "-e20*x", 1.0),), expressions=(Expression("e0", "10^64"), *tower))
    with contextlib.suppress(FormulaRefused):
        assert not np.isfinite(values(system, "rhs", [1.0])).all()


def test_expressions_that_double_each_other_are_lowered_once_each() -> None:
    doubling = tuple(Expression(f"e{n + 1}", f"e{n}*e{n} + 1") for n in range(60))
    system = System("s", states=(State("x", "-x/e60", 1.0),), expressions=(Expression("e0", "x"), *doubling))
    assert len(system.graph().nodes) < 500
    assert system.equations()[0] == "d x/dt = -x/e60"


def test_an_event_of_a_curve_is_refused_by_the_name_of_its_key() -> None:
    curve = System("s", states=(), observed=(Observed("y", "t"),), events=(Event("end", time=1.0, terminate=True),))
    with pytest.raises(ValueWrong, match=r"events\.end: a curve has no states"):
        curve.graph()


def test_what_can_be_run_is_not_refused() -> None:
    System(
        "s",
        states=(State("x", "-k*x + u + dose", "dose", atol=1e-9),),
        parameters=(Parameter("k", 1.0, per="trajectory"),),
        inputs=(Input("u", "linear"),),
        covariates=(Covariate("dose", "Dose"),),
        observed=(Observed("x", "x", "poisson"),),
        events=(Event("kick", time=(1.0, "dose"), map={"x": "0"}),),
    ).graph()


def test_a_system_made_in_python_reports_formula_mistakes_without_a_file() -> None:
    with pytest.raises(WorkbenchError, match="'y' is not declared"):
        System("s", states=(State("x", "-y", 1.0),)).graph()
