"""Write docs/reproduce/: what experiments found on this machine, each page under the words that stand there by hand.

    python docs/reproduced.py resnet-euler              the full form, run now
    python docs/reproduced.py --from FOLDER NAME        from what `workbench reproduce NAME -o FOLDER` has kept

A page keeps all that stands above its mark; below it come the tables, claims, pictures and notes, the pictures as
SVG files beside the page.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import workbench as wb
from workbench.registry import installed
from workbench.runs import Reproduction
from workbench.workflow.findings_page import page
from workbench.workflow.findings_pictures import drawn
from workbench.workflow.reproducing import usual_seeds

FOLDER = Path(__file__).parent / "reproduce"
MARK = "<!-- below: python docs/reproduced.py {name} -->"


def write(found: Reproduction) -> Path:
    """The page of an experiment with its pictures; the machine and the seconds are said."""
    name, mark = found.name, MARK.format(name=found.name)
    file = FOLDER / f"{name}.md"
    pictures = [drawn(picture, FOLDER / f"{name}-{picture.name}.svg").name for picture in found.findings.pictures]
    head, _, body = page(found, pictures).partition("\n\n")
    by_hand = file.read_text(encoding="utf-8").partition(mark)[0].rstrip() if file.exists() else head
    machine = f"{found.provenance['processors']} cores, {found.timings['seconds']:.0f} s in all"
    experiment = installed().make("experiment", name, found.config["options"])
    count, usual = len(found.config["seeds"]), usual_seeds(experiment, found.config["quick"], found.config["data"])
    flags = (" --quick" if found.config["quick"] else "") + (f" --seeds {count}" if count != usual else "")
    command = f"`workbench reproduce {name}{flags}`, {machine}."
    FOLDER.mkdir(exist_ok=True)
    file.write_text(f"{by_hand}\n\n{mark}\n\n{command} {body}", encoding="utf-8")
    return file


def main() -> None:
    """Run what is named, or take it from a folder, and write the pages."""
    parser = argparse.ArgumentParser(description="Write docs/reproduce/NAME.md.")
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--from", dest="kept", type=Path, metavar="FOLDER", help="the folder of a reproduction")
    asked = parser.parse_args()
    for name in asked.names:
        if asked.kept is not None:
            found = Reproduction.open(asked.kept / f"{name}.h5")
        else:
            found = wb.reproduce(name).reproduction
        sys.stdout.write(f"{write(found)}\n")


if __name__ == "__main__":
    main()
