"""Small JPEGs of pictures, the latest ones kept in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

KEPT_BYTES = 64 << 20
SIDES = (16, 1024)
"""Smallest and largest side in pixels."""


class Thumbnails:
    """Keeps the thumbnails that were asked for last, up to a number of bytes.

    Args:
        bytes_kept: how many.
    """

    def __init__(self, bytes_kept: int = KEPT_BYTES) -> None:
        self._limit = bytes_kept
        self._size = 0
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, content: str, side: int, make: Callable[[], bytes]) -> bytes:
        """The thumbnail of the picture with these bytes; made when it is not kept.

        Args:
            content: SHA-256 of the picture's bytes.
            side: pixels of the longer side.
            make: makes it.
        """
        key = content, side
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._size += len(made)
            while self._size > self._limit:
                _, dropped = self._kept.popitem(last=False)
                self._size -= len(dropped)
        return made
