"""`{{ slot("name", user=user) }}` in a Jinja template, with nothing to await, in synchronous and asynchronous endpoints alike.

Rendering a template leaves a mark for each slot; sending the response renders all slots of the page at once, concurrently,
and puts them where the marks are. A mark is random for each call, so that no plugin and no user can forge one, and it is
looked for only in the template's own output, before anything a plugin said is in the page.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

from markupsafe import Markup
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.templating import Jinja2Templates, _TemplateResponse

from plughost.errors import PlughostError
from plughost.registry import Rendered, to_html
from plughost.types import ASGIScope, Receive, Send

Render = Callable[[str, Mapping[str, object]], Awaitable[Rendered]]
Marks = dict[str, tuple[str, Mapping[str, object]]]

_marks: ContextVar[Marks | None] = ContextVar("marks of the page being rendered", default=None)
_MARK = re.compile(r"<!--slot [0-9a-f]{32}-->")


class Templates(Jinja2Templates):
    """Starlette's templates with `slot(name, **props)` as a global; autoescaping is on."""

    def __init__(self, render: Render, directory: Any = None, **options: Any) -> None:
        super().__init__(directory=directory, **options)
        self._render = render
        self.env.globals["slot"] = slot

    def TemplateResponse(  # noqa: N802 - Starlette's name
        self,
        request: Request,
        name: str,
        context: Mapping[str, Any] | None = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
    ) -> Page:
        """The page; its slots are rendered when it is sent."""
        given: dict[str, Any] = {"request": request, **(context or {})}
        for processor in self.context_processors:
            given |= processor(request)
        return Page(self._render, self.get_template(name), given, status_code, headers, media_type, background)


class Page(_TemplateResponse):
    """A template response that fills its marks when it is sent."""

    def __init__(self, render: Render, *arguments: Any) -> None:
        self._render, self._found = render, Marks()
        token = _marks.set(self._found)
        try:
            super().__init__(*arguments)
        finally:
            _marks.reset(token)

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Render all slots side by side, put them in place, send."""
        if self._found:
            texts = await asyncio.gather(*(self._text(name, props) for name, props in self._found.values()))
            filled = dict(zip(self._found, texts, strict=True))
            page = bytes(self.body).decode(self.charset)
            self.body = _MARK.sub(lambda mark: filled.get(mark[0], mark[0]), page).encode(self.charset)
            self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)

    async def _text(self, slot: str, props: Mapping[str, object]) -> str:
        try:
            return to_html(await self._render(slot, props))
        except PlughostError as error:
            return f"<!-- slot {Markup.escape(slot)}: {error.code} -->"


def slot(name: str, /, **props: object) -> Markup:
    """A mark where the slot's fragments will be."""
    marks = _marks.get()
    if marks is None:
        raise RuntimeError("slot() works in a template that is sent by the host's templates.TemplateResponse")
    mark = f"<!--slot {secrets.token_hex(16)}-->"
    marks[mark] = (name, props)
    return Markup(mark)  # noqa: S704 - made of hexadecimal digits
