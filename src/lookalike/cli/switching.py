"""What stays behind when a collection is searched with another model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from lookalike.cli.terminal import many, visible

if TYPE_CHECKING:
    from lookalike.collection import Collection
    from lookalike.gallery.base import Space


def searched(pictures: Collection) -> Space:
    """Whose vectors are searched when no model is named."""
    from lookalike import spaces

    return spaces.searched(pictures.gallery, spaces.Wanted(), pictures.directory)


def left_behind(pictures: Collection, before: Space) -> dict[str, str]:
    """What had been made with the space searched before, and not with that searched now: each with the
    command that makes it."""
    from lookalike import overview

    return overview.left_behind(pictures.gallery, before, searched(pictures))


def tell_without_vector(number: int, model: str) -> None:
    """That so many pictures are not found with a model."""
    if number:
        are = "it is" if number == 1 else "they are"
        click.echo(f"{many(number, 'picture')} cannot be read: {are} not found with {visible(model)}")


def tell_left(left: Mapping[str, str]) -> None:
    """What was made with the model before, which the collection's views do not show any more."""
    if left:
        again = ", ".join(f"{what} with `{command}`" for what, command in left.items())
        click.echo(f"Still of the model before, and to be made again: {again}")
