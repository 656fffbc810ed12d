"""Contenders checked against each other, then timed by turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from .contender import Contender, Missing, Ready, Result, Work

TURN = 0.1  # seconds after which it is the next one's turn: the first calls of one find nothing of theirs in the caches
FEWEST = 3  # rounds, however long they take
MOST = 30


def gap(found: np.ndarray | float, wanted: np.ndarray | float) -> float:
    """The distance of two vectors over the length of the second; infinite if one is not finite."""
    distance, length = np.linalg.norm(np.subtract(found, wanted)), np.linalg.norm(wanted)
    return float(distance / max(length, 1e-300)) if np.isfinite(distance) else float("inf")


def prepare(work: Work, problem: Any, precision: str, only: set[str]) -> Iterator[tuple[dict[str, Any], Ready | None]]:
    """A row for every contender, with the time to make it ready and of its first call; None where it cannot run."""
    start = work.start(problem)
    wanted: Result | None = work.reference(problem) if work.reference else None
    for name, contender in work.contenders.items():
        if only and name not in only:
            continue
        row: dict[str, Any] = {"contender": name, "ours": contender.ours}
        try:
            began = time.perf_counter()
            ready = contender.ready(problem, precision)
            made = time.perf_counter()
            arguments = ready.load(start)
            called = time.perf_counter()
            result = ready.run(arguments)
            done = time.perf_counter()
        except Missing as absence:
            yield {**row, "status": "missing", "why": str(absence)}, None
            continue
        found = ready.read(result)
        wanted = found if wanted is None else wanted
        gaps = {"loss_gap": gap(found[0], wanted[0]), "vector_gap": gap(found[1], wanted[1])}
        row |= {"prepare": made - began, "first": done - called, "note": ready.note, **gaps}
        if max(gaps.values()) > work.agree[precision]:
            yield {**row, "status": "disagrees", "why": f"allowed {work.agree[precision]:.0e}"}, None
            continue
        yield {**row, "status": "ok"}, ready


def turn(
    contender: Contender, ready: Ready, vary: Callable[[int], np.ndarray], number: int
) -> tuple[list[float], list[float]]:
    """Seconds of a few calls, through the door and inside the kernel, each with parameters of its own."""
    spent, inside, began = [], [], time.perf_counter()
    for call in range(contender.calls):
        arguments = ready.load(vary(number * contender.calls + call))
        start = time.perf_counter()
        result = ready.run(arguments)
        seconds = time.perf_counter() - start
        spent.append(ready.spent(result) if ready.spent else seconds)
        if ready.kernel is not None:
            inside.append(ready.kernel(arguments))
        if time.perf_counter() - began > TURN:
            break
    return spent, inside


def summary(seconds: list[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = np.percentile(seconds, [25, 50, 75])
    return {"median": float(middle), "low": float(low), "high": float(high)}


def compare(
    work: Work, problem: Any, precision: str, seconds: float, only: set[str] | None = None
) -> list[dict[str, Any]]:
    """One row a contender: its state, its times, and how many times those of ours they are.

    Rounds go on for `seconds`; in each, every contender has a turn, in an order that rotates. Ratios are taken within a
    round, of the medians of two turns; their median and quartiles are over rounds. With no seconds nothing is timed.
    """
    entered = list(prepare(work, problem, precision, only or set()))
    running = [(row, ready) for row, ready in entered if ready is not None]
    vary = partial(work.vary, work.start(problem))
    turns: dict[str, list[tuple[list[float], list[float]]]] = {row["contender"]: [] for row, _ in running}
    began = time.perf_counter()
    for number in range((work.rounds or MOST) if seconds else 0):
        if not work.rounds and number >= FEWEST and time.perf_counter() - began > seconds:
            break
        shift = number % max(len(running), 1)
        for row, ready in running[shift:] + running[:shift]:
            name = row["contender"]
            turns[name].append(turn(work.contenders[name], ready, vary, number))
    for row, _ in running if seconds else []:
        name = row["contender"]
        row |= summary([s for spent, _ in turns[name] for s in spent])
        row["repeats"] = sum(len(spent) for spent, _ in turns[name])
        row["rounds"] = len(turns[name])
        if inside := [s for _, kernel in turns[name] for s in kernel]:
            row["kernel"] = summary(inside)
        row["ratios"] = {}
        for other, _ in running:
            if other["ours"] and other is not row:
                row["ratios"][other["contender"]] = ratios(turns[name], turns[other["contender"]])
    return [row for row, _ in entered]


def ratios(
    peer: list[tuple[list[float], list[float]]], ours: list[tuple[list[float], list[float]]]
) -> dict[str, dict[str, float]]:
    """The peer's time over ours, round by round: through our public call, and inside our kernel where that is known."""
    rounds = list(zip(peer, ours, strict=True))
    found = {"call": summary([float(np.median(p[0]) / np.median(o[0])) for p, o in rounds])}
    if all(o[1] for _, o in rounds):
        found["kernel"] = summary([float(np.median(p[0]) / np.median(o[1])) for p, o in rounds])
    return found
