"""Where each key of a TOML text stands: tomllib checks and reads, this finds the lines for messages."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

from workbench.errors import Where

Key = tuple[str | int, ...]

BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
BARE = re.compile(r"[A-Za-z0-9_-]+")
QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'")
LONG = re.compile(r'"""(?:[^\\]|\\[\s\S])*?"""(?!")' + r"|'''[\s\S]*?'''(?!')")
PLAIN = re.compile(r"[^,\]}\n#]*")  # a number, a date, true or false


class Places:
    """The places of all keys and array elements in a text that tomllib has accepted.

    >>> places = Places("a.toml", "x = 1\\n[states.y]\\ninitial = { value = 'k' }\\n")
    >>> str(places.key(("states", "y", "initial", "value"))), str(places.content(("states", "y", "initial", "value")))
    ('a.toml:3', 'a.toml:3:22')
    """

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self._text = text.replace("\r\n", "\n")
        self._breaks = [match.start() for match in re.finditer("\n", self._text)]
        self._keys: dict[Key, int] = {}
        self._contents: dict[Key, int] = {}  # of strings: the offset of their first character
        self._at = 0
        self._document()

    def key(self, path: Key) -> Where:
        """The line of a key, or of the nearest one around it."""
        for n in range(len(path), 0, -1):
            if path[:n] in self._keys:
                return Where(self.file, self._line(self._keys[path[:n]]))
        return Where(self.file)

    def content(self, path: Key) -> Where:
        """Line and column where the text of a string value begins; the key's line for any other value."""
        offset = self._contents.get(path)
        if offset is None:
            return self.key(path)
        line = self._line(offset)
        return Where(self.file, line, offset - ([-1, *self._breaks][line - 1]))

    def formula(self, path: Key) -> Where:
        """Where a formula's text begins, whether its key holds it or a table with `formula` or `value` does."""
        for candidate in (path, (*path, "formula"), (*path, "value")):
            if candidate in self._contents:
                return self.content(candidate)
        return self.key(path)

    def known(self) -> tuple[Key, ...]:
        """Every path that has a place."""
        return tuple(self._keys)

    def _line(self, offset: int) -> int:
        return bisect_right(self._breaks, offset - 1) + 1

    def _skip(self, pattern: re.Pattern[str] = BLANK) -> str:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return match.group() if match else ""

    def _more(self, end: str) -> bool:
        """Whether something stands here before the end, past blanks, comments and a comma."""
        self._skip()
        if end and self._text[self._at] == ",":
            self._at += 1
            self._skip()
        return self._at < len(self._text) and self._text[self._at] != end

    def _document(self) -> None:
        table: Key = ()
        counts: dict[Key, int] = {}
        while self._more(""):
            start = self._at
            if self._text[start] == "[":
                several = self._text.startswith("[[", start)
                self._at += 1 + several
                table = self._inside_arrays(self._name(), counts)
                self._at += 1 + several
                if several:
                    counts[table] = counts.get(table, -1) + 1
                    table = (*table, counts[table])
                self._record(table, start)
            else:
                self._pair(table)

    def _inside_arrays(self, path: Key, counts: dict[Key, int]) -> Key:
        """A header's path with the number of the current element put in for each array of tables on its way."""
        found: Key = ()
        for n, part in enumerate(path, 1):
            found = (*found, part)
            if n < len(path) and found in counts:
                found = (*found, counts[found])
        return found

    def _record(self, path: Key, start: int) -> None:
        for n in range(1, len(path) + 1):
            self._keys.setdefault(path[:n], start)

    def _pair(self, table: Key) -> None:
        start = self._at
        path = table + self._name()
        self._record(path, start)
        self._at += 1  # the equals sign
        self._value(path)

    def _name(self) -> Key:
        parts: list[str] = []
        while True:
            self._skip()
            bare = self._skip(BARE)
            parts.append(bare or tomllib.loads(f"k = {self._skip(QUOTED)}")["k"])
            self._skip()
            if self._text[self._at] != ".":
                return tuple(parts)
            self._at += 1

    def _value(self, path: Key) -> None:
        self._skip()
        start, first = self._at, self._text[self._at]
        if long := self._skip(LONG):
            self._contents[path] = start + 3 + long[3:].startswith("\n")
        elif self._skip(QUOTED):
            self._contents[path] = start + 1
        elif first == "[":
            self._elements(path)
        elif first == "{":
            self._inline(path)
        else:
            self._skip(PLAIN)

    def _elements(self, path: Key) -> None:
        self._at += 1
        number = 0
        while self._more("]"):
            self._keys[(*path, number)] = self._at
            self._value((*path, number))
            number += 1
        self._at += 1

    def _inline(self, path: Key) -> None:
        self._at += 1
        while self._more("}"):
            self._pair(path)
        self._at += 1
