"""A Problem meets its data: channels, inputs and covariates by name, and what is said aloud."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.dataset import TEST, Dataset, Inputs
from workbench.errors.problems import ChannelsUnmatched, DriveMissing, StartTooLate
from workbench.problem import Problem, read_problem

PREY = read_problem(
    """
time = { start = -1.0 }
[states.hare]
equation = "-k*hare + u + dose"
initial = 1.0
[states.lynx]
equation = "hare - lynx"
initial = 1.0
[parameters]
k = 1.0
[inputs.u]
[covariates]
dose = { column = "Dose" }
[observed]
hare = { formula = "hare", noise = "lognormal" }
lynx = { formula = "lynx", noise = "poisson" }
[data]
file = "x.csv"
map = { hare = "H", u = "voltage" }
"""
)


def observations(*channels: str, inputs: tuple[str, ...] = ("u",), covariates: tuple[str, ...] = ("dose",)) -> Dataset:
    """Five times, column j full of j, inputs likewise."""
    t = np.arange(5.0)
    driven = np.tile(np.arange(len(inputs), dtype=float), (5, 1))
    return Dataset(
        t=t,
        values=np.tile(np.arange(len(channels), dtype=float), (5, 1)),
        row_size=np.array([5]),
        channels=channels,
        inputs=Inputs(inputs, t, driven, np.array([5])) if inputs else None,
        covariates={name: np.array([2.0]) for name in covariates},
    )


def matched(problem: Problem) -> tuple[tuple[str, ...], list[float]]:
    """The channels and the column that each came from."""
    assert problem.data is not None
    return problem.data.channels, problem.data.values[0].tolist()


def test_channels_match_by_name_in_the_problems_order_and_extra_ones_are_left_out_aloud() -> None:
    problem = PREY.with_data(observations("lynx", "weather", "hare"))
    assert matched(problem) == (("hare", "lynx"), [2.0, 0.0])
    assert problem.notes == ("ignored, for the problem does not observe them: weather",)
    assert problem.noise == {"hare": "lognormal", "lynx": "poisson"}


def test_channels_match_through_the_files_map_and_the_callers_map_wins() -> None:
    assert matched(PREY.with_data(observations("lynx", "H"))) == (("hare", "lynx"), [1.0, 0.0])
    assert matched(PREY.with_data(observations("lynx", "H", "X"), map={"hare": "X"})) == (("hare", "lynx"), [2.0, 0.0])


def test_equally_many_left_over_match_in_order_aloud() -> None:
    problem = PREY.with_data(observations("a", "b"))
    assert matched(problem) == (("hare", "lynx"), [0.0, 1.0])
    assert problem.notes == ("matched in order: hare=a, lynx=b (guessed; --map hare=COLUMN overrides)",)


def test_a_state_that_the_data_lack_is_hidden_and_its_noise_forgotten() -> None:
    problem = PREY.with_data(observations("lynx"))
    assert problem.channels == ("lynx",)
    assert problem.observed_index.tolist() == [1]
    assert problem.noise == {"lynx": "poisson"}
    assert problem.observed[0].formula == "lynx"
    assert problem.notes == ("not in the data, so treated as hidden: hare",)


def test_data_in_which_nothing_matches_are_refused() -> None:
    with pytest.raises(ChannelsUnmatched, match=r"none of them match.*--map hare=a"):
        PREY.with_data(observations("a", "b", "c"))


def test_a_map_to_a_column_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(ChannelsUnmatched, match="did you mean 'Hares'"):
        PREY.with_data(observations("lynx", "Hares", "c"), map={"hare": "Hare"})


def test_inputs_and_covariates_match_by_name_map_and_column() -> None:
    problem = PREY.with_data(observations("hare", "lynx", inputs=("other", "voltage"), covariates=("Dose", "age")))
    assert problem.data is not None
    assert problem.data.inputs is not None
    assert (problem.data.inputs.names, problem.data.inputs.values[0].tolist()) == (("u",), [1.0])
    assert dict(problem.data.covariates) == {"dose": np.array([2.0])}
    assert problem.notes == ("inputs ignored, for the problem does not mention them: other",)


def test_a_missing_input_or_covariate_is_refused_by_name() -> None:
    with pytest.raises(DriveMissing, match=r"input 'u'.*have no input"):
        PREY.with_data(observations("hare", inputs=()))
    with pytest.raises(DriveMissing, match="'dose' from a column 'Dose'"):
        PREY.with_data(observations("hare", covariates=()))


def test_observations_before_the_start_of_the_solve_are_refused() -> None:
    early = Dataset(t=[-2.0, 0.0], values=[[1.0], [2.0]], row_size=[2], channels=("x",))
    problem = read_problem('time = { start = -1 }\n[states.x]\nequation = "-x"\ninitial = 1\n')
    with pytest.raises(StartTooLate, match="start is -1, but trajectory '1' is observed from -2"):
        problem.with_data(early)


def test_the_question_itself_is_left_as_it_was() -> None:
    PREY.with_data(observations("a", "b"))
    assert PREY.data is None
    assert PREY.notes == ()
    assert PREY.channels == ("hare", "lynx")


def test_without_a_system_the_channels_are_the_states_and_inputs_and_covariates_are_the_datas() -> None:
    problem = Problem("data").with_data(observations("a", "b"), "last:20%")
    assert (problem.states, problem.n_states, problem.inputs, problem.covariates) == (("a", "b"), 2, ("u",), ("dose",))
    assert problem.part is not None
    assert problem.part.tolist().count(TEST) == 1
