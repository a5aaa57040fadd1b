"""Where a training stands, in a file: whole at every moment, and only for the training it belongs to."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from lookalike.errors import LookalikeError
from lookalike.models import Card
from lookalike.training.recipe import Recipe, TrainingSet

LAYOUT = 3
"""What a state holds (see `loop.Training.state`) and means; one of another layout is not gone on from."""


def belongs_to(card: Card, output: str, pictures: TrainingSet, recipe: Recipe) -> str:
    """Hash over what shapes a training: 32 hexadecimal digits. Files count by path, size and time."""
    facts = [[str(file), *_size_and_time(file)] for file in pictures.files]
    whole = {
        "layout": LAYOUT,
        "model": card.identity(output, "training"),
        "pictures": facts,
        "labels": pictures.labels.tolist(),
        "held_out": pictures.held_out.tolist(),
        "recipe": asdict(recipe),
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()[
        :32
    ]


def _size_and_time(file: Path) -> tuple[int, int]:
    try:
        facts = file.stat()
    except OSError:
        return 0, 0
    return facts.st_size, facts.st_mtime_ns


def keep(file: Path, whose: str, state: dict[str, Any]) -> None:
    """Write a checkpoint so that the file is at every moment either the old one or the new one, whole.

    Raises:
        LookalikeError: it cannot be written, e.g. since the disk is full.
    """
    new = file.with_name(f"{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(file, error) from error
    try:
        with new.open("wb") as stream:
            torch.save({"whose": whose, **state}, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new, file)
    except (OSError, RuntimeError) as error:
        new.unlink(missing_ok=True)
        raise _unwritable(file, error) from error


def _unwritable(file: Path, error: Exception) -> LookalikeError:
    return LookalikeError(f"the checkpoint {file} cannot be written: {error}")


def kept(file: Path, whose: str) -> dict[str, Any] | None:
    """The checkpoint of this training; None when there is none, it is damaged or another training's."""
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, training begins anew
        return None
    return state if state.pop("whose", None) == whose else None
