"""What is said of figures of a model that was taught, perhaps on the very pictures they are of."""

from __future__ import annotations

from collections.abc import Iterable

import click

from lookalike.cli.terminal import visible


def tell_taught(models: Iterable[str], option: str) -> None:
    """Say of each model that was taught that its figures may be too good: whoever taught it knows by which
    pictures, and the collection does not.

    Args:
        models: whose figures were told.
        option: which option chooses the pictures that are searched for.
    """
    from lookalike.errors import ModelError
    from lookalike.models import find

    for name in dict.fromkeys(models):
        try:
            taught = find(name).is_taught
        except ModelError:  # its vectors are here all the same
            continue
        if taught:
            click.echo(
                f"{visible(name)} was taught: on the pictures it learned from, these figures are too good. "
                f"Keep others back with `lookalike train --where …`, and search for them with {option}",
                err=True,
            )
