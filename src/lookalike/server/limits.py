"""A place among those in work: threads, a bounded line before them, and 429 for whoever comes then."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from lookalike.errors import RequestError

T = TypeVar("T")
_SMOOTHING = 0.05  # share of the newest in the mean time of a piece of work


def overloaded(seconds: float) -> RequestError:
    """The refusal of more than can be done; trying again may help after so many seconds."""
    return RequestError(
        "the server has more to do than it can: try again later",
        429,
        "overloaded",
        retry_after=max(1, math.ceil(seconds)),
    )


class WorkPool:
    """Threads that work on requests, and a line of bounded length before them.

    All methods but the work itself run on the event loop's thread.

    Args:
        name: of its threads.
        threads: pieces of work at once.
        waiting: pieces of work that may wait.
        seconds: longest time until a piece of work is done, waiting included.
    """

    def __init__(self, name: str, threads: int, waiting: int, seconds: float) -> None:
        self.threads, self.waiting, self.seconds = threads, waiting, seconds
        self.in_work = 0
        self._mean = 0.01
        self._room = asyncio.Event()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[[], T], done: Callable[[], None]) -> T:
        """What a piece of work gives, done by one of the threads.

        Args:
            work: the piece of work.
            done: called once, by any thread, when nobody works on it any more: also when it was refused, and
                not before its end when the answer did not wait for that.

        Raises:
            RequestError: 429 when the line is full, 503 when it takes too long.
        """
        if self.in_work >= self.threads + self.waiting:
            done()
            raise overloaded(self.in_work * self._mean / self.threads)
        return await self._run(work, done)

    async def run_in_turn(self, work: Callable[[], T], done: Callable[[], None]) -> T:
        """Likewise, for the parts of a large request: waits for a thread rather than in the line."""
        try:
            while self.in_work >= self.threads:
                self._room.clear()
                await self._room.wait()
        except BaseException:
            done()
            raise
        return await self._run(work, done)

    async def _run(self, work: Callable[[], T], done: Callable[[], None]) -> T:
        until = time.monotonic() + self.seconds
        self.in_work += 1
        begun: list[float] = []

        def begin() -> T:
            begun.append(time.monotonic())
            return _before(until, work)

        future = self._pool.submit(begin)
        future.add_done_callback(lambda _: done())
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done, begun[0]))
        try:
            # The work is not stopped when it takes too long; its place is taken until it ends.
            return await asyncio.wait_for(asyncio.shield(_wrapped(future, loop)), self.seconds)
        except TimeoutError:
            raise RequestError(
                f"this took longer than {self.seconds:g} s", 503, "timeout", retry_after=1
            ) from None

    def _done(self, begun: float) -> None:
        self.in_work -= 1
        # Of the work alone: who waits is counted by `in_work`.
        self._mean += _SMOOTHING * (time.monotonic() - begun - self._mean)
        self._room.set()

    def close(self) -> None:
        """Wait for what is in work, and end the threads."""
        self._pool.shutdown(wait=True)


def _before(until: float, work: Callable[[], T]) -> T:
    """Not worked on any more when nobody waits for it."""
    if time.monotonic() > until:
        raise TimeoutError
    return work()


def _wrapped(future: Future[T], loop: asyncio.AbstractEventLoop) -> asyncio.Future[T]:
    wrapped = asyncio.wrap_future(future, loop=loop)
    # Somebody has to look at the error of work that nobody waits for any more.
    wrapped.add_done_callback(lambda done: done.cancelled() or done.exception())
    return wrapped


class Budget:
    """So many of something for all requests together: bytes held, or requests under way.

    Args:
        total: how many there are.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self.lock = threading.Lock()

    @contextmanager
    def share(self) -> Iterator[Share]:
        """What one request takes; all of it is given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            share.give_back()


class Share:
    """What one request has of a budget, for one thread at a time."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self._taken = budget, 0

    def take(self, amount: int) -> None:
        """Take so much more.

        Raises:
            RequestError: 429, there is not so much left.
        """
        with self._budget.lock:
            if self._budget.used + amount > self._budget.total:
                raise overloaded(1)
            self._budget.used += amount
        self._taken += amount

    def give_back(self) -> None:
        """Give back all of it."""
        with self._budget.lock:
            self._budget.used -= self._taken
        self._taken = 0
