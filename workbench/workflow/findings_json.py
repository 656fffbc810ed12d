"""What an experiment found as one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..runs import Reproduction


def findings_document(reproduction: Reproduction) -> dict[str, Any]:
    """The document `workbench/reproduce/1` of a reproduction; the curves of the pictures are in the run file."""
    findings, path = reproduction.findings, reproduction.path
    return {
        "schema": "workbench/reproduce/1",
        **reproduction.config,
        "run": None if path is None else str(path),
        "run_id": reproduction.run_id,
        "seconds": reproduction.timings.get("seconds"),
        "tables": [asdict(table) for table in findings.tables],
        "claims": [asdict(claim) | {"verdict": claim.verdict} for claim in findings.claims],
        "notes": list(findings.notes),
        "sources": list(findings.sources),
        "pictures": [picture.name for picture in findings.pictures],
    }


def as_json(about: dict[str, Any]) -> str:
    """The document as text; a number that is not finite is null."""
    from ..runs.documents import encode

    return json.dumps(json.loads(encode(about, "findings")), ensure_ascii=False, indent=2) + "\n"
