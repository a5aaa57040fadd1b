"""What the three answers have in common, on the terminal and on the page."""

from __future__ import annotations

import click

from lookalike.cli.terminal import console

SHOWN = 20
"""Rows that a table has at most."""

MOST = 60
"""Pictures of a section that a page shows."""


def echo_more(number: int) -> None:
    """Say that there are more than the table shows."""
    if number > SHOWN:
        console().print(f"… and {number - SHOWN:,} more: --html, --csv or --json has all\n")


def echo_next(number: int, option: str, *, to_see: bool) -> None:
    """Say how to look at them."""
    if number and to_see:
        click.echo(f"To look at them, add\n  {option}")


def introduction(*sentences: str, number: int, limit: int | None) -> str:
    """What a page says first, and whether it has only the first ones."""
    if limit is None or limit >= number:
        return " ".join(sentences)
    return " ".join([*sentences, "The first is shown." if limit == 1 else f"The first {limit:,} are shown."])
