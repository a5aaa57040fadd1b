"""What is said of figures of a model that was taught, perhaps on the very pictures they are of."""

from __future__ import annotations

from collections.abc import Iterable

import click

from lookalike.cli.terminal import visible
from lookalike.results import Evaluation

_KEEP_BACK = "Keep others back with `lookalike train --where …`, and search for them with {}"


def tell_learned(found: Iterable[Evaluation]) -> None:
    """Say of each model how many of the queries it has learned from; of one of which that is not known, that
    it may have."""
    for one in {one.model: one for one in found}.values():
        if one.learned is None:
            tell_taught([one.model], "--queries")
        elif one.learned:
            some = "all" if one.learned == one.queries else f"{one.learned:,} of the"
            click.echo(
                f"{visible(one.model)} has learned from {some} {one.queries:,} queries: these figures are "
                f"too good. {_KEEP_BACK.format('--queries')}",
                err=True,
            )


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
                f"{_KEEP_BACK.format(option)}",
                err=True,
            )
