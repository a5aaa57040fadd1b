"""What a piece of work costs: time, processor seconds, and memory, helper processes included."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.2  # seconds between two looks


@dataclass(frozen=True)
class Seen:
    """Processes at one moment: seconds by the clock, by processors, and bytes that are no mapped file."""

    clock: float
    processors: float
    memory: int


def _children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for one in lists for child in one.read_text().split()]


def _of(pid: int) -> tuple[float, int]:
    """Seconds of a process, of its children that have ended, and of those that run; and their memory."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text()
        children = _children(pid)
    except OSError:  # it has just ended
        return 0.0, 0
    seconds = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    memory = [int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("RssAnon")]
    parts = [_of(child) for child in children]
    return seconds + sum(part[0] for part in parts), sum(memory) + sum(part[1] for part in parts)


def look() -> Seen:
    """This process and all below it, now."""
    return Seen(time.perf_counter(), *_of(os.getpid()))


class Watch:
    """Looks now and then, from another thread; use it as a context manager."""

    def __init__(self) -> None:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peak = 0

    def _run(self) -> None:
        while not self._end.wait(_EVERY):
            self.peak = max(self.peak, look().memory)

    def __enter__(self) -> Watch:
        self.start, self.last = look(), look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self.last = look()

    @property
    def seconds(self) -> float:
        """By the clock."""
        return self.last.clock - self.start.clock

    @property
    def processors(self) -> float:
        """Seconds of all processors together."""
        return self.last.processors - self.start.processors
