"""Published experiments: run one, and keep what it found as a sealed file, a page, a document and pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..contracts import Experiment
from ..errors import Where
from ..errors.base import WorkbenchError
from ..errors.data import FileMissing
from ..errors.plugins import ContractBroken, ExperimentFailed
from ..errors.usage import UsageError
from ..findings import Findings, Lab
from ..registry import Listed, by_kind, installed
from .text_file import written
from .threads import one_thread

if TYPE_CHECKING:
    from ..runs import Reproduction

FOLDER = Path("reproduced")
SEEDS, QUICK_SEEDS = 5, 2

Format = Literal["png", "svg"]


@dataclass(frozen=True, eq=False)
class Reproduced:
    """What an experiment found, and where it is kept; `document` is what `--json` prints."""

    reproduction: Reproduction
    folder: Path
    files: tuple[Path, ...]
    """All that was written: the run file, the page, the document, the pictures."""

    @property
    def findings(self) -> Findings:
        """Tables, claims, pictures and notes."""
        return self.reproduction.findings

    @property
    def path(self) -> Path:
        """The sealed run file."""
        return self.files[0]

    def document(self) -> dict[str, Any]:
        """The document `workbench/reproduce/1`."""
        from .findings_json import findings_document

        return findings_document(self.reproduction) | {"files": [str(path) for path in self.files]}


def experiments(plugins: Iterable[str | Path] = ()) -> list[Listed]:
    """Every experiment, those in the files `plugins` among them: its offer, options and distribution."""
    return installed(plugins).offers("experiment")


def reproduce(
    name: str,
    *,
    quick: bool = False,
    seeds: int | None = None,
    data: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    format: Format = "png",
    plugins: Iterable[str | Path] = (),
    say: Callable[[str], None] | None = None,
) -> Reproduced:
    """Run the published experiment `name` and keep what it found in the folder `out` (reproduced/NAME unless given).

    `quick` is the small form; `seeds` counts from seed 0 (5, or 2 where it is quick, unless the experiment has numbers
    of its own); `data` is a folder of files for experiments that need some; `settings` are options of the experiment,
    as `{"experiment.steps": 150}`; `say` takes lines of progress. Written are NAME.h5 (sealed), NAME.md, NAME.json and
    one picture a file, in the `format` png or svg; an earlier reproduction there is replaced. Raises UnknownName,
    UsageError, FileMissing, NotWritable, NotARun or RunDamaged where another file stands in the place, errors of
    plugins, and whatever the experiment's own fits raise.
    """
    from ..runs import Reproduction
    from ..runs.schema import FINDINGS
    from ..runs.sealed import check_replaceable
    from .provenance import provenance

    plugins, registry = tuple(plugins), installed(plugins)
    entry = registry.entry("experiment", name)
    chosen = by_kind(dict(settings or {}), ["experiment"])["experiment"]
    options = registry.arguments("experiment", name, chosen)
    experiment = registry.make("experiment", name, chosen)
    lab = _lab(experiment, quick, seeds, data, say)
    folder = FOLDER / name if out is None else Path(out)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; a folder is wanted", help="-o FOLDER")
    check_replaceable(folder / f"{name}.h5", FINDINGS)  # refused now, not after half an hour
    began = time.monotonic()
    findings = _run(experiment, lab, entry)
    reproduction = Reproduction(
        findings=findings,
        config={
            "experiment": name,
            "title": entry.offer.summary,
            "source": entry.offer.source,
            "quick": lab.quick,
            "seeds": list(lab.seeds),
            "options": {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()},
            "data": None if lab.data is None else str(lab.data),
        },
        provenance=provenance({"experiment": _whose(entry)}, lab.seeds[0]),
        timings={"seconds": time.monotonic() - began},
    )
    return _kept(reproduction, folder, name, format)


def usual_seeds(experiment: Any, quick: bool, data: Path | None) -> int:
    """How many seeds an experiment takes unless told."""
    own = getattr(experiment, "usual_seeds", None)
    return int(own(quick, data)) if own else QUICK_SEEDS if quick else SEEDS


def _lab(
    experiment: Any, quick: bool, seeds: int | None, data: str | Path | None, say: Callable[[str], None] | None
) -> Lab:
    folder = None if data is None else Path(data)
    if folder is not None and not folder.is_dir():
        raise FileMissing("there is no such folder", help="--data FOLDER", where=Where(str(folder)))
    count = usual_seeds(experiment, quick, folder) if seeds is None else seeds
    if count < 1:
        raise UsageError(f"{count} seeds were asked for", help="--seeds 5")
    lab = Lab(quick=quick, seeds=tuple(range(count)), data=folder)
    return lab if say is None else replace(lab, say=say)


def _run(experiment: Any, lab: Lab, entry: Listed) -> Findings:
    """What it finds; a stranger's failure is named as theirs."""
    name = f'experiment "{entry.name}" of {entry.distribution}'
    if not isinstance(experiment, Experiment):
        raise ContractBroken(f"{name} has no run(lab)", help="see workbench.contracts.Experiment")
    try:
        with one_thread(torch_is_used=True):  # findings are alike everywhere, and times compare
            findings = experiment.run(lab)
    except WorkbenchError:
        raise
    except Exception as reason:
        said = " ".join(str(reason).split())
        raise ExperimentFailed(
            f"{name} failed: {type(reason).__name__}: {said}",
            help=f"please report it to {entry.distribution}; --quick and other --seeds may go through",
        ) from reason
    if not isinstance(findings, Findings):
        raise ContractBroken(
            f"{name} returned {type(findings).__name__}", help="it returns workbench.findings.Findings"
        )
    return findings


def _whose(entry: Listed) -> dict[str, Any]:
    return {"name": entry.name, "plugin": entry.plugin, "distribution": entry.distribution, "version": entry.version}


def _kept(reproduction: Reproduction, folder: Path, name: str, format: Format) -> Reproduced:
    from .findings_json import as_json, findings_document
    from .findings_page import page
    from .findings_pictures import drawn

    path = reproduction.write(folder / f"{name}.h5")
    stored = replace(reproduction, path=path)
    pictures = [drawn(picture, folder / f"{picture.name}.{format}") for picture in stored.findings.pictures]
    read = written(folder / f"{name}.md", page(stored, [picture.name for picture in pictures]))
    told = written(folder / f"{name}.json", as_json(findings_document(stored)))
    return Reproduced(stored, folder, (path, read, told, *pictures))
