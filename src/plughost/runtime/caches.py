"""FastAPI's caches that keep a closed plugin's endpoints alive. Their names are private: a test watches that they are still there."""

from __future__ import annotations

import fastapi.dependencies.models
import fastapi.dependencies.utils
import fastapi.routing

FUNCTIONS = {
    fastapi.dependencies.models: ("_is_gen_callable_cached", "_is_async_gen_callable_cached", "_is_coroutine_callable_cached"),
    fastapi.dependencies.utils: ("get_cached_model_fields",),
}
"""lru_caches by callable."""
DICTS = {fastapi.routing: ("_endpoint_context_cache",)}
"""Dicts by the id of an endpoint, which another one may have later."""


def forget() -> None:
    """Empty them; what is still in use is cached again when it is used."""
    for module, names in FUNCTIONS.items():
        for name in names:
            if (cached := getattr(module, name, None)) is not None:
                cached.cache_clear()
    for module, names in DICTS.items():
        for name in names:
            getattr(module, name, {}).clear()
