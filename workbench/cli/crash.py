"""The log file of a fault of ours: the only place where a traceback goes."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
import traceback
from pathlib import Path


def write_log(error: BaseException) -> Path:
    """Write the traceback, the command and the versions to the user's log folder; the path of the file."""
    name = time.strftime(f"workbench-%Y%m%d-%H%M%S-{os.getpid()}.log")
    text = "".join(
        [
            f"command: {sys.argv}\n",
            f"python: {sys.version}\n",
            f"platform: {platform.platform()}\n",
            *traceback.format_exception(error),
        ]
    )
    for folder in (_log_folder(), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / name
            path.write_text(text, encoding="utf-8")
        except OSError:  # a full disk or a read-only home: the next folder
            continue
        return path
    return Path(os.devnull)


def _log_folder() -> Path:
    from platformdirs import user_log_path

    return user_log_path("workbench")
