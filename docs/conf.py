"""Sphinx: these pages as HTML. `nox -s docs` builds them, every warning an error."""

from importlib.metadata import version as installed

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
