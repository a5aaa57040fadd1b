"""Processes that work for this one, since Python lets only one thread of a process run at a time.

Not `multiprocessing`'s own, whose processes run the user's script again unless that is guarded
against. A helper gets a function of this package and a batch of tasks, and answers with their results;
it ends when this process does, however that ends.
"""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, TypeVar

from lookalike.errors import LookalikeError

_T = TypeVar("_T")
_R = TypeVar("_R")


class Crashed:
    """Stands in for the result of a task that ended the process that worked on it."""

    def __reduce__(self) -> str:
        return "CRASHED"


CRASHED: Final = Crashed()


class Helper:
    """One such process. It starts at once, and is for one thread at a time. Close it when done.

    Args:
        make: called once there; what it gives is handed to every piece of work, and closed at the end.

    Raises:
        LookalikeError: the process cannot be started.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _START, _package_root()],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    # One thread each: there are as many helpers as threads are wanted.
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                    start_new_session=True,  # Ctrl-C is this process's business
                )
            except OSError as error:
                self._connection.close()
                raise _not_started() from error
        try:
            self._send(self._make)
            self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            self.close()
            raise _not_started() from error

    def ask(self, work: Callable[[Any, _T], _R], tasks: Sequence[_T]) -> list[_R | Crashed]:
        """The results of the tasks, in order; `CRASHED` for each that ends the process by itself.

        Args:
            work: a function of a module, or a `partial` of one; called with what `make` gave and a task.
            tasks: what it works on; they and the results can be pickled.

        Raises:
            Exception: what the work raised.
        """
        try:
            return self._asked(work, tasks)
        except (EOFError, OSError):
            self._restart()
        results: list[_R | Crashed] = []
        for task in tasks:  # one of them did it
            try:
                results += self._asked(work, [task])
            except (EOFError, OSError):
                self._restart()
                results.append(CRASHED)
        return results

    def _asked(self, work: Callable[[Any, _T], _R], tasks: Sequence[_T]) -> list[_R]:
        self._send((work, tasks))
        failed, answer = pickle.loads(self._connection.recv_bytes())
        if failed is not None:
            raise failed
        results: list[_R] = answer
        return results

    def _send(self, what: object) -> None:
        self._connection.send_bytes(pickle.dumps(what, pickle.HIGHEST_PROTOCOL))

    def _restart(self) -> None:
        self.close()
        self._start()

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.kill()
        self._process.wait()


def _not_started() -> LookalikeError:
    return LookalikeError(
        f"a process to work with could not be started with {sys.executable}: "
        f"is there enough memory, and can this Python import lookalike?"
    )


def _package_root() -> str:
    return str(Path(__file__).resolve().parents[2])


# --- the helper's side -----------------------------------------------------------------------

# As in `sandbox`: -P keeps the current directory off the import path.
_START = "import sys; sys.path.append(sys.argv[1]); from lookalike.duplicates.helpers import serve; serve()"


def serve() -> None:
    """The helper process: answer requests on standard input, a socket, until it closes."""
    import cv2

    cv2.setNumThreads(1)
    connection = Connection(os.dup(0))
    with suppress(EOFError, OSError):
        tools = pickle.loads(connection.recv_bytes())()
        try:
            connection.send_bytes(b"ready")
            while True:
                work, tasks = pickle.loads(connection.recv_bytes())
                connection.send_bytes(_answer(work, tools, tasks))
        finally:
            tools.close()


def _answer(work: Callable[[Any, Any], Any], tools: Any, tasks: Sequence[Any]) -> bytes:
    try:
        return pickle.dumps((None, [work(tools, task) for task in tasks]), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001 - it is raised on the other side
        return pickle.dumps((error, []), pickle.HIGHEST_PROTOCOL)
