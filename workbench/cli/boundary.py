"""The error boundary: whatever happens inside a command becomes one line and an exit status."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType

import click

from ..errors.base import WorkbenchError
from ..errors.nearest import did_you_mean
from ..errors.store import StoreError
from ..errors.usage import UsageError

INTERNAL = 70
BROKEN_PIPE = 141  # 128 + SIGPIPE, as any other tool in a pipe
FILE_ERRNOS = frozenset(
    getattr(errno, name)
    for name in (
        *("EACCES", "EPERM", "ENOENT", "ENOTDIR", "EISDIR", "EEXIST", "EROFS"),
        *("ENOSPC", "EDQUOT", "EIO", "ENAMETOOLONG", "EMFILE", "EFBIG"),
    )
    if hasattr(errno, name)
)
"""What the operating system may answer about a path: the user can mend it, it is no fault of ours."""

WRITE_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})
"""What it may answer to writing where there is a path no more."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: handled wherever Ctrl-C is, so that a checkpoint is kept for both."""


def guarded(command: Callable[[], object], words: Sequence[str]) -> int:
    """Run `command`, write what went wrong as one line to standard error, and give back the exit status.

    With `--json` among `words` an error is also one JSON document on standard output.
    """
    with_json = "--json" in words
    previous = signal.getsignal(signal.SIGTERM)
    try:
        signal.signal(signal.SIGTERM, _terminate)
    except ValueError:  # not in the main thread: signals are somebody else's
        previous = None
    try:
        command()
        sys.stdout.flush()
        return 0
    except click.exceptions.Exit as finished:
        return finished.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        return _report(_as_usage_error(error), with_json)
    except KeyboardInterrupt as error:
        return 128 + (signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT)
    except WorkbenchError as error:
        return _report(error, with_json)
    except BrokenPipeError:
        return _quiet()
    except OSError as error:
        if error.errno in FILE_ERRNOS and error.filename is not None:
            return _report(_as_store_error(error), with_json)
        if error.errno in WRITE_ERRNOS:  # and no file is named: it is our own output that cannot be written
            return _unheard(error)
        return _our_fault(error, with_json)
    except Exception as error:  # a bug of ours: the user gets one line, the log file the traceback
        return _our_fault(error, with_json)
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _report(error: WorkbenchError, with_json: bool) -> int:
    click.echo(str(error), err=True)
    if with_json:
        click.echo(json.dumps({"error": error.as_json()}, allow_nan=False))
    return error.exit_code


def _as_usage_error(error: click.ClickException) -> UsageError:
    """click's own complaint in our form; of its guesses of what was meant the nearest becomes the help."""
    message = " ".join(error.message.split()).rstrip(".")
    if isinstance(error, (click.NoSuchOption, click.NoSuchCommand)):
        typed = error.option_name if isinstance(error, click.NoSuchOption) else error.command_name
        return UsageError(message, help=did_you_mean(typed, error.possibilities or ()) or _help_of(error))
    return UsageError(" ".join(error.format_message().split()).rstrip("."), help=_help_of(error))


def _help_of(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'workbench'} --help"


def _as_store_error(error: OSError) -> StoreError:
    return StoreError(
        f"{os.fsdecode(error.filename)}: {error.strerror}", help="check the path, its permissions and space"
    )


def _quiet() -> int:
    """Whoever read our output has left; what is still in the buffer goes nowhere, without a complaint at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _unheard(error: OSError) -> int:
    """Standard output is a file on a full disk: say so once, and drop what is still in the buffer."""
    wrong = f"standard output: {error.strerror}"
    click.echo(str(StoreError(wrong, help="make room, or print to another place")), err=True)
    _quiet()
    return StoreError(wrong).exit_code


def _our_fault(error: BaseException, with_json: bool) -> int:
    from .crash import write_log

    text = " ".join(str(error).split())
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    path = write_log(error)
    click.echo(f"internal error: {message}; help: this is a fault of the workbench; please report {path}", err=True)
    if with_json:
        document = {"error": {"code": "internal", "message": message, "help": f"please report {path}", "where": None}}
        click.echo(json.dumps(document, allow_nan=False))
    return INTERNAL
