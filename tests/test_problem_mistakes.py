"""Mistakes in problem files: each is reported at its line, with what stood there and what is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import problems as wrong
from workbench.problem import read_problem

HEAD = '[states.x]\nequation = "-k*x"\ninitial = 1.0\n[parameters]\nk = { value = 1.0 }\n'
"""Five lines that are right; what a case adds begins in line 6."""

MISTAKES = {
    "an unknown section": ("[parameter]\nq = 1\n", wrong.KeyUnknown, 6, "did you mean 'parameters'"),
    "a misspelt key": ('[states.y]\nequatoin = "x"\nequation = "x"\ninitial = 0\n', wrong.KeyUnknown, 7, "'equation'"),
    "a misspelt key inside braces": ("m = { value = 2, fixt = true }\n", wrong.KeyUnknown, 6, "'fixed'"),
    "a key that exists elsewhere": (
        "m = { value = 2, fixed = true, samples = 3 }\n",
        wrong.KeyUnknown,
        6,
        "takes value",
    ),
    "no equation": ("[states.y]\ninitial = 0\n", wrong.KeyMissing, 6, "states.y has no 'equation'"),
    "no initial value": ('[states.y]\nequation = "x"\n', wrong.KeyMissing, 6, "states.y has no 'initial'"),
    "a formula as a number": (
        "[states.y]\nequation = 5\ninitial = 0\n",
        wrong.ValueWrong,
        7,
        "5 stood there; a formula",
    ),
    "a value in quotes": (
        'm = { value = "2", fixed = true }\n',
        wrong.ValueWrong,
        6,
        "'2' stood there; a finite number",
    ),
    "a value that is a truth": ("m = { value = true, fixed = true }\n", wrong.ValueWrong, 6, "True stood there"),
    "a value that is not finite": ("m = { value = nan, fixed = true }\n", wrong.ValueWrong, 6, "a finite number"),
    "a truth in quotes": ('m = { value = 2, fixed = "yes" }\n', wrong.ValueWrong, 6, "true or false"),
    "an unknown transform": ('m = { value = 2, fixed = true, transform = "ln" }\n', wrong.ValueWrong, 6, "'log'"),
    "an unknown noise": ('[observed.x]\nformula = "x"\nnoise = "normal"\n', wrong.ValueWrong, 8, "'gaussian'"),
    "bounds of one number": ("m = { value = 2, fixed = true, bounds = [1] }\n", wrong.ValueWrong, 6, "[lower, upper]"),
    "bounds the wrong way round": (
        "m = { value = 2, fixed = true, bounds = [3, 1] }\n",
        wrong.ValueWrong,
        6,
        "lower < upper",
    ),
    "a span the wrong way round": ("[time]\nspan = [1, 0]\n", wrong.ValueWrong, 7, "first < last"),
    "two clocks": ('[data]\nfile = "a.csv"\ntime = "t"\nsample_time = 1\n', wrong.ValueWrong, 9, "names the column"),
    "one sample": ("[time]\nspan = [0, 1]\nsamples = 1\n", wrong.ValueWrong, 8, "at least 2"),
    "samples without a span": ("[time]\nsamples = 10\n", wrong.KeyMissing, 6, "no 'span'"),
    "a start after the span": ("[time]\nspan = [0, 1]\nstart = 0.5\n", wrong.ValueWrong, 8, "after the beginning"),
    "bounds that exclude the value": (
        "m = { value = 2, fixed = true, bounds = [3, 4] }\n",
        wrong.BoundsExclude,
        6,
        "[3, 4]",
    ),
    "the logarithm of zero": (
        'm = { value = 0, fixed = true, transform = "log" }\n',
        wrong.BoundsExclude,
        6,
        "no logarithm",
    ),
    "log and a negative bound": (
        'm = { value = 1, fixed = true, transform = "log", bounds = [-1, 2] }\n',
        wrong.BoundsExclude,
        6,
        "-1 has no logarithm",
    ),
    "logit without bounds": (
        'm = { value = 1, fixed = true, transform = "logit" }\n',
        wrong.BoundsExclude,
        6,
        "two finite bounds",
    ),
    "an initial value outside its bounds": (
        '[states.y]\nequation = "x"\ninitial = { value = 5, fit = true, bounds = [0, 1] }\n',
        wrong.BoundsExclude,
        8,
        "[0, 1]",
    ),
    "a fitted formula": (
        '[states.y]\nequation = "x"\ninitial = { value = "k", fit = true }\n',
        wrong.ValueWrong,
        8,
        "nothing to fit",
    ),
    "one name twice": ('[expressions]\nx = "k"\n', wrong.NameTaken, 7, "'x' already names a state"),
    "the name of time": ("t = { value = 1, fixed = true }\n", wrong.NameTaken, 6, "kept for time"),
    "a derived quantity named like a parameter": (
        '[derived]\nk = "k"\n',
        wrong.NameTaken,
        7,
        "already names a parameter",
    ),
    "a name with a blank": ('"my k" = { value = 1, fixed = true }\n', wrong.NameWrong, 6, "try 'my_k'"),
    "a name with a double underscore": ("k__1 = { value = 1, fixed = true }\n", wrong.NameWrong, 6, "try 'k_1'"),
    "a name that begins with a digit": ("2k = { value = 1, fixed = true }\n", wrong.NameWrong, 6, "try 'x_2k'"),
    "a parameter that nothing mentions": ("m = { value = 1 }\n", wrong.ParameterIdle, 6, "or write fixed = true"),
    "a state in an initial value": (
        '[states.y]\nequation = "x"\ninitial = "2*x"\n',
        wrong.NameMisplaced,
        8,
        "state 'x'",
    ),
    "a state in a derived quantity": ('[derived]\ntwice = "2*x"\n', wrong.NameMisplaced, 7, "parameters only"),
    "a circle of expressions": ('[expressions]\na = "b"\nb = "a"\n', wrong.ExpressionsCircular, 7, "a, b"),
    "a scale without noise": ('[observed.x]\nformula = "x"\nscale = 1\n', wrong.ValueWrong, 8, 'noise = "gaussian"'),
    "a scale for counts": (
        '[observed.x]\nformula = "x"\nnoise = "poisson"\nscale = 1\n',
        wrong.ValueWrong,
        9,
        "take scale out",
    ),
    "a prior that is none": (
        'm = { value = 1, fixed = true, prior = "normal" }\n',
        wrong.ValueWrong,
        6,
        "'normal(0, 1)'",
    ),
    "an event of nothing": ("[events.kick]\ntime = 1\n", wrong.KeyMissing, 6, "does nothing"),
    "an event without a moment": ("[events.kick]\nterminate = true\n", wrong.KeyMissing, 6, "'time' or 'trigger'"),
    "an event at no time": (
        '[events.kick]\ntime = []\nmap = { x = "0" }\n',
        wrong.ValueWrong,
        7,
        "a time, or a list of at least one",
    ),
    "an event at a time that is none": (
        '[events.kick]\ntime = [1, true]\nmap = { x = "0" }\n',
        wrong.ValueWrong,
        7,
        "a finite number or a formula",
    ),
    "an event at a state": (
        '[events.kick]\ntime = [1, "2*x"]\nmap = { x = "0" }\n',
        wrong.NameMisplaced,
        7,
        "events.kick.time.1: the state 'x'",
    ),
    "an event on no state": ('[events.kick]\ntime = 1\nmap = { xx = "0" }\n', wrong.ValueWrong, 8, "did you mean 'x'"),
    "a map of nothing observed": (
        '[data]\nfile = "a.csv"\n[data.map]\nX1 = "col"\n',
        wrong.ValueWrong,
        9,
        "named 'X1'",
    ),
    "an input that is not declared": (
        '[data]\nfile = "a.csv"\ninputs = ["u"]\n',
        wrong.ValueWrong,
        8,
        "under [inputs]",
    ),
    "data without a file": ('[data]\ntime = "t"\n', wrong.KeyMissing, 6, "data has no 'file'"),
    "a start that is no date": ('[data]\nfile = "a.csv"\nstart = "spring"\n', wrong.ValueWrong, 8, "1978-01-22"),
    "a reference to no state": (
        '[reference]\ntime = 1\nrtol = 1e-8\nsource = "s"\nvalues = { y = 1 }\n',
        wrong.ValueWrong,
        10,
        "no state is named 'y'",
    ),
    "a layer of no neurons": ("[networks.f]\nhidden = [16, 0]\n", wrong.ValueWrong, 7, "at least 1"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_one_error_at_its_line_that_says_what_is_meant(what: str, tmp_path: Path) -> None:
    added, kind, line, fragment = MISTAKES[what]
    file = tmp_path / "problem.toml"
    file.write_text(HEAD + added)
    with pytest.raises(wrong.ProblemFileWrong) as caught:
        read_problem(file)
    error = caught.value
    assert type(error) is kind, str(error)
    assert error.where is not None
    assert (error.where.file, error.where.line) == (str(file), line), str(error)
    assert fragment in str(error)
    assert "\n" not in str(error)


def test_a_file_without_states_and_anything_observed_is_refused() -> None:
    with pytest.raises(wrong.KeyMissing, match="the file has neither 'states' nor 'observed'"):
        read_problem('title = "t"\n')
    with pytest.raises(wrong.KeyMissing, match="a curve without dynamics") as caught:
        read_problem('title = "t"\n[states]\n')
    assert str(caught.value.where) == "<text>:2"


def test_an_event_of_a_curve_is_refused_at_its_line() -> None:
    curve = '[parameters]\na = 1.0\n[observed]\ny = "a*t"\n[events.end]\ntime = 1\nterminate = true\n'
    with pytest.raises(wrong.ValueWrong, match=r"events\.end: a curve has no states") as caught:
        read_problem(curve)
    assert str(caught.value.where) == "<text>:5"


FORMULAS = {
    "an undeclared name": ('equation = "-k*x + gama"', wrong.NameUndeclared, 2, 20),
    "an undeclared name in a table": ('equation = "-k*x"\nunit = "m"', None, 0, 0),
    "a formula over several lines": ('equation = """\n  -k*x\n  + gama*x"""', wrong.NameUndeclared, 4, 5),
    "an unfinished formula": ('equation = "-k*x +"', wrong.FormulaUnreadable, 2, 19),
    "an unknown function": ('equation = "-k*sine(x)"', wrong.FunctionUnknown, 2, 16),
    "too few arguments": ('equation = "-k*atan2(x)"', wrong.ArgumentCountWrong, 2, 16),
    "a forbidden character": ("equation = 'k*x[0]'", wrong.CharacterRefused, 2, 16),
    "a hostile formula": ('equation = "k*x.__class__"', wrong.FormulaRefused, 2, None),
}


@pytest.mark.parametrize("what", FORMULAS)
def test_a_mistake_in_a_formula_is_reported_with_the_column_of_the_file(what: str) -> None:
    equation, kind, line, column = FORMULAS[what]
    text = f"[states.x]\n{equation}\ninitial = 1.0\n[parameters]\nk = 1.0\n"
    if kind is None:
        read_problem(text)
        return
    with pytest.raises(kind) as caught:
        read_problem(text)
    where = caught.value.where
    assert where is not None
    assert where.line == line
    assert column is None or where.column == column


def test_a_mistake_in_an_initial_formula_inside_braces_is_reported_with_its_column() -> None:
    with pytest.raises(wrong.NameUndeclared) as caught:
        read_problem('[states.x]\nequation = "-x"\ninitial = { value = "N - 1" }\n')
    assert str(caught.value.where) == "<text>:3:22"


def test_all_mistakes_of_a_file_are_reported_in_its_order_each_once() -> None:
    text = (
        '[states.x]\nequation = "-k*x + q"\ninitail = 2\n\n[parameters]\nk = { value = "1" }\n'
        "m = { value = 3, fixed = true, bounds = [0, 1] }\nt = 4\n[inputs.u]\ninterpolation = 'cubik'\n"
    )
    with pytest.raises(wrong.SeveralMistakes) as caught:
        read_problem(text)
    found = [(type(each).__name__, each.where.line if each.where else None) for each in caught.value.mistakes]
    assert found == [
        ("KeyMissing", 1),
        ("NameUndeclared", 2),
        ("KeyUnknown", 3),
        ("ValueWrong", 6),
        ("BoundsExclude", 7),
        ("NameTaken", 8),
        ("ValueWrong", 10),
    ]
    assert str(caught.value).count("\n") == 6
    assert caught.value.exit_code == 2
    assert len(caught.value.as_json()["mistakes"]) == 7  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "place", "fragment"),
    [
        ("[states.x]\nequation = -k*x\n", "<text>:2:12", "stand in quotes"),
        ("a = 1\na = 2\n", "<text>:2:6", "each key stands once"),
        ("[states.x\n", "<text>:1:10", "not TOML"),
        ('title = "unfinished\n', "<text>:1:20", "not TOML"),
    ],
)
def test_what_is_no_toml_is_refused_at_its_line_and_column(text: str, place: str, fragment: str) -> None:
    with pytest.raises(wrong.ProblemUnreadable, match=fragment) as caught:
        read_problem(text)
    assert str(caught.value.where) == place
