"""What the three answers have in common: pictures found, the worst first, as table, CSV and page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click

from lookalike.cli.outputs import Answer, Page
from lookalike.cli.terminal import console, echo_failures

if TYPE_CHECKING:
    from rich.table import Table

    from lookalike.reports import Section
    from lookalike.results import Failure, Scalar

One = TypeVar("One")

SHOWN = 20
"""Rows that a table has at most."""

MOST = 60
"""Pictures of a section that a page shows."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[One]):
    """How pictures that were found are shown.

    Attributes:
        columns: of the CSV file.
        row: one picture as a row of it.
        table: pictures as a table for the terminal.
        sections: pictures as sections of a page.
        title: of the page.
        summary: how many were found of how many, in a sentence.
        empty: what the page says when there is none.
        file: what to call a page of them.
        below: a sentence on what the page shows below a picture.
        facts: what else to say at the top of the page.
        notes: what else to say on the terminal.
        failed: files that could not be used.
    """

    columns: Sequence[str]
    row: Callable[[One], Sequence[Scalar]]
    table: Callable[[Sequence[One]], Table]
    sections: Callable[[Sequence[One]], Sequence[Section]]
    title: str
    summary: str
    empty: str
    file: str
    below: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    failed: Sequence[Failure] = ()

    def answer(self, found: Any, some: Sequence[One], total: int, *, to_see: bool) -> Answer:
        """The answer of a command.

        Args:
            found: what `--json` prints.
            some: the pictures that are shown: the first ones of those found.
            total: how many were found.
            to_see: say which option makes a page.
        """
        page = Page(
            self.title,
            partial(self.sections, some),
            self._introduction(len(some), total),
            self.facts,
            self.empty,
            MOST,
        )
        show = partial(self._show, some, to_see=to_see)
        return Answer(found, show, self.columns, partial(self._rows, some), page)

    def _rows(self, some: Sequence[One]) -> Iterable[Sequence[Scalar]]:
        return map(self.row, some)

    def _introduction(self, shown: int, total: int) -> str:
        """What a page says first, and whether it has only the first ones."""
        first = "The first is shown." if shown == 1 else f"The first {shown:,} are shown."
        return " ".join(filter(None, [self.summary, self.below, first if shown < total else ""]))

    def _show(self, some: Sequence[One], *, to_see: bool) -> None:
        """Print it on the terminal."""
        out = console()
        if some:
            out.print(self.table(some[:SHOWN]))
            out.print()
        if len(some) > SHOWN:
            out.print(f"… and {len(some) - SHOWN:,} more: --html, --csv or --json has all\n")
        echo_failures(self.failed, more="--json lists all")
        for text in (self.summary, *self.notes):
            click.echo(text)
        if some and to_see:
            click.echo(f"To look at them, add\n  --html {self.file}")
