"""The threads of sync renders: kept for the next slot, and not for ever."""

from __future__ import annotations

import functools
import gc
import queue
import threading
import weakref

from plughost.registry.lanes import MAX_IDLE, Threads

LONG = 60.0


def where(threads: Threads) -> threading.Thread:
    """The thread that a job runs in."""
    answer: queue.SimpleQueue[threading.Thread] = queue.SimpleQueue()
    threads.run(lambda: answer.put(threading.current_thread()))
    return answer.get(timeout=60)


def until_idle(threads: Threads, count: int) -> None:
    while len(threads._idle) < count:
        threading.Event().wait(0.001)


def test_a_thread_is_used_again() -> None:
    threads = Threads()
    first = where(threads)
    until_idle(threads, 1)

    assert where(threads) is first
    assert first.daemon


def test_jobs_that_wait_for_each_other_have_threads_of_their_own() -> None:
    threads, together = Threads(), threading.Barrier(3)

    def meet() -> None:
        together.wait(60)

    threads.run(meet)
    threads.run(meet)
    meet()


def test_an_idle_thread_ends_after_a_while() -> None:
    where(Threads(patience=0)).join(60)


def test_no_job_is_lost_between_two_ends() -> None:
    threads, done = Threads(patience=0), threading.Semaphore(0)
    for _ in range(2000):
        threads.run(done.release)

    assert all(done.acquire(timeout=60) for _ in range(2000))


def test_only_so_many_wait() -> None:
    threads, go = Threads(LONG), [threading.Event() for _ in range(MAX_IDLE + 1)]
    used: queue.SimpleQueue[threading.Thread] = queue.SimpleQueue()

    def job(gate: threading.Event) -> None:
        gate.wait(60)
        used.put(threading.current_thread())

    for gate in go:
        threads.run(functools.partial(job, gate))
    for number, gate in enumerate(go[:-1], start=1):
        gate.set()
        used.get(timeout=60)
        until_idle(threads, number)
    go[-1].set()

    used.get(timeout=60).join(60)
    assert len(threads._idle) == MAX_IDLE


class Job:
    """Stands in for what a plugin brought."""

    def __call__(self) -> None:
        """Done."""


def test_an_idle_thread_keeps_nothing_alive() -> None:
    threads, job = Threads(LONG), Job()
    gone = weakref.ref(job)
    threads.run(job)
    until_idle(threads, 1)
    del job
    gc.collect()

    assert gone() is None
