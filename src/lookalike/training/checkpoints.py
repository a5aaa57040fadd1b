"""Where a training stands, in a file: whole at every moment, and only for the training it belongs to."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from lookalike.errors import LookalikeError, is_lack_of_memory
from lookalike.models import Card
from lookalike.training.recipe import Recipe, TrainingSet

LAYOUT = 5
"""What a state holds (see `loop.Training.state`) and means; one of another layout is not gone on from."""

Whose = dict[str, str | int | float | None]
"""What shapes a training, by name; the same for the same one."""


def belongs_to(card: Card, output: str, pictures: TrainingSet, recipe: Recipe) -> Whose:
    """What shapes a training: hashes, and the recipe as it is. Files count by path, size and time."""
    return {
        "layout": LAYOUT,
        "model": card.identity(output, "training"),
        "pictures": _hash([[str(file), *_size_and_time(file)] for file in pictures.files]),
        "labels": _hash([pictures.labels.tolist(), pictures.held_out.tolist()]),
        **asdict(recipe),
    }


def _hash(facts: object) -> str:
    """32 hexadecimal digits."""
    return hashlib.sha256(json.dumps(facts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def differences(now: Whose, before: Whose) -> list[str]:
    """What has changed between two trainings, in words; nothing when they are the same."""
    if before.get("layout") != now["layout"]:
        return ["it is of another version of lookalike"]
    changed = [name for name in {**now, **before} if now.get(name) != before.get(name)]
    return [_difference(name, now.get(name), before.get(name)) for name in changed]


def _difference(name: str, now: object, before: object) -> str:
    if name in ("model", "pictures", "labels"):
        return f"{'model or output' if name == 'model' else name} changed"
    shown = ("none" if value is None else value for value in (before, now))
    return "{} was {} and is {}".format(name, *shown)


def _size_and_time(file: Path) -> tuple[int, int]:
    try:
        facts = file.stat()
    except OSError:
        return 0, 0
    return facts.st_size, facts.st_mtime_ns


def keep(file: Path, whose: Whose, state: dict[str, Any]) -> None:
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


def kept(file: Path) -> tuple[Whose, dict[str, Any]] | None:
    """A checkpoint: whose it is, and the state; None when there is none.

    Raises:
        LookalikeError: it cannot be read.
    """
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        whose = state.pop("whose")
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever is wrong with it
        if is_lack_of_memory(error):
            raise
        raise LookalikeError(f"the checkpoint {file} is damaged or cannot be read: {error}") from error
    return (whose if isinstance(whose, dict) else {}), state
