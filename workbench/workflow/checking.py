"""An offer held to the kit: what it claims beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors.usage import UnknownName, UsageError
from ..measure import Candidate, Finding, solver_findings
from ..registry import HOOKS, Registry, installed
from .kit_tests import CONTRACTS, INSTALL, available, kit_findings


@dataclass(frozen=True)
class Checked:
    """What became of the check of one offer."""

    kind: str
    name: str
    distribution: str
    version: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Nothing failed."""
        return all(finding.verdict != "failed" for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """As `--json` prints it."""
        listed = [
            {"name": f.name, "verdict": f.verdict, "claimed": f.claimed, "measured": f.measured, "note": f.note}
            for f in self.findings
        ]
        about = {"kind": self.kind, "name": self.name, "distribution": self.distribution, "version": self.version}
        return {"schema": "workbench/plugins-check/1", **about, "ok": self.ok, "findings": listed}


def check_plugin(name: str, kind: str | None = None, plugins: Sequence[str | Path] = ()) -> Checked:
    """Hold an offer to the kit of its kind: a solver is measured, then all tests of the contract are run.

    `kind` is needed only where offers of several kinds bear the name; `plugins` are files as --plugin takes them. The
    tests need pytest; a solver is measured without it, too. Raises UnknownName, UsageError, or an error of the P family
    where the plugin does not load.
    """
    registry = installed(plugins)
    kind = kind_of(registry, name, kind)
    entry = registry.entry(kind, name)
    registry.make(kind, name)  # what does not load is an error of its own, not a row of the table
    findings = solver_findings(registry, name) if kind == "solver" else []
    if available():
        findings += kit_findings(kind, name, [Path(file) for file in plugins])
    elif kind == "solver":
        findings.append(Finding("the kit's further tests", "skipped", note=f"they need pytest: {INSTALL}"))
    else:
        raise UsageError(f'checking {kind} "{name}" needs pytest', help=INSTALL)
    return Checked(kind, name, entry.distribution, entry.version, tuple(findings))


def stability_region(name: str, out: Path, plugins: Sequence[str | Path] = ()) -> Path:
    """Write the region of stability of a solver to a PNG, SVG or PDF file; raises UsageError where it has none."""
    from ..measure.region_figure import region_figure, save_figure
    from ..measure.stability import stability

    candidate = Candidate.of(installed(plugins), name)
    found = None if candidate.separable else stability(candidate)
    solver = candidate.with_step(1.0)
    if found is None or solver is None:
        raise UsageError(
            f'solver "{name}" has no region to draw: it takes no single step of y\' = λy', help="leave --plot out"
        )
    if out.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise UsageError(f"{out} names no format of a figure", help="end it in .png, .svg or .pdf")
    reach = f"real axis to {found.real:.4g}, imaginary axis to {found.imaginary:.4g}"
    save_figure(region_figure(solver, name, "A-stable" if found.a_stable else reach), out)
    return out


def kind_of(registry: Registry, name: str, kind: str | None = None) -> str:
    """The kind of an offer, if one alone bears the name; raises UnknownName, or UsageError where several do."""
    if kind is not None:
        if kind not in CONTRACTS:
            raise UsageError(f'the kit has no tests for kind "{kind}"', help=f"one of {', '.join(CONTRACTS)}")
        return kind
    kinds = [k for k in CONTRACTS if k in HOOKS and name in [listed.name for listed in registry.offers(k)]]
    if len(kinds) > 1:
        raise UsageError(f'"{name}" is offered as {" and as ".join(kinds)}', help=f"--kind {kinds[0]}")
    if not kinds:
        failed = registry.failures()
        hint = f"; a plugin that failed may have it: {'; '.join(failed)}" if failed else ""
        raise UnknownName(f'nothing is offered by the name "{name}"', help=f"list them: workbench plugins{hint}")
    return kinds[0]
