"""What a collection consists of, made when it is first needed: its gallery, its network, its decoders."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from lookalike import indexing, models, spaces
from lookalike.embedder import Embedder
from lookalike.errors import CollectionNotFound
from lookalike.gallery.base import Gallery, Space
from lookalike.images import Limits
from lookalike.sandbox import Decoder
from lookalike.spaces import Wanted


class Parts:
    """The parts of the collection in a directory. Several threads may use them.

    Args:
        directory: need not exist yet.
        wanted: whose vectors are searched.
        limits: what a picture that is asked about may cost.
    """

    def __init__(self, directory: Path, wanted: Wanted, limits: Limits) -> None:
        self._directory, self._wanted, self._limits = directory, wanted, limits
        self._local = threading.local()
        self._decoders: list[Decoder] = []
        self._lock = threading.RLock()
        self._gallery: Gallery | None = None
        self._embedder: Embedder | None = None

    @property
    def gallery(self) -> Gallery:
        """Where the rows and vectors live.

        Raises:
            CollectionNotFound: there is no collection in the directory yet.
        """
        return self._open(create=False)

    def made_gallery(self) -> Gallery:
        """The same; the directory is made if need be."""
        return self._open(create=True)

    def _open(self, *, create: bool) -> Gallery:
        from lookalike.gallery.local import LocalGallery

        with self._lock:
            if self._gallery is None:
                self._gallery = LocalGallery(self._directory, create=create)
            return self._gallery

    @property
    def space(self) -> Space:
        """Whose vectors are searched; see `spaces.searched`."""
        return spaces.searched(self.gallery, self._wanted, self._directory)

    def embedder(self, space: Space) -> Embedder:
        """The network of a space: another one than before when `use`, perhaps of another process, has changed
        the default.

        Raises:
            ModelError: it is not there, or not the one it was when the vectors were made.
        """
        with self._lock:
            if self._embedder is None or self._embedder.identity != space.identity:
                self._embedder = spaces.embedder_of(space)
            return self._embedder

    @property
    def decoder(self) -> Decoder:
        """This thread's decoder."""
        if not hasattr(self._local, "decoder"):
            self._local.decoder = Decoder(self._limits)
            with self._lock:
                self._decoders.append(self._local.decoder)
        decoder: Decoder = self._local.decoder
        return decoder

    def to_add(self) -> tuple[Space, Embedder]:
        """The space that new vectors go to, and what makes them; the directory is made if need be."""
        wanted = self._wanted
        try:
            known = self.gallery.spaces()
        except CollectionNotFound:
            known = []
        if wanted.model is None and any(wanted.fits(space) for space in known):
            space = self.space
            return space, self.embedder(space)
        name = wanted.model or (known[0].model if known else models.DEFAULT_MODEL)
        embedder = Embedder.load(name, wanted.output, wanted.runtime or "onnxruntime")
        self._embedder = embedder
        space = spaces.space_of(embedder, name, known)
        if space not in known:
            self.made_gallery()
            if not wanted.is_anything:
                self._wanted = replace(wanted, model=space.model)
        return space, embedder

    def use(self, wanted: Wanted, threads: int) -> Space:
        """Search with another model from now on; the vectors that it lacks are mapped or made first.

        Args:
            wanted: names the model.
            threads: pictures read side by side.

        Raises:
            ModelError: there is no such model.
            CollectionBusy: another process is writing.
        """
        assert wanted.model is not None
        known = self.gallery.spaces()
        runtime = wanted.runtime or (known[0].runtime if known else "onnxruntime")
        embedder = Embedder.load(wanted.model, wanted.output, runtime)
        space = spaces.space_of(embedder, wanted.model, known)
        indexing.complete(self.gallery, space, embedder, threads=threads)
        with self.gallery.writing() as writing:
            writing.set_note(spaces.DEFAULT, space.identity)
        with self._lock:
            self._embedder = None
            self._wanted = Wanted(space.model, space.output, space.runtime)
        return space

    def close(self) -> None:
        """Give back files, memory and helper processes. Closing twice is harmless."""
        with self._lock:
            if self._gallery is not None:
                self._gallery.close()
                self._gallery = None
            for decoder in self._decoders:
                decoder.close()
            self._decoders.clear()
        self._local = threading.local()
