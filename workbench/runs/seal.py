"""The seal: 512 bytes in front of an HDF5 file by which every later change of a byte is noticed.

    WBRUN1⏎{"sha256":"…","body":"…","size":…,"commit":…,"format_version":1,"run_id":"…","status":"…","about":{…}}⏎ ⋯ ⏎

`body` is the SHA-256 of every byte after the block. `sha256` is that of the block itself with its own 64 digits set to
zero, so that the block can be trusted for a list of runs without reading the rest. The block is padded with spaces and
ends in a newline; HDF5 calls it a user block and skips it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import Where
from ..errors.store import NewerFormat, NotARun, RunDamaged
from .documents import decode

BLOCK = 512
FORMAT_VERSION = 1
RUN_ID = re.compile(r"[0-9a-f]{16}")
STATUS = re.compile(r"[a-z_]{1,24}(\.[A-Z0-9]{1,8})?")  # converged, failed.N003
MAGIC = b"WBRUN1\n"
_DIGITS = slice(len(MAGIC) + len('{"sha256":"'), len(MAGIC) + len('{"sha256":"') + 64)
_MEND = "take it from a copy, or move it aside and fit again"


@dataclass(frozen=True)
class Seal:
    """What the first 512 bytes of a run file say about it."""

    size: int  # bytes of the whole file
    body: str  # SHA-256 of all that follows the block, 64 hexadecimal digits
    commit: int  # 1, 2, …
    run_id: str
    status: str
    about: Mapping[str, Any] = field(default_factory=dict)  # what a list of runs shows; shortened to fit
    format_version: int = FORMAT_VERSION

    def block(self) -> bytes:
        """The 512 bytes, `about` shortened until it fits."""
        about = dict(self.about)
        while len(block := self._unsigned(about)) > BLOCK:
            about.popitem()
        return _signed(block)

    def _unsigned(self, about: Mapping[str, Any]) -> bytes:
        fields = {
            "sha256": "0" * 64,
            "body": self.body,
            "size": self.size,
            "commit": self.commit,
            "format_version": self.format_version,
            "run_id": self.run_id,
            "status": self.status,
            "about": about,
        }
        line = MAGIC + json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        return line.ljust(BLOCK - 1) + b"\n" if len(line) < BLOCK else line


def digest(body: Any) -> str:
    """SHA-256 of the bytes after the block, as the seal holds it."""
    return hashlib.sha256(body).hexdigest()


def read_seal(block: bytes, file: str) -> Seal:
    """The seal in the first 512 bytes of a file, checked against itself.

    Raises NotARun (R003), RunDamaged (R002) and, for a sound seal of a later format, NewerFormat (R004).
    """
    where = Where(file)
    if not block.startswith(MAGIC):
        wrong = "no seal of a run file in its first bytes: it is something else, or damaged"
        raise NotARun(wrong, help="give another, of those in: workbench runs", where=where)
    if len(block) < BLOCK or _signed(block) != block:
        raise RunDamaged("its seal was changed after it was written; nothing was read", help=_MEND, where=where)
    try:
        fields = decode(block[len(MAGIC) :].decode("utf-8"))
        version = int(fields["format_version"])
        if version > FORMAT_VERSION:
            raise NewerFormat(
                f"written in format {version}; this workbench reads formats up to {FORMAT_VERSION}",
                help="update with: python -m pip install --upgrade dynamics-workbench",
                where=where,
            )
        del fields["sha256"]
        return _typed(Seal(**fields))
    except (ValueError, KeyError, TypeError, RecursionError) as reason:
        raise RunDamaged(f"its seal cannot be read ({reason}); nothing was read", help=_MEND, where=where) from reason


def verify_seal(data: bytes, file: str) -> Seal:
    """The seal of a whole file, checked against every byte of it; raises what `read_seal` raises."""
    seal = read_seal(data[:BLOCK], file)
    if seal.size != len(data):
        raise RunDamaged(f"{len(data)} bytes where its seal says {seal.size}", help=_MEND, where=Where(file))
    if digest(memoryview(data)[BLOCK:]) != seal.body:
        raise RunDamaged("does not match its seal; nothing was read", help=_MEND, where=Where(file))
    return seal


def _signed(block: bytes) -> bytes:
    """The block with its own digest put in."""
    zeroed = block[: _DIGITS.start] + b"0" * 64 + block[_DIGITS.stop :]
    return block[: _DIGITS.start] + digest(zeroed).encode() + block[_DIGITS.stop :]


def _typed(seal: Seal) -> Seal:
    numbers = all(type(value) is int and value >= 0 for value in (seal.size, seal.commit, seal.format_version))
    words = re.fullmatch(r"[0-9a-f]{64}", seal.body) and RUN_ID.fullmatch(seal.run_id) and STATUS.fullmatch(seal.status)
    about = all(isinstance(value, (int, float)) or str(value).isprintable() for value in dict(seal.about).values())
    if not (numbers and words and about):
        raise ValueError("a field is not what it should be")
    return seal
