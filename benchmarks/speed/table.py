"""Measurements as tables: for the terminal, and as the page of the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from .contender import Work

Row = dict[str, Any]
HEAD = ("contender", "median", "quartiles", "inside", "calls", "ready", "first", "gap", "")


def cells_of(rows: list[Row]) -> Iterator[tuple[tuple[str, str, int], list[Row]]]:
    """(work, precision, threads) and its rows."""
    for key, found in groupby(rows, lambda row: (row["work"], row["precision"], row["threads"])):
        yield key, list(found)


def duration(seconds: float) -> str:
    """Three digits and a unit.

    >>> duration(0.000173), duration(0.0123), duration(45.6)
    ('173 µs', '12.3 ms', '45.6 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or unit == "µs":
            return f"{digits(seconds / size)} {unit}"
    raise AssertionError


def digits(value: float) -> str:
    """Three digits, without an exponent.

    >>> digits(1234.5), digits(12.345), digits(0.01234)
    ('1234', '12.3', '0.0123')
    """
    if value == float("inf"):
        return "∞"
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def described(row: Row, ours: list[str]) -> list[str]:
    """The cells of one contender's line; with `ours`, ratios to each of them behind."""
    if "median" not in row:
        state = "agrees" if row["status"] == "ok" else f"{row['status']}: {row['why']}"
        gap = f"{row['vector_gap']:.0e}" if "vector_gap" in row else ""
        return [row["contender"], "–", "", "", "", "", "", gap, state, *[""] * len(ours)]
    inside = duration(row["kernel"]["median"]) if "kernel" in row else "–"
    return [
        row["contender"], duration(row["median"]), f"{duration(row['low'])} … {duration(row['high'])}", inside,
        str(row["repeats"]), duration(row["prepare"]), duration(row["first"]), f"{row['vector_gap']:.0e}", row["note"],
        *(over(row["ratios"].get(name)) for name in ours),
    ]  # fmt: skip


def over(ratio: dict[str, dict[str, float]] | None) -> str:
    """How many times ours, through the call and inside the kernel, with quartiles over rounds."""
    if ratio is None:
        return "–"
    call = ratio["call"]
    text = f"{digits(call['median'])} ({digits(call['low'])} … {digits(call['high'])})"
    return f"{text}; inside {digits(ratio['kernel']['median'])}" if "kernel" in ratio else text


def grid(rows: list[Row]) -> list[list[str]]:
    """Header and lines of one cell."""
    ours = [row["contender"] for row in rows if row["ours"] and "median" in row]
    return [[*HEAD, *(f"over {name}" for name in ours)], *(described(row, ours) for row in rows)]


def text(document: dict[str, Any], works: dict[str, Work]) -> str:
    """For the terminal."""
    parts = [machine(document["about"])]
    for (name, precision, threads), rows in cells_of(document["rows"]):
        lines = grid(rows)
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        parts.append(f"\n{works[name].title} · {precision} · {conditions(threads, rows)}")
        for line in lines:
            pairs = enumerate(zip(line, widths, strict=True))
            padded = (cell.ljust(w) if i in (0, 8) else cell.rjust(w) for i, (cell, w) in pairs)
            parts.append("  ".join(padded).rstrip())
    return "\n".join(parts)


def conditions(threads: int, rows: list[Row]) -> str:
    """Threads, and how busy the machine was: a load above the number of threads means that others were at work, too."""
    load = rows[0].get("load")
    return f"{threads} thread{'s' * (threads > 1)}" + ("" if load is None else f", load {load:.1f}")


def machine(about: dict[str, Any]) -> str:
    """One paragraph."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items() if number != "–")
    absent = ", ".join(name for name, number in about["versions"].items() if number == "–")
    return (
        f"{about['processor']}, {about['cores']} cores, {about['vectors']}; {about['system']}; Python "
        f"{about['python']}; {about['compiler']}; {versions}." + (f" Not installed: {absent}." if absent else "")
    )


def page(document: dict[str, Any], works: dict[str, Work]) -> str:
    """For the documentation, in Markdown: the goals first, then every cell."""
    parts = ["## Where we stand", "", *goals(document, works), "", "### Slower than a peer", ""]
    parts += [*losses(document, works), "", "## Every measurement", "", machine(document["about"])]
    before = ""
    for (name, precision, threads), rows in cells_of(document["rows"]):
        if name != before:
            parts += ["", f"### {works[name].title}", "", works[name].says]
        before = name
        parts += ["", f"{precision}, {conditions(threads, rows)}:", ""]
        head, *lines = grid(rows)
        parts += markdown(head, lines)
    return "\n".join(parts) + "\n"


def markdown(head: list[str], lines: list[list[str]]) -> list[str]:
    """A table."""
    rows = [head, ["---"] * len(head), *lines]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


def goals(document: dict[str, Any], works: dict[str, Work]) -> list[str]:
    """What each work is to show, and what it shows."""
    lines = []
    for (name, precision, threads), rows in cells_of(document["rows"]):
        by_name = {row["contender"]: row for row in rows}
        for ours, peers in works[name].goals.items():
            for peer, wanted in peers.items():
                found = by_name.get(peer, {}).get("ratios", {}).get(ours)
                lines.append(
                    [
                        works[name].title, f"{precision}, {threads}", ours, peer, f"≥ {wanted:g}",
                        over(found), met(found, wanted, works[name].inside),
                    ]
                )  # fmt: skip
    return markdown(["work", "precision, threads", "ours", "peer", "goal", "peer's time over ours", ""], lines)


def met(found: dict[str, dict[str, float]] | None, wanted: float, inside: bool) -> str:
    """In one word."""
    if found is None or (inside and "kernel" not in found):
        return "not measured"
    return "met" if found["kernel" if inside else "call"]["median"] >= wanted else "missed"


def losses(document: dict[str, Any], works: dict[str, Work]) -> list[str]:
    """Every peer that takes less time than one of ours, through the public call."""
    found = []
    for (name, precision, threads), rows in cells_of(document["rows"]):
        for row in rows:
            for ours, ratio in row.get("ratios", {}).items():
                if not row["ours"] and ratio["call"]["median"] < 1:
                    times = digits(1 / ratio["call"]["median"])
                    found.append(
                        f"- {works[name].title}, {precision}, {threads} threads: {row['contender']} is {times} times "
                        f"as fast as {ours}."
                    )
    if not any(row["ours"] and "median" in row for row in document["rows"]):
        return ["Nothing of ours has been measured yet."]
    return found or ["None among those measured."]
