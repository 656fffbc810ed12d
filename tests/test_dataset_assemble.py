"""From columns to a Dataset: what is guessed is said, what is given is checked, rows are ordered only when asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset import Dataset, Inputs, Table, assemble, joined
from workbench.errors import data as errors
from workbench.errors.usage import UsageError


def table(**columns: list) -> Table:
    """A table as a reader gives it: numbers as float64, everything else as text; the header stands in line 1."""
    made = {}
    for name, cells in columns.items():
        numeric = not any(isinstance(cell, str) for cell in cells)
        made[name] = np.array(cells, dtype=float if numeric else object)
    n = len(next(iter(made.values())))
    return Table(made, lines=np.arange(2, n + 2), file="ponds.csv")


def said(data: Dataset) -> str:
    """All notes in one text."""
    return "\n".join(data.notes)


# --- guesses ---


def test_time_and_states_are_guessed_from_their_names_and_said() -> None:
    data = assemble(table(year=[1900, 1901], hare=[30, 47.2], lynx=[4, 6.1]))
    assert (data.time, data.channels) == ("year", ("hare", "lynx"))
    assert data.notes == ('time="year", states=hare,lynx (guessed; --time/--states override)',)


def test_a_name_tells_time_before_the_order_of_columns_does() -> None:
    assert assemble(table(n=[1, 2, 3], Time=[0, 0.5, 1], x=[3, 1, 2])).time == "Time"
    assert assemble(table(x=[3, 1, 2], t_s=[0, 0.5, 1])).time == "t_s"


def test_without_a_name_the_first_column_that_increases_is_time() -> None:
    data = assemble(table(x=[3, 1, 2], clock=[0, 2, 5], y=[1, 2, 4]))
    assert (data.time, data.channels) == ("clock", ("x", "y"))
    with pytest.raises(errors.ColumnsUnclear, match=r"none increases; columns found: x, y; help: --time NAME"):
        assemble(table(x=[3, 1, 2], y=[2, 1, 4]))


def test_temperature_is_not_taken_for_time() -> None:
    assert assemble(table(T=[290, 280, 300], minutes=[0, 1, 2])).channels == ("T",)


def test_a_column_named_like_a_trajectory_is_one_where_times_start_anew() -> None:
    data = assemble(table(subject=[1, 1, 2, 2, 2], t=[0, 1, 0, 1, 2], x=[5, 4, 3, 2, 1]))
    assert data.row_size.tolist() == [2, 3]
    assert 'trajectory="subject"' in said(data)
    alone = assemble(table(id=[1, 1, 2, 2], t=[0, 1, 2, 3], x=[5, 4, 3, 2]))
    assert alone.n_trajectories == 1
    assert "id (an identifier; --trajectory uses it)" in said(alone)


def test_time_is_found_within_trajectories() -> None:
    data = assemble(table(run=["a", "a", "b", "b"], clock=[0, 1, 0, 1], x=[2, 1, 2, 5]))
    assert (data.time, data.trajectories, data.channels) == ("clock", ("a", "b"), ("x",))


def test_row_numbers_text_blank_columns_and_constants_of_a_trajectory_are_left_out_and_said() -> None:
    data = assemble(
        table(
            rownames=[1, 2, 3, 4],
            id=[1, 1, 2, 2],
            t=[0, 1, 0, 1],
            x=[1, 2, 3, 4],
            weight=[70, 70, 80, 80],
            species=["p", "p", "q", "q"],
            remark=["", "", "", ""],
        )
    )
    assert data.channels == ("x",)
    for why in (
        "rownames (counts the rows)",
        "weight (constant in each trajectory; --covariates uses it)",
        "species (text)",
        "remark (no values)",
    ):
        assert why in said(data)


def test_what_is_given_is_not_guessed_or_called_guessed() -> None:
    data = assemble(table(t=[0, 1], x=[1, 2], y=[3, 5]), time="t", states=["y"])
    assert data.channels == ("y",)
    assert data.notes == ("columns not used: x",)


# --- names ---


def test_a_wrong_name_is_answered_with_the_nearest_and_all_columns() -> None:
    with pytest.raises(errors.ColumnMissing) as raised:
        assemble(table(t=[0, 1], prey=[1, 2], predator=[3, 5]), states=["pray"])
    assert str(raised.value) == (
        "ponds.csv:1:1: error[D010]: no column is named 'pray' (state); columns found: t, prey, predator; "
        "help: did you mean 'prey'?"
    )


@pytest.mark.parametrize("role", ["time", "trajectory"])
def test_every_role_is_checked(role: str) -> None:
    with pytest.raises(errors.ColumnMissing, match=f"no column is named 'zzz' \\({role}\\)"):
        assemble(table(t=[0, 1], x=[1, 2]), **{role: "zzz"})


def test_a_column_has_one_role() -> None:
    with pytest.raises(errors.ColumnTwice, match="'x' is given as input and as state"):
        assemble(table(t=[0, 1], x=[1, 2]), inputs=["x"], states=["x"])
    with pytest.raises(errors.ColumnTwice, match="named twice"):
        assemble(table(t=[0, 1], x=[1, 2]), states=["x", "x"])


def test_map_names_channels_and_inputs_after_columns() -> None:
    pelts = table(year=[0, 1, 2], hare_thousand=[1, 2, 3], lynx_thousand=[3, 1, 2], u_V=[0, 1, 0])
    data = assemble(pelts, map={"hare": "hare_thousand", "u": "u_V"}, inputs=["u"])
    assert data.channels == ("hare", "lynx_thousand")
    assert data.inputs is not None
    assert data.inputs.names == ("u",)
    chosen = assemble(pelts, map={"hare": "hare_thousand"}, states=["hare_thousand"])
    assert chosen.channels == ("hare",)
    with pytest.raises(errors.ColumnMissing, match="did you mean 'hare_thousand'"):
        assemble(pelts, map={"hare": "hare_thousands"})


# --- order ---


@given(st.permutations(range(12)))
def test_sorting_gives_the_same_data_in_any_order_of_rows(order: list[int]) -> None:
    t, run = np.tile(np.arange(4.0), 3), np.repeat([3.0, 1.0, 2.0], 4)
    x = np.sin(np.arange(12.0))
    shuffled = {"run": run[order].tolist(), "t": t[order].tolist(), "x": x[order].tolist()}
    data = assemble(table(**shuffled), trajectory="run", time="t", sort=True)
    first = assemble(table(run=run.tolist(), t=t.tolist(), x=x.tolist()), trajectory="run", time="t")
    assert data.select(list(first.trajectories)).content_sha256() == first.content_sha256()


def test_rows_of_trajectories_may_alternate() -> None:
    data = assemble(table(run=["a", "b", "a", "b"], t=[0, 0, 1, 1], x=[1, 2, 3, 4]))
    assert data.values[:, 0].tolist() == [1, 3, 2, 4]


def test_an_unsorted_time_names_both_lines_and_the_column_that_would_tell_trajectories_apart() -> None:
    with pytest.raises(errors.TimeUnsorted) as raised:
        assemble(table(t=[0, 1, 2, 0, 1, 2], chick=[1, 1, 1, 2, 2, 2], x=[1, 2, 3, 1, 2, 4]))
    assert str(raised.value) == (
        "ponds.csv:5: error[D013]: time 0 comes after 2 in line 4; times must increase; "
        "help: name the trajectory column: --trajectory chick; or put the rows in order: --sort"
    )


def test_a_repeated_time_names_both_lines_and_both_ways_out() -> None:
    twice = table(t=[0, 1, 1, 2], x=[1, 2, 4, 8])
    with pytest.raises(
        errors.TimeRepeated, match=r"ponds.csv:4: .*time 1 repeats line 3; help: .*--replicates.*--dedupe"
    ):
        assemble(twice)
    assert assemble(twice, replicates=True).t.tolist() == [0, 1, 1, 2]
    for how, value in (("mean", 3), ("first", 2), ("last", 4)):
        data = assemble(twice, dedupe=how)  # type: ignore[arg-type]
        assert data.values[:, 0].tolist() == [1, value, 8]
        assert "1 row with repeated times merged" in said(data)
    with pytest.raises(UsageError, match="one of the two"):
        assemble(twice, dedupe="mean", replicates=True)
    with pytest.raises(UsageError, match="dedupe 'median' is unknown"):
        assemble(twice, dedupe="median")  # type: ignore[arg-type]


def test_a_mean_of_repeats_leaves_missing_values_out() -> None:
    data = assemble(table(t=[0, 1, 1, 2], x=[1, np.nan, 4, 8], y=[1, 2, 4, np.nan]), dedupe="mean", missing="nan")
    assert data.values[:2].tolist() == [[1, 1], [4, 3]]
    assert np.isnan(data.values[2, 1])


# --- missing values ---


def test_missing_values_are_refused_with_their_place_unless_asked_for() -> None:
    gaps = table(t=[0, 1, 2], x=[1, np.nan, 3], y=["1", "", "3"])
    with pytest.raises(errors.ValueMissing, match=r"ponds.csv:3: .*'nan' stands for a missing value.*--missing nan"):
        assemble(gaps, states=["x"])
    with pytest.raises(
        errors.ValueMissing, match=r"ponds.csv:3: .*the cell is blank \(column 'y'\); help: --missing blank"
    ):
        assemble(gaps, states=["y"])
    data = assemble(gaps, missing="blank,nan")
    assert data.channels == ("x", "y")
    assert "1 row without any observed value left out" in said(data)
    assert data.t.tolist() == [0, 2]


def test_only_the_named_markers_are_missing() -> None:
    cells = table(t=[0, 1, 2, 3], x=["1", "NA", "3", "4"])
    with pytest.raises(errors.NotANumber, match=r"'NA' is not a number \(column 'x'\); help: .*--missing NA"):
        assemble(cells)
    with pytest.raises(errors.NotANumber, match="'NA'"):
        assemble(cells, missing="blank,nan")
    assert assemble(cells, missing=["NA"]).values[:, 0].tolist() == [1, 3, 4]


def test_a_time_is_never_missing() -> None:
    with pytest.raises(errors.ValueMissing, match="a value is needed in every row"):
        assemble(table(t=[0, np.nan, 2], x=[1, 2, 3]), time="t", missing=True)


def test_a_text_cell_in_a_column_of_numbers_is_an_error_even_when_states_are_guessed() -> None:
    with pytest.raises(errors.NotANumber, match=r"ponds.csv:3: .*'1.5D\+03' is not a number"):
        assemble(table(t=[0, 1, 2], x=["1", "1.5D+03", "3"]))


@pytest.mark.parametrize("cell", ["1.5D+03", "1,234.5", "0x1F", "12 %", "5 mV", "1_000", "inf", "−3"])
def test_a_whole_column_of_numbers_written_strangely_is_not_passed_over_as_text(cell: str) -> None:
    with pytest.raises((errors.NotANumber, errors.OutOfRange)):
        assemble(table(t=[0, 1], x=[1, 2], y=[cell, cell]))
    assert assemble(table(t=[0, 1], x=[1, 2], y=[cell, cell]), states=["x"]).channels == ("x",)


@pytest.mark.parametrize("cell", ["1e400", "-inf", "Infinity"])
def test_what_float64_cannot_hold_is_out_of_range(cell: str) -> None:
    with pytest.raises(errors.OutOfRange, match="not a finite number"):
        assemble(table(t=[0, 1], x=["1", cell]))
    with pytest.raises(errors.OutOfRange, match="row 1 counted from 0"):
        assemble(Table({"t": np.array([0.0, 1.0]), "x": np.array([0.0, np.inf])}, file="ponds.npz"))


# --- checks ---


def test_one_time_is_not_a_trajectory() -> None:
    with pytest.raises(errors.TooFewRows, match=r"ponds.csv:2: .*there is only 1 observed time; at least 2"):
        assemble(table(t=[0], x=[1]))
    with pytest.raises(errors.TooFewRows, match=r"ponds.csv:4: .*trajectory b has only 1"):
        assemble(table(run=["a", "a", "b"], t=[0, 1, 0], x=[1, 2, 3]))
    with pytest.raises(errors.TooFewRows):
        assemble(table(t=[0, 0], x=[1, 2]), replicates=True)


def test_a_channel_that_never_changes_is_refused_by_name() -> None:
    with pytest.raises(errors.ConstantChannel, match=r"ponds.csv:2: .*channel 'N' is 763 in every row.*--states"):
        assemble(table(t=[0, 1], x=[1, 2], N=[763, 763]))


def test_a_channel_without_a_value_is_refused() -> None:
    with pytest.raises(errors.ValueMissing, match="'x' was never observed"):
        assemble(table(t=[0, 1], x=[np.nan, np.nan], y=[1, 2]), states=["x", "y"], missing=True)


# --- inputs and covariates ---


def test_inputs_keep_the_rows_at_which_no_channel_was_observed() -> None:
    data = assemble(
        table(t=[0, 1, 2, 3], u=[5, 6, 7, 8], y=[1, np.nan, np.nan, 2]), inputs=["u"], states=["y"], missing="nan"
    )
    assert data.t.tolist() == [0, 3]
    assert data.inputs is not None
    assert data.inputs.t.tolist() == [0, 1, 2, 3]
    assert data.inputs.values[:, 0].tolist() == [5, 6, 7, 8]


def test_inputs_must_be_whole_and_there_from_the_first_observation() -> None:
    with pytest.raises(errors.InputMissing, match="input 'v' is missing at time 1"):
        assemble(table(t=[0, 1], u=[1, 2], v=[1, np.nan], y=[1, 2]), inputs=["u", "v"], missing="nan")
    with pytest.raises(errors.InputMissing, match="observed at time 0, before u begin at 1"):
        assemble(table(t=[0, 1], u=[np.nan, 2], y=[1, 2]), inputs=["u"], missing="nan")
    with pytest.raises(errors.InputMissing, match="two different values at time 1"):
        assemble(table(t=[0, 1, 1], u=[0, 1, 2], y=[1, 2, 3]), inputs=["u"], replicates=True)
    same = assemble(table(t=[0, 1, 1], u=[0, 1, 1], y=[1, 2, 3]), inputs=["u"], replicates=True)
    assert same.inputs is not None
    assert same.inputs.t.tolist() == [0, 1]


def test_covariates_are_one_value_a_trajectory() -> None:
    cells = table(run=[1, 1, 2, 2], t=[0, 1, 0, 1], x=[1, 2, 3, 4], dose=[4.02, 4.02, 4.4, 4.4])
    data = assemble(cells, covariates={"D": "dose"})
    assert data.covariates["D"].tolist() == [4.02, 4.4]
    assert assemble(cells, covariates="dose").covariates["dose"].tolist() == [4.02, 4.4]
    with pytest.raises(
        errors.CovariateVaries, match=r"ponds.csv:3: .*covariate 'x' changes from 1 to 2 in trajectory 1"
    ):
        assemble(cells, covariates=["x"], states=["dose"])


def test_trajectories_keep_the_names_of_the_file_in_order_of_appearance() -> None:
    data = assemble(table(run=[7, 7, 3, 3, 2.5, 2.5], t=[0, 1] * 3, x=[1, 2, 3, 4, 5, 6]))
    assert data.trajectories == ("7", "3", "2.5")
    with pytest.raises(errors.OutOfRange, match="too large to name a trajectory"):
        assemble(table(run=[2.0**53, 2.0**53, 1, 1], t=[0, 1] * 2, x=[1, 2, 3, 4]), trajectory="run")


# --- clocks ---


def test_dates_become_days_and_moments_seconds_and_it_is_said() -> None:
    days = assemble(table(date=["1978-01-22", "1978-01-23", "1978-03-01"], x=[3, 8, 26]))
    assert days.t.tolist() == [0, 1, 38]
    assert days.units["date"] == "day"
    assert "date counted in days since 1978-01-22" in said(days)
    moments = assemble(table(when=["2020-02-28T23:59:59.5", "2020-02-29 00:00", "2020-03-01T00:00:00"], x=[3, 8, 26]))
    assert moments.t.tolist() == [0, 0.5, 86400.5]
    assert moments.units["when"] == "s"


def test_time_zones_are_taken_into_account_and_not_mixed() -> None:
    zoned = assemble(table(t=["2020-01-01T12:00:00+01:00", "2020-01-01T12:00:00Z"], x=[1, 2]))
    assert zoned.t.tolist() == [0, 3600]
    with pytest.raises(errors.DateWrong, match=r"ponds.csv:3: .*has no time zone"):
        assemble(table(t=["2020-01-01T12:00:00Z", "2020-01-01T12:00:00"], x=[1, 2]), time="t")


@pytest.mark.parametrize("cell", ["1978-02-30", "1978-01-23T10:00", "23/01/1978", "", "1978"])
def test_a_column_of_dates_holds_dates_alone(cell: str) -> None:
    with pytest.raises(errors.DateWrong, match=r"ponds.csv:3"):
        assemble(table(date=["1978-01-22", cell, "1978-01-24"], x=[1, 2, 3]), time="date")


def test_the_start_may_be_a_date_before_the_first_and_becomes_zero() -> None:
    cells = table(date=["1978-01-22", "1978-01-23"], x=[1, 3])
    assert assemble(cells, start="1978-01-21").t.tolist() == [1, 2]
    with pytest.raises(errors.BeforeStart, match="1978-01-22 lies before the start 1978-01-23"):
        assemble(cells, start="1978-01-23")
    assert assemble(cells, start=-1).t.tolist() == [0, 1]
    with pytest.raises(errors.BeforeStart, match=r"ponds.csv:2"):
        assemble(table(t=[0, 1], x=[1, 2]), start=0.5)
    with pytest.raises(UsageError, match="holds numbers"):
        assemble(table(t=[0, 1], x=[1, 2]), start="1978-01-01")


# --- size ---


def test_a_million_rows_in_ten_thousand_trajectories_are_told_apart() -> None:
    n, size = 10_000, 100
    t = np.tile(np.arange(float(size)), n)
    columns = {"run": np.repeat(np.arange(float(n)), size), "t": t, "x": np.sin(np.arange(n * size)), "y": np.cos(t)}
    data = assemble(Table(columns, lines=np.arange(2, n * size + 2)))
    assert data.n_trajectories == n


# --- rows without times ---


def test_rows_without_times_are_a_sample_time_apart_in_each_trajectory() -> None:
    data = assemble(table(u=[0, 1, 1, 0, 1], y=[1, 2, 3, 1, 2]), sample_time=0.5, states=["y"], inputs=["u"])
    assert (data.time, data.t.tolist()) == ("t", [0.0, 0.5, 1.0, 1.5, 2.0])
    several = assemble(
        table(run=["a", "b", "a", "b", "a"], t=[9, 9, 7, 9, 8], y=[1, 2, 3, 1, 2]),
        sample_time=2,
        trajectory="run",
        states=["y"],
    )
    assert several.time == "time", "a column named t is there already"
    assert several.t.tolist() == [0.0, 2.0, 4.0, 0.0, 2.0]


def test_a_sample_time_replaces_a_column_of_times_and_is_positive() -> None:
    with pytest.raises(UsageError, match="--sample-time replaces it; help: pass one of the two"):
        assemble(table(t=[0, 1], y=[1, 2]), sample_time=1, time="t")
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="it is above 0"):
            assemble(table(y=[1, 2]), sample_time=wrong)


# --- several files ---


def test_several_datasets_are_one_with_a_trajectory_a_file() -> None:
    parts = [
        Dataset(t=[0, 1], values=[[1, 2], [3, 4]], row_size=[2], channels=("x", "y"), source="runs/a.csv", sha256="1"),
        Dataset(t=[0, 2, 3], values=[[1, 5], [2, 6], [4, 7]], row_size=[3], channels=("y", "x"), source="b.csv"),
        Dataset(t=[0, 1], values=[[0, 0], [1, 1]], row_size=[1, 1], channels=("x", "y"), source="old/a.csv"),
    ]
    data = joined(parts)
    assert data.trajectories == ("a-1", "b", "a-3:1", "a-3:2")
    assert data.row_size.tolist() == [2, 3, 1, 1]
    assert data.values[2:5].tolist() == [[5, 1], [6, 2], [7, 4]]
    assert (data.source, len(data.sha256)) == ("runs/a.csv and 2 more", 64)
    assert joined(parts[:1]) is parts[0]


def test_inputs_and_covariates_are_joined_too() -> None:
    def part(u: float) -> Dataset:
        drive = Inputs(("u",), np.array([0.0, 1.0]), np.array([[u], [u]]), np.array([2]))
        return Dataset(t=[0, 1], values=[[1], [2]], row_size=[2], channels=("x",), inputs=drive, covariates={"c": [u]})

    data = joined([part(1.0), part(2.0)])
    assert data.inputs is not None
    assert data.inputs.values[:, 0].tolist() == [1, 1, 2, 2]
    assert data.covariates["c"].tolist() == [1, 2]


def test_a_file_without_what_another_has_is_named() -> None:
    one = Dataset(t=[0, 1], values=[[1, 2], [3, 4]], row_size=[2], channels=("x", "y"), source="a.csv")
    two = Dataset(t=[0, 1], values=[[1], [3]], row_size=[2], channels=("x",), source="b.csv")
    with pytest.raises(errors.ColumnMissing, match="the channel 'y' is missing here, which another file has") as caught:
        joined([one, two])
    assert caught.value.where is not None
    assert caught.value.where.file == "b.csv"


def test_inputs_that_end_before_the_observations_are_held_and_that_is_said() -> None:
    made = table(t=[0, 1, 2, 3, 4, 5], u=["1", "2", "1", "", "", ""], y=[1, 2, 3, 4, 5, 6])
    data = assemble(made, states=["y"], inputs=["u"], missing="blank")
    assert "u end at 2, and observations go on to 5: the last value is held" in said(data)
    near = table(t=[0, 1, 2, 3], u=["1", "2", "1", ""], y=[1, 2, 3, 4])
    assert "held" not in said(assemble(near, states=["y"], inputs=["u"], missing="blank")), (
        "a hold input ends a step early"
    )
