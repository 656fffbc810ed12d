"""Where keys stand in a TOML text: every one that tomllib reads is found again."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Iterator

import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import problems as wrong
from workbench.problem import read_problem
from workbench.problem.places import Places

KEYS = st.text(alphabet="abé[]{}#=\"'., \\\t", min_size=1, max_size=5)
LEAVES = st.integers() | st.booleans() | st.text(alphabet="ab\n\"'\\#[]{}=, ", max_size=12) | st.dates()
NESTED = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
TABLES = st.dictionaries(KEYS, NESTED, max_size=5)


@settings(deadline=None)  # the first call imports SymPy
@given(table=TABLES, long=st.booleans())
def test_every_key_that_tomllib_reads_has_a_place_where_its_value_begins(table: dict, long: bool) -> None:
    text = tomli_w.dumps(table, multiline_strings=long)
    places = Places("f", text)
    lines = text.split("\n")
    for path, value in _leaves(tomllib.loads(text)):
        assert path in places.known()
        where = places.content(path)
        assert where.line is not None
        if isinstance(value, str) and value and value[0] not in '\n"\\':
            assert where.column is not None
            assert lines[where.line - 1][where.column - 1] == value[0]


def _leaves(value: object, path: tuple = ()) -> Iterator[tuple[tuple, object]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _leaves(each, (*path, key))
    if path and not isinstance(value, dict | list):
        yield path, value


@settings(deadline=None)  # the first call imports SymPy
@given(text=st.text(alphabet="[]{}=\"'#.,\n abx01-", max_size=60))
def test_no_text_at_all_makes_more_than_an_error_for_the_user(text: str) -> None:
    with contextlib.suppress(wrong.ProblemFileWrong):
        read_problem("\n" + text)
