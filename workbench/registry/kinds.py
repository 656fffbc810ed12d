"""The kinds of things that plugins offer, the hook of each, and the command that lists it."""

from __future__ import annotations

from ..errors.nearest import did_you_mean
from ..errors.usage import UnknownName

HOOKS = {
    "solver": "offer_solvers",
    "dynamics": "offer_dynamics",
    "loss": "offer_losses",
    "optimizer": "offer_optimizers",
    "strategy": "offer_strategies",
    "reader": "offer_readers",
    "reporter": "offer_reporters",
    "experiment": "offer_experiments",
    "problem": "offer_problems",
}

LISTED_BY = dict.fromkeys(HOOKS, "plugins") | {
    "solver": "solvers",
    "dynamics": "dynamics",
    "loss": "losses",
    "experiment": "reproduce --list",
    "problem": "problems",
}


def hook_of(kind: str) -> str:
    """The hook that offers `kind`; raises UnknownName for a kind that does not exist."""
    if kind not in HOOKS:
        raise UnknownName(f'"{kind}" is no kind of plugin', help=did_you_mean(kind, HOOKS) or ", ".join(HOOKS))
    return HOOKS[kind]
