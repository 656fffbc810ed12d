"""Reports: what the card says, and figures that are drawn whatever a run lacks."""

from pathlib import Path

import numpy as np
import pytest
from workbench_reports.card import text
from workbench_reports.figures import figures

from workbench.dataset import Dataset, Inputs, split
from workbench.diagnose import baselines, metrics, verdict, whiteness
from workbench.errors.data import NothingToPlot
from workbench.errors.store import NotWritable
from workbench.runs.record import Record

KINDS = ["fit", "phase", "residuals", "loss"]


def dataset(n_trajectories=1, channels=("prey [$]", "predator"), n=40):
    rng = np.random.default_rng(0)
    t = np.linspace(0, 10, n)
    values = [
        np.column_stack([2 + np.cos(t + i + j) for j in range(len(channels))])
        + 0.1 * rng.normal(size=(n, len(channels)))
        for i in range(n_trajectories)
    ]
    return Dataset(
        t=np.tile(t, n_trajectories), values=np.vstack(values), row_size=[n] * n_trajectories, channels=channels,
        units={channels[0]: "thousand", "t": "yr"}, source="ponds.csv", notes=("states guessed",),
    )  # fmt: skip


def record(data=None, **more):
    """A run as far as it needs no fit: the prediction is the smooth part of the data."""
    data = dataset() if data is None else data
    part = split(data, "last:20%")
    smooth = np.column_stack([2 + np.cos(data.t + data.trajectory_of + j) for j in range(data.n_channels)])
    found = metrics(data, part, smooth)
    references = baselines(data, part)
    parameters = {
        "alpha": {"value": 0.54691, "stderr": 0.0634, "ci95": [0.43, 0.68], "unit": "1/yr"},
        "beta": {"value": 0.1, "stderr": None, "ci95": None, "reason": "at its bound: held there"},
    }
    white = whiteness(data, part, data.values - smooth)
    known = {
        "config": {"dynamics": "symbolic", "solver": "tsit5", "seed": 0},
        "status": "converged",
        "prediction": smooth,
        "metrics": {**found, "baselines": references},
        "parameters": parameters,
        "equations": ("d prey/dt = 0.5*prey",),
        "history": {
            "loss": np.array([3.0, 1.0, 0.5]),
            "rung": np.array(["gradient-matching", "trajectory", "trajectory"]),
        },
        "diagnostics": {
            "verdict": verdict(found, references, status="converged", parameters=parameters, whiteness=white),
            "checks": {"whiteness": white},
        },
    }
    run = Record(dataset=data, part=part, **(known | more))
    run.name = "brisk-otter"
    return run


def bare(data=None):
    """A run that has just begun."""
    data = dataset() if data is None else data
    return Record(config={}, dataset=data, part=split(data, "last:20%"))


def test_the_card_tells_data_choices_estimates_errors_checks_verdict_and_what_next():
    card = text().render([record()], None)
    for words in (
        "brisk-otter · converged",
        "ponds.csv · 40 observations · 1 trajectory",
        "prey [$] [thousand]",
        "states guessed",
        "dynamics symbolic · solver tsit5 · seed 0",
        "0.430 … 0.680  1/yr",
        "beta: at its bound: held there",
        "d prey/dt = 0.5*prey",
        "persistence",
        "look like noise",
        "It beats the best baseline",
        "workbench plot brisk-otter",
        "workbench predict brisk-otter --until 15",
    ):
        assert words in card, words


def test_the_card_offers_to_resume_what_did_not_converge():
    assert "workbench fit --resume brisk-otter" in text().render([record(status="interrupted")], None)
    assert "--resume" not in text().render([record()], None)


def test_the_card_of_a_run_that_has_just_begun_says_what_there_is():
    card = text().render([bare()], None)
    assert "(not stored) · running" in card
    assert "verdict" not in card


def test_no_line_of_the_card_is_longer_than_asked():
    long = record(equations=("d prey/dt = " + " + ".join(f"{i}.25*prey" for i in range(40)),))
    assert max(len(line) for line in text(width=80).render([long], None).splitlines()) <= 80


def test_the_card_goes_to_a_file_if_one_is_named(tmp_path):
    out = tmp_path / "cards" / "card.txt"
    assert text().render([record(), record()], out) == [out]
    assert out.read_text(encoding="utf-8").count("brisk-otter · converged") == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_each_figure_is_written_where_it_was_asked_for(kind, suffix, tmp_path):
    out = tmp_path / f"one.{suffix}"
    assert figures(kind=kind).render([record()], out) == [out]
    start = out.read_bytes()[:100]
    assert start.startswith(b"\x89PNG" if suffix == "png" else b"<?xml")


def test_all_figures_go_into_a_folder_under_the_name_of_the_run(tmp_path):
    written = figures().render([record()], tmp_path / "new")
    assert [path.name for path in written] == [f"brisk-otter-{kind}.png" for kind in KINDS]
    assert all(path.is_file() for path in written)


