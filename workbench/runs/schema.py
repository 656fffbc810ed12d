"""The layout of run files as one table; writing, reading and docs/run-format.md are made from it.

Trajectories differ in length and inputs have clocks of their own, so everything is a contiguous ragged array (CF
conventions 1.11, section 9.3.3): the observations of all trajectories one after the other, and `row_size` of each. The
dimensions are scales at the root, where every group finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .entry import Attribute

FORMAT = "workbench-run"
FINDINGS = "workbench-findings"
"""The format of a file of what an experiment found; it has a layout of its own (reproduction.py)."""

Kind = Literal["float64", "int64", "int8", "text", "json", "exact json", "columns", "numbers", "tree"]


@dataclass(frozen=True)
class Dimension:
    """An axis that variables share: its length is that of `of`, and its values are the names in it, if any."""

    path: str
    of: str  # where in a Record; text names the points of the axis, anything else only counts them
    meaning: str

    @property
    def name(self) -> str:
        """The axis as variables call it."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Variable:
    """One row of the layout: where in the file, where in a Record, along which axes, stored how, meaning what.

    Kinds: numbers and text as they are; `json` one JSON text; `columns` a data set a column and a list of them;
    `numbers` one JSON text and, for plotting, every number in it as (name, value); `tree` arrays and one JSON text
    around them.
    """

    path: str
    of: str
    dims: tuple[str, ...]
    kind: Kind
    meaning: str


DIMENSIONS = (
    Dimension("observation", "dataset.t", "rows of the data, all trajectories one after the other"),
    Dimension("trajectory", "dataset.trajectories", "names of the trajectories"),
    Dimension("channel", "dataset.channels", "names of what was observed"),
    Dimension("state", "state_names", "names of the model's states"),
    Dimension("input", "dataset.inputs.names", "names of the inputs"),
    Dimension("inputs/sample", "dataset.inputs.t", "rows of the inputs, all trajectories one after the other"),
    Dimension("equations/equation", "equations", "the right-hand sides as text, one line each"),
)

GROUPS = (
    "observed",
    "covariates",
    "inputs",
    "prediction",
    "residual",
    "history",
    "metrics",
    "diagnostics",
    "parameters",
    "equations",
    "model",
    "checkpoint",
)

_CHANNELS = ("observation", "channel")

VARIABLES = (
    Variable("config", "config", (), "exact json", "what was asked for; running it again repeats the fit"),
    Variable("provenance", "provenance", (), "json", "versions, seed, plugins, hash of the data, machine"),
    Variable("timings", "timings", (), "json", "seconds spent"),
    Variable("problem", "problem_text", (), "text", "the problem file verbatim; empty without one"),
    Variable("t", "dataset.t", ("observation",), "float64", "time of each observation"),
    Variable("row_size", "dataset.row_size", ("trajectory",), "int64", "observations of each trajectory"),
    Variable("part", "part", ("observation",), "int8", "0 train, 1 validation, 2 test"),
    Variable("observed/y", "dataset.values", _CHANNELS, "float64", "what was observed; NaN is missing"),
    Variable("observed/sd", "dataset.sd", _CHANNELS, "float64", "standard deviation of each value, where known"),
    Variable("observed/time", "dataset.time", (), "text", "what the data call time"),
    Variable("observed/units", "dataset.units", (), "json", "units by name"),
    Variable("observed/source", "dataset.source", (), "text", "the file that the data came from"),
    Variable("observed/sha256", "dataset.sha256", (), "text", "SHA-256 of that file"),
    Variable("observed/notes", "dataset.notes", (), "json", "what was guessed or left out in reading it"),
    Variable("covariates", "dataset.covariates", ("trajectory",), "columns", "constants of each trajectory"),
    Variable("inputs/t", "dataset.inputs.t", ("inputs/sample",), "float64", "time of each sample of the inputs"),
    Variable("inputs/u", "dataset.inputs.values", ("inputs/sample", "input"), "float64", "the inputs"),
    Variable("inputs/row_size", "dataset.inputs.row_size", ("trajectory",), "int64", "samples of each trajectory"),
    Variable("prediction/y", "prediction", _CHANNELS, "float64", "the model's one free run, as it would be observed"),
    Variable("prediction/lower", "lower", _CHANNELS, "float64", "lower end of the 95 % band of new observations"),
    Variable("prediction/upper", "upper", _CHANNELS, "float64", "upper end of the 95 % band of new observations"),
    Variable("prediction/states", "states", ("observation", "state"), "float64", "the model's states in that run"),
    Variable("residual/y", "residual", _CHANNELS, "float64", "observed − predicted, on the scale of the loss"),
    Variable("history", "history", ("history/entry",), "columns", "how the fit went, one data set a column"),
    Variable("metrics", "metrics", (), "numbers", "errors by part of the data, and those of the baselines"),
    Variable("diagnostics", "diagnostics", (), "numbers", "checks, uncertainty and verdict"),
    Variable("parameters", "parameters", (), "numbers", "estimates with their standard errors and intervals"),
    Variable("model", "model", (), "tree", "the unknowns by block: what a prediction needs"),
    Variable("checkpoint", "checkpoint", (), "tree", "everything that the next step of the fit depends on"),
)

ATTRIBUTES: Mapping[str, Mapping[str, Attribute]] = {
    "row_size": {"sample_dimension": "observation"},
    "inputs/row_size": {"sample_dimension": "sample"},
    "part": {"flag_values": (0, 1, 2), "flag_meanings": "train validation test"},
}

INCIDENTAL = frozenset({"provenance", "timings"})  # what content_sha256 leaves out


def layout_table() -> str:
    """The layout as a Markdown table, as docs/run-format.md shows it."""
    rows = [(d.path, f"`{d.name}`", "scale", d.meaning) for d in DIMENSIONS]
    rows += [(v.path, ", ".join(f"`{d.rpartition('/')[2]}`" for d in v.dims), v.kind, v.meaning) for v in VARIABLES]
    lines = ["| path | axes | kind | meaning |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| `/{path}` | {axes} | {kind} | {meaning} |" for path, axes, kind, meaning in rows)])
