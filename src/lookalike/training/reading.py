"""Pictures on their way into training: decoded, changed, and through the part of the network that stays.

Some threads work ahead of the training. Nothing is kept: a picture is decoded anew each time, which
takes a twentieth of the time of a step and no memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.embedder import prepare, to_input
from lookalike.models import Preprocessing
from lookalike.runtimes import Runtime
from lookalike.sandbox import Decoder

Array = npt.NDArray[Any]
Rgb = npt.NDArray[np.uint8]
Decoded = Callable[[Path], Rgb]
Make = Callable[[Decoded], Rgb]
"""Makes a square for the network, (size, size, 3) uint8, of files that it decodes with what it is given."""

THREADS = 2
AHEAD = 64  # pictures that `in_order` reads ahead


class Reader:
    """What the trained part of the network takes, from files. A context manager.

    Args:
        network: the part that stays as it is; None when everything is trained.
        cut: the tensor at which it ends.
        how: the model's preprocessing.
        shown: the preprocessing of what training shows, which may be smaller; None means `how`.
    """

    def __init__(
        self, network: Runtime | None, cut: str, how: Preprocessing, shown: Preprocessing | None = None
    ) -> None:
        self._network, self._cut, self.how, self.shown = network, cut, how, shown or how
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="lookalike-training")
        self._local = threading.local()
        self._decoders: list[Decoder] = []

    def later(self, make: Make) -> Future[Array]:
        """A picture as training shows it, made in one of the threads."""
        return self._pool.submit(self._made, make)

    def plain(self, files: Iterable[Path]) -> Iterator[Array]:
        """Pictures as they are when they are searched for, in order."""
        return self.in_order(partial(_plain, file, self.how) for file in files)

    def in_order(self, makes: Iterable[Make]) -> Iterator[Array]:
        """What each makes, some ahead."""
        waiting: list[Future[Array]] = []
        for make in makes:
            waiting.append(self.later(make))
            if len(waiting) >= AHEAD:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()

    def _made(self, make: Make) -> Array:
        batch = to_input(make(self._decoded), self.how)
        if self._network is None:
            return np.asarray(batch[0])
        features: Array = self._network.run(batch, [self._cut])[0][0]
        return features

    def _decoded(self, file: Path) -> Rgb:
        if not hasattr(self._local, "decoder"):
            self._local.decoder = Decoder()
            self._decoders.append(self._local.decoder)
        side = self.how.short_side if self.how.fit == "crop" else self.how.size
        rgb: Rgb = self._local.decoder.decode(file, side).rgb
        return rgb

    def close(self) -> None:
        """End the threads and their decoders."""
        self._pool.shutdown(cancel_futures=True)
        for decoder in self._decoders:
            decoder.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()


def _plain(file: Path, how: Preprocessing, decoded: Decoded) -> Rgb:
    return prepare(decoded(file), how)
