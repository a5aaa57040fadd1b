"""Pictures on their way into training: decoded, cut, and through the part of the network that stays.

Some threads work ahead of the training. Nothing is kept: a picture is decoded anew each time, which
takes a twentieth of the time of a step and no memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.embedder import prepare, to_input
from lookalike.models import Preprocessing
from lookalike.runtimes import Runtime
from lookalike.sandbox import Decoder
from lookalike.training.views import view

Array = npt.NDArray[Any]

THREADS = 2
AHEAD = 64  # pictures that `plain` reads ahead


class Reader:
    """What the trained part of the network takes, from files. A context manager.

    Args:
        network: the part that stays as it is; None when everything is trained.
        cut: the tensor at which it ends.
        how: the model's preprocessing.
    """

    def __init__(self, network: Runtime | None, cut: str, how: Preprocessing) -> None:
        self._network, self._cut, self.how = network, cut, how
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="lookalike-training")
        self._local = threading.local()
        self._decoders: list[Decoder] = []

    def view(self, file: Path, seed: Sequence[int]) -> Future[Array]:
        """A random view of a picture (see `views`), later; the same one for the same seed."""
        return self._pool.submit(self._view, file, list(seed))

    def plain(self, files: Iterable[Path]) -> Iterator[Array]:
        """Pictures as they are when they are searched for, in order."""
        waiting: list[Future[Array]] = []
        for file in files:
            waiting.append(self._pool.submit(self._plain, file))
            if len(waiting) >= AHEAD:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()

    def _view(self, file: Path, seed: list[int]) -> Array:
        return self._through(view(self._decoded(file), self.how.size, np.random.default_rng(seed)))

    def _plain(self, file: Path) -> Array:
        return self._through(prepare(self._decoded(file), self.how))

    def _decoded(self, file: Path) -> npt.NDArray[np.uint8]:
        if not hasattr(self._local, "decoder"):
            self._local.decoder = Decoder()
            self._decoders.append(self._local.decoder)
        side = self.how.short_side if self.how.fit == "crop" else self.how.size
        rgb: npt.NDArray[np.uint8] = self._local.decoder.decode(file, side).rgb
        return rgb

    def _through(self, square: npt.NDArray[np.uint8]) -> Array:
        batch = to_input(square, self.how)
        if self._network is None:
            return np.asarray(batch[0])
        features: Array = self._network.run(batch, [self._cut])[0][0]
        return features

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
