"""HTML and SVG as trees in which every text is escaped: no text of a run can become markup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

Node = "Element | str | None"
VOID = ("meta", "line", "rect", "circle", "path")
"""Elements that hold nothing here; they are closed in themselves, which HTML's SVG and XML both read."""


@dataclass(frozen=True)
class Element:
    """A name, attributes and children; texts among the children are data and are escaped when written."""

    name: str
    attributes: tuple[tuple[str, str], ...]
    children: tuple[Element | str, ...]

    def __str__(self) -> str:
        return "".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        said = "".join(f' {key}="{escape(value, quote=True)}"' for key, value in self.attributes)
        if self.name in VOID:
            yield f"<{self.name}{said}/>"
            return
        yield f"<{self.name}{said}>"
        for child in self.children:
            if isinstance(child, str):
                yield escape(readable(child), quote=False)
            else:
                yield from child._pieces()
        yield f"</{self.name}>"


def tag(name: str, /, *children: Element | str | None, **attributes: str | float | None) -> Element:
    """An element; `class_` is the attribute class, `_` in other names is `-`, None leaves a child or attribute out.

    >>> print(tag("p", "a < b", class_="note"))
    <p class="note">a &lt; b</p>
    """
    written = tuple(
        ("class" if key == "class_" else key.replace("_", "-"), _value(value))
        for key, value in attributes.items()
        if value is not None
    )
    return Element(name, written, tuple(child for child in children if child is not None))


def _value(value: str | float) -> str:
    """Coordinates to a tenth, text as it is."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else readable(str(value))


def readable(text: str) -> str:
    """A text without characters that no document may hold."""
    return "".join(sign if _sound(sign) else "�" for sign in text)


def _sound(sign: str) -> bool:
    return sign in "\n\t" or (sign >= " " and not 0xD800 <= ord(sign) <= 0xDFFF)
