"""Write docs/reproduce/: what experiments found on this machine, each page under the words that stand there by hand.

    python docs/reproduced.py resnet-euler              the full form, run now
    python docs/reproduced.py --quick resnet-euler      the quick form, as a section at the end of the page
    python docs/reproduced.py --from FOLDER NAME        from what `workbench reproduce NAME -o FOLDER` has kept

A page keeps all that stands above its mark; below it come the tables, claims, pictures and notes of the full form, the
pictures as SVG files beside the page, and below another mark the tables and claims of the quick form.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import workbench as wb
from workbench.registry import installed
from workbench.runs import Reproduction
from workbench.workflow.findings_page import page
from workbench.workflow.findings_pictures import drawn
from workbench.workflow.reproducing import usual_seeds

FOLDER = Path(__file__).parent / "reproduce"
MARK = "<!-- below: python docs/reproduced.py {name} -->"
QUICK_MARK = "<!-- below: python docs/reproduced.py --quick {name} -->"


def write(found: Reproduction) -> Path:
    """The page of an experiment with its pictures; the machine and the seconds are said."""
    name, mark, quick_mark = found.name, MARK.format(name=found.name), QUICK_MARK.format(name=found.name)
    file = FOLDER / f"{name}.md"
    by_hand, _, made = file.read_text(encoding="utf-8").partition(mark) if file.exists() else ("", "", "")
    full, _, quick = made.partition(quick_mark)
    machine = f"{found.provenance['processors']} cores, {found.timings['seconds']:.0f} s in all"
    experiment = installed().make("experiment", name, found.config["options"])
    count, usual = len(found.config["seeds"]), usual_seeds(experiment, found.config["quick"], found.config["data"])
    flags = (" --quick" if found.config["quick"] else "") + (f" --seeds {count}" if count != usual else "")
    command = f"`workbench reproduce {name}{flags}`, {machine}."
    FOLDER.mkdir(exist_ok=True)
    if found.config["quick"]:
        body = page(replace(found, findings=replace(found.findings, pictures=(), notes=(), sources=())), [])
        tables = body[body.index("\n## ") :].partition("\n## Sources")[0].replace("\n## ", "\n### ")
        quick = f"\n\n## The quick form\n\n{command}\n{tables}"
    else:
        pictures = [drawn(picture, FOLDER / f"{name}-{picture.name}.svg").name for picture in found.findings.pictures]
        head, _, body = page(found, pictures).partition("\n\n")
        by_hand, full = by_hand or head, f"\n\n{command} {body}"
    parts = [f"{by_hand.rstrip()}\n\n{mark}{full.rstrip()}", *([f"{quick_mark}{quick.rstrip()}"] if quick else [])]
    file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return file


def main() -> None:
    """Run what is named, or take it from a folder, and write the pages."""
    parser = argparse.ArgumentParser(description="Write docs/reproduce/NAME.md.")
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="the quick form")
    parser.add_argument("--from", dest="kept", type=Path, metavar="FOLDER", help="the folder of a reproduction")
    asked = parser.parse_args()
    for name in asked.names:
        if asked.kept is not None:
            found = Reproduction.open(asked.kept / f"{name}.h5")
        else:
            found = wb.reproduce(name, quick=asked.quick).reproduction
        sys.stdout.write(f"{write(found)}\n")


if __name__ == "__main__":
    main()
