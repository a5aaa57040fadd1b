"""Trainings that have not ended: what they need to go on lies in a folder of the user's model folder.

What is in it is the business of those that train; here is only what people are told.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import ModelError
from lookalike.models.registry import models_folder

_ENDING = ".training"
_STANDS = "stands.json"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A training that was interrupted, or is running.

    Attributes:
        name: what the new model is to be called.
        epoch: the last one that is kept; 0 before the first.
        epochs: of so many at most; 0 before the first.
        bytes: of its files.
        folder: where they lie.
    """

    name: str
    epoch: float
    epochs: int
    bytes: int
    folder: Path


def folder_of(name: str) -> Path:
    """Where the training of a model of this name keeps what it needs; it need not exist."""
    return models_folder() / f"{name}{_ENDING}"


def unfinished() -> list[Unfinished]:
    """All there are, by name."""
    folders = sorted(path for path in models_folder().glob(f"*{_ENDING}") if path.is_dir())
    return [_read(folder) for folder in folders]


def note(name: str, epoch: float, epochs: int) -> None:
    """Write down for people how far a training is.

    Raises:
        ModelError: its folder cannot be written to.
    """
    file = folder_of(name) / _STANDS
    new = file.with_suffix(".new")
    try:
        new.write_text(json.dumps({"epoch": epoch, "epochs": epochs}), encoding="utf-8")
        os.replace(new, file)
    except OSError as error:
        raise ModelError(f"{file} cannot be written: {error.strerror or error}") from error


def _read(folder: Path) -> Unfinished:
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    try:
        stands = json.loads((folder / _STANDS).read_text(encoding="utf-8"))
        epoch, epochs = float(stands["epoch"]), int(stands["epochs"])
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or somebody else's
        epoch, epochs = 0.0, 0
    return Unfinished(folder.name.removesuffix(_ENDING), epoch, epochs, size, folder)
