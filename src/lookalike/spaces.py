"""Which of a collection's vectors are meant, and the network that makes more of them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from lookalike import models
from lookalike.embedder import Embedder
from lookalike.errors import CollectionError, CollectionNotFound, ModelError
from lookalike.gallery.base import Gallery, Space

DEFAULT = "default"
"""The note in which the identity of the vectors is kept that are searched when no model is named."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """By what somebody names vectors; None means any.

    Attributes:
        model: name of a model, or path of its ONNX file or card.
        output: which of the model's outputs.
        runtime: `onnxruntime` or `openvino`.
    """

    model: str | None = None
    output: str | None = None
    runtime: str | None = None

    @property
    def is_anything(self) -> bool:
        """Whether nothing is named at all."""
        return astuple(self) == (None, None, None)

    def fits(self, space: Space) -> bool:
        """Whether a space has what is named."""
        named = [(self.output, space.output), (self.runtime, space.runtime)]
        return all(name is None or name == got for name, got in named) and _is_model(self.model, space)

    @property
    def options(self) -> str:
        """What to write after a command so that it takes these vectors; "" or begins with a blank.

        >>> Wanted("shop v2", "plain").options
        " --model 'shop v2' --output plain"
        """
        named = (("model", self.model), ("output", self.output), ("runtime", self.runtime))
        return "".join(f" --{kind} {shlex.quote(name)}" for kind, name in named if name)

    def __str__(self) -> str:
        named = (("model", self.model), ("output", self.output), ("runtime", self.runtime))
        return ", ".join(f"{kind} {name}" for kind, name in named if name)


def _is_model(name: str | None, space: Space) -> bool:
    """Whether a name or path means the model of a space; None means any."""
    if name is None or name == space.model:
        return True
    try:
        return models.find(name).identity(space.output, space.runtime) == space.identity
    except ModelError:
        return False


def searched(gallery: Gallery, wanted: Wanted, directory: str | os.PathLike[str]) -> Space:
    """Whose vectors are searched: those that are named, else those that were made the default, else the
    oldest ones.

    Args:
        gallery: which has the vectors.
        wanted: what is named.
        directory: where the gallery is, for messages.

    Raises:
        CollectionNotFound: there are no vectors at all.
        CollectionError: there are none of that model.
    """
    known = gallery.spaces()
    if wanted.is_anything:
        default = gallery.note(DEFAULT)
        for space in known:
            if space.identity == default:
                return space
    fitting = [space for space in known if wanted.fits(space)]
    if fitting:
        # Of one model under one name, the latest: its file or card has changed since.
        return [space for space in fitting if _names(space) == _names(fitting[0])][-1]
    if not known:
        raise CollectionNotFound(
            f"the collection in {directory} is empty: add pictures with `lookalike index FOLDER`"
        )
    there = "; ".join(f"{s.model}, output {s.output}, {s.runtime}" for s in known)
    raise CollectionError(
        f"the collection in {directory} has no vectors of {wanted}: it has {there}{_way_out(wanted, known)}"
    )


def _way_out(wanted: Wanted, known: Sequence[Space]) -> str:
    """How to come by vectors; of a model or an output that there is not, which there are."""
    names = dict.fromkeys(space.model for space in known) if wanted.model is None else [wanted.model]
    problems: list[ModelError] = []
    for name in names:
        try:
            models.find(name).output(wanted.output)
        except ModelError as error:
            problems.append(error)
    if len(problems) == len(names):
        return "".join(f"; {problem}" for problem in problems)
    return ". Run `lookalike index` with that model first"


def lost(gallery: Gallery, before: Space, now: Space) -> int:
    """How many pictures have a vector of the one space and none of the other: who searched that one and
    searches this one does not find them any more."""
    return len(np.setdiff1d(gallery.versions(before)[0], gallery.versions(now)[0]))


def naming(gallery: Gallery, space: Space) -> Wanted:
    """As little as somebody must name so that this space of a gallery is searched."""
    names = _names(space)
    shorter = (Wanted(*names[:count]) for count in range(len(names)))
    return next((one for one in shorter if searched(gallery, one, "") == space), Wanted(*names))


def _names(space: Space) -> tuple[str, str, str]:
    return space.model, space.output, space.runtime


def default_first(gallery: Gallery) -> list[Space]:
    """All of a gallery's spaces, the default one before the others."""
    default = gallery.note(DEFAULT)
    return sorted(gallery.spaces(), key=lambda space: space.identity != default)


def embedder_of(space: Space) -> Embedder:
    """The network that makes the vectors of a space.

    Raises:
        ModelError: it is not there, or not the one it was when the vectors were made.
    """
    try:
        models.find(space.model)
    except ModelError as error:
        raise ModelError(
            f"the collection has vectors of model {space.model!r}, but the model is not there any more: "
            f"bring it back (`lookalike models import`, or out of the folder `removed` of your models), or "
            f"name another one, for example `lookalike models use {models.DEFAULT_MODEL}` ({error})"
        ) from error
    embedder = Embedder.load(space.model, space.output, space.runtime)
    if embedder.identity != space.identity:
        raise ModelError(
            f"model {space.model!r} is not the one this collection was made with, so its vectors cannot "
            f"be compared: bring the old one back, or index into a new collection"
        )
    return embedder


def space_of(embedder: Embedder, name: str, known: Sequence[Space] = ()) -> Space:
    """The space of a network's vectors.

    Args:
        embedder: the network.
        name: by which its model was found, a name or a path.
        known: the spaces there are; one of the same vectors is taken as it is.
    """
    for space in known:
        if space.identity == embedder.identity:
            return space
    model = name if name == embedder.card.name else os.path.abspath(name)
    return Space(embedder.identity, model, embedder.output, embedder.runtime, embedder.dimension)
