"""Labels of figures: names with units, and tick labels that leave room between them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from workbench.axes import crowded, make_room, with_unit
from workbench.workflow.figure_file import plain_logarithms


@pytest.mark.parametrize(
    ("name", "unit", "label"),
    [("k", "1/h", "k [1/h]"), ("k", "", "k"), ("k", None, "k"), ("year", "year", "year"), ("k", "–", "k")],
)
def test_a_name_has_its_unit_where_one_is_known(name: str, unit: str | None, label: str) -> None:
    assert with_unit(name, unit) == label


@pytest.mark.parametrize("ends", [(0.0099999, 0.01000003), (1.7e9, 1.7e9 + 40), (12345.25, 12346.5)])
def test_long_tick_labels_get_room_by_being_fewer(ends: tuple[float, float]) -> None:
    figure = Figure(figsize=(9.7, 2.2), layout="constrained")
    panels = figure.subplots(1, 3)
    for panel in panels:
        panel.plot(ends, [0, 1])
        panel.ticklabel_format(useOffset=False, style="plain")
    figure.draw_without_rendering()
    assert crowded(panels[0].xaxis)
    make_room(figure)
    for panel in panels:
        assert not crowded(panel.xaxis)
        assert len(panel.get_xticks()) >= 2


@pytest.mark.parametrize(
    ("ends", "labels"),
    [
        ((0.125, 4.0), {"0.2", "0.5", "1", "2"}),
        ((2.0, 7.0), {"2", "5"}),
        ((0.05, 2000.0), {"0.1", "1", "10", "100", "1000"}),
    ],
)
def test_a_short_logarithmic_axis_has_more_labels_than_its_powers_of_ten(
    ends: tuple[float, float], labels: set[str]
) -> None:
    figure = Figure(layout="constrained")
    panel = figure.subplots()
    panel.plot(ends, [0, 1])
    panel.set_xscale("log")
    plain_logarithms(panel.xaxis)
    make_room(figure)
    low, high = panel.get_xlim()
    ticks = [*panel.xaxis.get_major_ticks(), *panel.xaxis.get_minor_ticks()]
    assert {tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= high} - {""} == labels


def test_axes_with_room_keep_their_ticks() -> None:
    figure = Figure(layout="constrained")
    panel = figure.subplots()
    panel.plot([0, 10], [0, 1])
    before = panel.get_xticks()
    make_room(figure)
    np.testing.assert_array_equal(panel.get_xticks(), before)
