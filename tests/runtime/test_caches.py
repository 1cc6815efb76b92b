"""The private caches of FastAPI that have to be emptied are still the ones we know."""

from __future__ import annotations

import gc
import sys
import weakref
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI

from plughost.runtime import caches


@pytest.mark.parametrize(("module", "names"), caches.FUNCTIONS.items(), ids=lambda it: getattr(it, "__name__", ""))
def test_the_cached_functions_are_still_there(module: ModuleType, names: tuple[str, ...]) -> None:
    assert [name for name in names if not callable(getattr(getattr(module, name, None), "cache_clear", None))] == []


@pytest.mark.parametrize(("module", "names"), caches.DICTS.items(), ids=lambda it: getattr(it, "__name__", ""))
def test_the_dicts_are_still_there(module: ModuleType, names: tuple[str, ...]) -> None:
    assert [name for name in names if not isinstance(getattr(module, name, None), dict)] == []


def test_no_other_cache_of_fastapis_holds_what_it_was_called_with() -> None:
    """A new one has to be looked at: does it hold endpoints or models?"""
    known = {getattr(module, name) for module, names in caches.FUNCTIONS.items() for name in names}
    found = {
        value
        for name, module in list(sys.modules.items())
        if name.startswith("fastapi")
        for value in list(vars(module).values())
        if hasattr(value, "cache_clear") and getattr(value, "__module__", "").startswith("fastapi")
    }
    assert found - known == set()


async def test_forgetting_lets_go_of_a_used_endpoint() -> None:
    async def used() -> weakref.ref[Any]:
        def dependency() -> int:
            return 1

        async def endpoint(n: int = Depends(dependency)) -> int:
            return n

        router = APIRouter()
        router.get("/")(endpoint)
        app = FastAPI()
        app.include_router(router)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://example.com") as client:
            assert (await client.get("/")).json() == 1
        return weakref.ref(endpoint)

    reference = await used()
    caches.forget()
    gc.collect()
    assert reference() is None
