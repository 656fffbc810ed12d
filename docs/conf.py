"""Sphinx: these pages as HTML. `nox -s docs` builds them, every warning an error."""

import subprocess
import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

project = "workbench"
author = "The workbench developers"
copyright = "The workbench developers, Apache-2.0"
release = version = installed("dynamics-workbench")

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"workbench {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]


def draw(app: Any) -> None:
    """The figures of work against precision, the tables beside the peers and the picture of each system.

    The first are drawn from the measurements beside the pages, the last by solving the systems.
    """
    docs = Path(__file__).parent
    script, rows = docs.parent / "benchmarks" / "work_precision.py", docs / "work_precision.json"
    subprocess.run([sys.executable, script, "--draw", rows, "--out", docs / "figures"], check=True)
    scaling = [docs.parent / "benchmarks" / "scaling.py", "--draw", docs / "scaling.json", "--out", docs / "figures"]
    subprocess.run([sys.executable, *scaling], check=True)
    drawn = ["--read", docs / "benchmarks.json", "--page", docs / "figures" / "benchmarks.txt"]
    subprocess.run([sys.executable, "-m", "benchmarks.speed", *drawn], cwd=docs.parent, check=True)
    subprocess.run([sys.executable, docs / "systems.py", docs / "figures" / "systems"], check=True)


def setup(app: Any) -> None:
    """Sphinx calls this once."""
    app.connect("builder-inited", draw)
