"""What the labels of unknowns and states leave open: their units, and whose own a value is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..model import Model


def state_units(model: Model) -> dict[str, str]:
    """State → unit, of those that have one: that of the channel which measures it, else the problem's."""
    data, system = model.data, model.problem.system
    found = {name: data.units[name] for name in model.field.states if name in data.channels and data.units.get(name)}
    if system is None:
        return found
    states = {state.name: state.unit for state in system.states}
    measured = {each.formula: data.units.get(each.name, "") for each in system.observed}
    for name in model.field.states:
        if name in states and (unit := measured.get(name) or states[name]):
            found.setdefault(name, unit)
    return found


def meanings(model: Model) -> dict[str, dict[str, str]]:
    """Label of an unknown, of a held or a derived value → `unit` and `trajectory`, as far as they are known.

    `trajectory` is the name of the one whose own the value is; there is none where all share it, or where there is one
    trajectory.
    """
    system, states = model.problem.system, state_units(model)
    units = {}
    if system is not None:
        units = {each.name: each.unit for each in system.parameters} | {each.name: each.unit for each in system.derived}
    found = {name: {"unit": unit} for name, unit in units.items() if unit}
    for block in model.unknowns.blocks:
        if block.name in ("weights", "encoder"):
            continue
        index = model.unknowns.index[block.name]
        for place in np.argwhere(index >= 0):
            label, name = model.unknowns.labels[index[tuple(place)]], block.labels[place[-1]]
            unit = (states if block.name == "initial" else units).get(name)
            said = {"unit": unit} if unit else {}
            if index.ndim == 2 and len(index) > 1:
                said["trajectory"] = model.data.trajectories[place[0]]
            if said:
                found[label] = said
    return found
