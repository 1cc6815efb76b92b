"""Rendering a slot: all contributions at once, in order, under one deadline, each failure by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from plughost.model.event import Emit
from plughost.registry.contribution import Contribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What one contribution gave; JSON content is plain values."""

    plugin: str
    version: str
    content: object
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why one contribution gave nothing."""

    plugin: str
    version: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A slot as far as it could be rendered, in order."""

    slot: str
    items: tuple[Item, ...] = ()
    errors: tuple[Failure, ...] = ()


async def render(
    slot: str,
    contributions: Sequence[Contribution],
    props: Mapping[str, object],
    *,
    deadline: float,
    emit: Emit,
    natural: Callable[[str], str] = str,
) -> Rendered:
    """The contributions' contents, in order; those that failed or were not there after `deadline` seconds are in `errors`.

    `natural` takes private module names out of what plugins say.
    """
    raise NotImplementedError


def to_html(rendered: Rendered) -> str:
    """The fragments, joined: HTML as it is, everything else escaped, a failure as a comment with its code."""
    raise NotImplementedError
