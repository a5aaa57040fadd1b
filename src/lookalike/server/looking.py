"""Looking for copies in a whole collection: long work, one at a time, beside the requests.

A thread of its own does it, with half of the server's threads, so that requests go on. What it finds is kept
with the collection. Whoever wants to know asks how far it is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace

from lookalike.duplicates import stored
from lookalike.duplicates.reading import Reading
from lookalike.duplicates.search import Request, Search
from lookalike.errors import LookalikeError, RequestError
from lookalike.gallery.base import patiently
from lookalike.results import Duplicates
from lookalike.server.deployments import Served

PATIENCE = 600.0
"""Seconds for which another process that writes is waited for: what was found took long."""

_log = logging.getLogger("lookalike.server")


@dataclass(frozen=True)
class State:
    """How far the work is.

    Attributes:
        state: `idle` before the first time, `running`, `done`, `failed` or `stopped`.
        deployment: whose collection; "" when idle.
        stage: what is being done, in words.
        done: how much of it.
        total: of how much; 0 when that is not known.
        message: why it failed; "" otherwise.
    """

    state: str = "idle"
    deployment: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    message: str = ""


class Looking:
    """The one place where a server looks for copies. Safe to use from several threads.

    Args:
        threads: with which pictures are read and compared.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._state = State()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def state(self) -> State:
        """How far it is, or how it ended."""
        with self._lock:
            return self._state

    def begin(self, deployment: str, served: Served, done: Callable[[], None]) -> State:
        """Begin, unless it is at it already.

        Args:
            deployment: whose collection that is.
            served: the collection.
            done: called at the end; at once when nothing is begun.

        Raises:
            RequestError: 409, it looks through the collection of another deployment.
        """
        with self._lock:
            if self._state.state == "running":
                done()
                if self._state.deployment != deployment:
                    where = f"copies are being looked for in deployment {self._state.deployment!r}"
                    raise RequestError(f"{where}, and one search at a time is done", 409, "running")
                return self._state
            self._stop.clear()
            self._state = State("running", deployment, "starting")
            self._thread = threading.Thread(
                target=self._run, args=(served, done), name="looking", daemon=True
            )
            try:
                self._thread.start()
            except RuntimeError:  # no more threads
                self._thread, self._state = None, State()
                done()
                raise RequestError("no thread is left to look for copies", 503, "overloaded", 1) from None
            return self._state

    def stop(self) -> State:
        """Ask it to end soon; what was found out about single pictures is kept for the next time."""
        self._stop.set()
        return self.state

    def close(self, seconds: float) -> None:
        """End it, and wait for that, but no longer than so many seconds: nothing is lost by leaving it."""
        self.stop()
        if self._thread is not None:
            self._thread.join(seconds)
            if self._thread.is_alive():
                _log.warning("looking for copies did not end within %g s, and was left", seconds)

    def _run(self, served: Served, done: Callable[[], None]) -> None:
        began = self.state
        ending = replace(began, state="failed", message="see the log of the server")
        try:
            found = self._look(served)
            _log.info("looked for copies: %d groups in %.0f s", len(found.groups), found.seconds)
            ending = State("done", began.deployment)
        except CancelledError:
            ending = State("stopped", began.deployment)
        except LookalikeError as error:
            _log.error("looking for copies failed: %s", error)
            ending = State("failed", began.deployment, message=str(error))
        finally:
            done()
            self._end(ending)

    def _look(self, served: Served) -> Duplicates:
        """Look for copies, and keep what was found."""
        gallery, space = served.collection.gallery, served.collection.space
        with Reading(self._threads) as reading:
            found = Search(gallery, space, reading, Request(), self._progress).within()

        def keep() -> None:
            self._progress("keeping what was found", 0, 0)
            with served.writes:
                stored.keep(gallery, found)

        patiently(keep, PATIENCE)
        return found

    def _end(self, state: State) -> None:
        with self._lock:
            self._state = state

    def _progress(self, stage: str, done: int, total: int) -> None:
        if self._stop.is_set():
            raise CancelledError
        with self._lock:
            self._state = replace(self._state, stage=stage, done=done, total=total)
