"""Runs a unit here: from an entry object to an ASGI app, contributions and a probe, as an async context manager.

The one room that knows FastAPI for plugins. It is given a site and a decision about sharing, and knows nothing of operations,
tables or the network. Reading order: unit, entry, forms, inprocess; thread and tasks for where plugin code runs.
"""

from __future__ import annotations

from plughost.runtime.inprocess import InProcess
from plughost.runtime.tasks import contain_tasks
from plughost.runtime.unit import Deadlines, Unit

__all__ = ["Deadlines", "InProcess", "Unit", "contain_tasks"]