def test_equal_runs_give_equal_files(tmp_path):
    one, two = (figures(kind="fit").render([record()], tmp_path / f"{i}.svg")[0] for i in (1, 2))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_without_its_content_is_refused_by_name(kind, tmp_path):
    with pytest.raises(NothingToPlot):
        figures(kind=kind).render([bare()], tmp_path / "x.png")
    with pytest.raises(NothingToPlot):
        figures().render([bare()], tmp_path)
    assert not list(tmp_path.iterdir())


def test_all_passes_over_what_a_run_lacks(tmp_path):
    written = figures().render([record(history={})], tmp_path)
    assert [path.stem.split("-")[-1] for path in written] == ["fit", "phase", "residuals"]


def test_a_place_that_cannot_be_written_is_refused_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match="cannot be written"):
        figures(kind="fit").render([record()], tmp_path / "file" / "x.png")


SQUARE = np.linspace(0, 4, 5)
FIELD = {
    "states": ["prey [$]", "predator"],
    "x": SQUARE.tolist(),
    "y": SQUARE.tolist(),
    "dx": np.zeros((5, 5)).tolist(),  # standing still has no direction
    "dy": np.add.outer(SQUARE, SQUARE).tolist(),
    "fixed": {"t": 0.0},
}


@pytest.mark.parametrize(
    "run",
    [
        record(dataset(14)),
        record(dataset(3, channels=("x",))),
        record(dataset(2, channels=tuple("abcdefgh"), n=12)),
        record(dataset(n=1500)),
        record(diagnostics={"field": FIELD}),
        record(prediction=np.full((40, 2), np.nan)),
        record(prediction=np.full((40, 2), 1e9)),
        record(residual=np.zeros((40, 2)), lower=np.zeros((40, 2)), upper=np.full((40, 2), 5.0)),
        record(history={"loss": np.array([-1.0, np.nan, -2.0]), "event": np.array(["", "not finite", ""])}),
        record(dataset(n=5)),
    ],
    ids=["14 trajectories", "one channel", "8 channels", "crowded", "field", "not finite", "blown up", "band", "events",
         "five points"],
)  # fmt: skip
def test_awkward_runs_are_drawn_without_a_warning(run, tmp_path):
    assert figures(dpi=50).render([run], tmp_path)
    assert text().render([run], None)


def test_a_stored_dense_curve_is_drawn_instead_of_the_prediction():
    from workbench_reports.stretches import observed_curve, state_curve

    dense = {
        "row_size": [3],
        "t": [0.0, 1.0, 2.0],
        "observed": {"prey [$]": [1.0, 2.0, None], "predator": [0.0, 0.0, 0.0]},
    }
    run = record(diagnostics={"curve": dense})
    curve = observed_curve(run, 0)
    assert curve.dense
    np.testing.assert_array_equal(curve.values[:, 0], [1.0, 2.0, np.nan])
    assert state_curve(run, 0)[0] == run.dataset.channels
    assert not observed_curve(record(), 0).dense


def test_inputs_and_missing_values_are_told():
    data = dataset()
    values = data.values.copy()
    values[3, 0] = np.nan
    inputs = Inputs(("pump",), data.t, data.values[:, :1], np.array([40]))
    holed = Dataset(t=data.t, values=values, row_size=[40], channels=data.channels, inputs=inputs, units={"pump": "V"})
    card = text().render([bare(holed)], None)
    assert "inputs pump [V]" in card
    assert "1 value missing" in card


def test_the_figures_leave_no_trace_in_matplotlibs_settings(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    figures(kind="loss").render([record()], Path(tmp_path))
    assert dict(matplotlib.rcParams) == before


def test_few_estimates_show_their_correlations_and_of_many_the_close_pairs():
    def told(names, matrix):
        diagnostics = {**record().diagnostics, "uncertainty": {"names": names, "correlation": matrix}}
        return text().render([record(diagnostics=diagnostics)], None)

    few = told(["alpha", "beta", "gamma"], [[1.0, -0.95, None], [-0.95, 1.0, None], [None, None, None]])
    assert "correlation\n        alpha\n  beta  -0.95\n" in few
    many = np.eye(9)
    many[0, 3] = many[3, 0] = 0.991
    assert "correlation\n  a and d: 0.991\n" in told(list("abcdefghi"), many.tolist())
    assert "correlation" not in text().render([record()], None)


def test_slopes_are_taken_between_the_jumps_of_a_dense_curve():
    from workbench_reports.phase_figure import _stretches

    t = np.array([0.0, 1.0, 2.0, 2.0, 3.0, 3.0])
    assert [piece.tolist() for piece in _stretches(t, dense=True)] == [[0, 1, 2], [3, 4]]
    assert [piece.tolist() for piece in _stretches(t, dense=False)] == [[0, 1, 2, 4]], "replicates share a time"
