"""A command with arguments of its own that has further commands below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click


class WithSubcommands(click.Command):
    """A command whose first argument may name another one: `duplicates photos/`, `duplicates apply
    plan.json`. A folder that is called like one of them is given as `./apply`.

    A click group is not that: its own arguments come before the name of a command.
    """

    def __init__(self, name: str | None, *, subcommands: Sequence[click.Command], **attributes: Any) -> None:
        super().__init__(name, **attributes)
        self.subcommands = {str(command.name): command for command in subcommands}

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of this command, or of the one that the first argument names."""
        if args and args[0] in self.subcommands:
            below = self.subcommands[args[0]]
            return below.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, and below them the commands."""
        super().format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, below.get_short_help_str(limit=80)) for name, below in self.subcommands.items()]
            )
