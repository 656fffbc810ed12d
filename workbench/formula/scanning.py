"""Text → words: what a formula is written with, checked for grammar and size before anything is built.

After `scan`, operands and operators alternate, parentheses close, commas stand in calls and nesting is bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from workbench.errors.problems import CharacterRefused, FormulaTooLarge, FormulaUnreadable

LONGEST, DEEPEST, LONGEST_NUMBER = 20_000, 100, 40  # bytes of a formula; nesting; characters of a number
MOST_OPERATORS = 2_000  # in one formula; Python's parser gives up at some 3,000 terms of a sum

_WORD = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<operator>\*\*|[-+*/^(),])"
)

_MEANT = {  # what people type that is not of the language, and what they mean by it
    "=<>": "where(c, a, b) is a where c > 0, else b",
    "!": "lgamma(n + 1) is the logarithm of n!",
    "[]{}": "write parentheses",
    "%": "x - m*floor(x/m) is x modulo m",
    "\u2212\u2013\u2010": "write the minus sign as -",
    "\u00b7\u00d7\u2217": "write the product as *",
    "\u00f7": "write the quotient as /",
    "\u00b2\u00b3": "write powers as ^2, ^3",
    "\u03c0": "write pi",
    ";": "arguments are separated by ','",
}


class Word(NamedTuple):
    """A word of a formula and the column (from 1) where it stands."""

    kind: Literal["number", "name", "operator", "end"]
    text: str
    column: int


def scan(text: str) -> list[Word]:
    """The words of `text`; raises FormulaUnreadable, CharacterRefused or FormulaTooLarge, each with its column."""
    words = split(text)
    _Grammar(text).check(words)
    return words


def split(text: str) -> list[Word]:
    """The words of `text`, whatever their order."""
    if len(text) > LONGEST:
        raise FormulaTooLarge(f"a formula of {len(text)} characters; {LONGEST} are allowed", text[:40], 1)
    words, position = [], 0
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            raise _refused_character(text, position)
        kind, found, column, position = match.lastgroup, match.group(), position + 1, match.end()
        if kind == "name" and "__" in found:
            message = f"{found[:40]!r} has a double underscore"
            raise CharacterRefused(message, text, column, help="rename it with single ones")
        if kind == "number" and len(found) > LONGEST_NUMBER:
            message = f"a number of {len(found)} characters; {LONGEST_NUMBER} are allowed"
            raise FormulaTooLarge(message, text, column, help="17 digits are all that a float64 can hold")
        if kind != "space":
            words.append(Word(kind, found, column))  # type: ignore[arg-type]  # the names of the groups are the kinds
    return words


def _refused_character(text: str, position: int) -> CharacterRefused:
    found = text[position]
    help = next((meant for characters, meant in _MEANT.items() if found in characters), "")
    if not help and not found.isascii() and found.isalpha():
        help = "names are spelled in ASCII letters, digits and _: alpha, beta, theta_1"
    help = help or "write numbers, names, functions and + - * / ^ ( ) alone"
    return CharacterRefused(f"{found!a} is not a character of formulas", text, position + 1, help=help)


@dataclass
class _Grammar:
    """Reads words in order: an operand is wanted, then an operator, then an operand …

    A level is an open parenthesis: [its word, whether it is a call, signs and powers pending in it].
    """

    text: str
    operand_wanted: bool = True
    levels: list[list] = field(default_factory=lambda: [[None, False, 0]])
    operators: int = 0

    def check(self, words: list[Word]) -> None:
        if not words:
            raise FormulaUnreadable("an empty formula", self.text, 1, help="write a number, 0 for instance")
        end = Word("end", "the end", len(self.text) + 1)
        for before, word, after in zip([end, *words], words, [*words[1:], end], strict=False):
            (self._operand if self.operand_wanted else self._operator)(before, word, after)
            self._bound(word)
        if self.operand_wanted:
            raise self._unexpected(end)
        if len(self.levels) > 1:
            raise FormulaUnreadable("this '(' is never closed", self.text, self.levels[-1][0].column)

    def _operand(self, before: Word, word: Word, after: Word) -> None:
        if word.kind != "operator":
            self.operand_wanted = False
        elif word.text == "(":
            self.levels.append([word, before.kind == "name", 0])
            self.operand_wanted = not (after.text == ")" and before.kind == "name")  # f() has no operand
        elif word.text in "+-":
            self.levels[-1][2] += 1
        else:
            raise self._unexpected(word)

    def _operator(self, before: Word, word: Word, after: Word) -> None:
        if word.text == ")":
            if len(self.levels) == 1:
                raise FormulaUnreadable("this ')' closes nothing", self.text, word.column)
            self.levels.pop()
        elif word.text == "(" and before.kind == "name":
            self._operand(before, word, after)
        elif word.kind != "operator" or word.text == "(":
            message = f"found {_shown(word)} where an operator was wanted"
            raise FormulaUnreadable(message, self.text, word.column, help="a product is written with *: 2*x, a*(b + c)")
        elif word.text == "," and not self.levels[-1][1]:
            raise FormulaUnreadable("found ',' outside a call", self.text, word.column, help="the decimal sign is '.'")
        else:
            self.operand_wanted = True
            self.operators += 1
            self.levels[-1][2] = self.levels[-1][2] + 1 if word.text in ("^", "**") else 0

    def _bound(self, word: Word) -> None:
        if len(self.levels) - 1 + sum(level[2] for level in self.levels) > DEEPEST:
            message = f"more than {DEEPEST} parentheses, signs or powers inside each other"
            raise FormulaTooLarge(message, self.text, word.column, help="name parts of it")
        if self.operators > MOST_OPERATORS:
            message = f"more than {MOST_OPERATORS} operators"
            raise FormulaTooLarge(message, self.text, word.column, help="name parts of it")

    def _unexpected(self, word: Word) -> FormulaUnreadable:
        message = f"found {_shown(word)} where a number, a name or '(' was wanted"
        return FormulaUnreadable(message, self.text, word.column)


def _shown(word: Word) -> str:
    return word.text if word.kind == "end" else repr(word.text[:40])
