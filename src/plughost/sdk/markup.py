"""Text that is HTML already; whatever is put into it is escaped unless it is HTML, too."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from string import Formatter
from typing import Any, Self, SupportsIndex


class Html(str):
    """A fragment of HTML; understood by MarkupSafe and Jinja through `__html__`."""

    __slots__ = ()

    def __html__(self) -> Self:
        return self  # and not a plain string, which MarkupSafe's `format` would escape

    def __add__(self, other: object) -> Html:
        return Html(str.__add__(self, escape(other))) if isinstance(other, str) or hasattr(other, "__html__") else NotImplemented

    def __radd__(self, other: object) -> Html:
        return Html(escape(other) + str.__str__(self)) if isinstance(other, str) or hasattr(other, "__html__") else NotImplemented

    def __mul__(self, count: SupportsIndex) -> Html:
        return Html(str.__mul__(self, count))

    __rmul__ = __mul__

    def __mod__(self, values: Any) -> Html:
        if isinstance(values, tuple):
            return Html(str.__mod__(self, tuple(map(_Escaped, values))))
        return Html(str.__mod__(self, _EscapedMapping(values) if isinstance(values, Mapping) else (_Escaped(values),)))

    def format(self, *values: object, **named: object) -> Html:
        """As `str.format`, with every value escaped that is not HTML."""
        return Html(_Escaping().vformat(str.__str__(self), values, named))

    def format_map(self, mapping: Any) -> Html:
        """As `str.format_map`, likewise."""
        return Html(_Escaping().vformat(str.__str__(self), (), mapping))

    def join(self, parts: Iterable[object]) -> Html:
        """As `str.join`, with every part escaped that is not HTML."""
        return Html(str.join(self, map(escape, parts)))

    @classmethod
    def escape(cls, value: object) -> Self:
        """The value as HTML."""
        return cls(escape(value))


def escape(value: object) -> str:
    """HTML as it is, anything else as escaped text."""
    return str(value.__html__()) if hasattr(value, "__html__") else html.escape(str(value))


class _Escaping(Formatter):
    """Formats first and escapes then, so that format specifications work."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if not hasattr(value, "__html__"):
            return html.escape(str(super().format_field(value, format_spec)))
        if format_spec:
            raise ValueError(f"{format_spec!r} would cut or pad HTML; format the text first, then make it HTML")
        return escape(value)


class _Escaped:
    """A value for `%`: its text is escaped, a number stays a number."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return escape(self._value)

    def __repr__(self) -> str:
        return html.escape(repr(self._value))

    def __int__(self) -> int:
        return int(self._value)  # type: ignore[call-overload, no-any-return]  # raises as the value does

    def __float__(self) -> float:
        return float(self._value)  # type: ignore[arg-type]  # raises as the value does


class _EscapedMapping(_Escaped):
    """Values by name; or, where the template has no names, all of them as one text."""

    def __getitem__(self, name: str) -> _Escaped:
        return _Escaped(self._value[name])  # type: ignore[index]  # a mapping
