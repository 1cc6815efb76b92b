"""The end of a process that has to end: a thread that is there from the start, and ends it when every deadline has passed."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

logger = logging.getLogger(__name__)
_LAST = 1.0
"""Seconds for the last words."""


class LastResort:
    """Ends the process with status 0 so many seconds after `begin`, whatever it is doing then.

    Both threads are there from the start: an interpreter that shuts down starts none any more.
    """

    def __init__(self, seconds: float, last: Callable[[], None]) -> None:
        self._seconds, self._last = seconds, last
        self._begun: SimpleQueue[None] = SimpleQueue()
        self._over: SimpleQueue[None] = SimpleQueue()
        # What is said and called last may wait for the very thing that hangs, so the end does not depend on it.
        self._words = threading.Thread(target=self._say, name="plughost last words", daemon=True)
        self._words.start()
        threading.Thread(target=self._wait, name="plughost end", daemon=True).start()

    def begin(self) -> None:
        """From now on the time runs.

        A signal handler calls this, in the middle of whatever it interrupts. The queue is made for that: its `put` may be
        entered twice, while starting a thread could wait for a lock which the interrupted code holds.
        """
        self._begun.put(None)

    def _wait(self) -> None:
        self._begun.get()
        time.sleep(self._seconds)
        self._over.put(None)
        self._words.join(_LAST)
        os._exit(0)

    def _say(self) -> None:
        self._over.get()
        with contextlib.suppress(Exception):  # nothing keeps the process
            self._last()
        logger.error("something did not end within its deadlines; the process ends all the same")
        logging.shutdown()
