"""The copies that were found, as the terminal shows them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click

from lookalike.cli.terminal import console, echo_failures, many, plain_table, short_path
from lookalike.cli.words import differences
from lookalike.reports.details import file_size, sure
from lookalike.results import Copy, DuplicateGroup, Duplicates

GROUPS_SHOWN = 20
COPIES_SHOWN = 10  # of one group
NEW_SHOWN = 20


def groups(found: Duplicates, *, checked: bool) -> None:
    """The first groups: the picture that stays, why, and its copies.

    Args:
        found: what was found.
        checked: new pictures were checked: what stays is always the picture of the collection.
    """
    out = console()
    for group in found.groups[:GROUPS_SHOWN]:
        name = short_path(group.keep)
        out.print(f"In the collection: {name}" if checked else f"Keep {name}", style="bold", soft_wrap=True)
        if not checked:
            out.print(f"  {group.reason}", style="dim", soft_wrap=True)
        _copies(group)
        out.print()
    if len(found.groups) > GROUPS_SHOWN:
        more = many(len(found.groups) - GROUPS_SHOWN, "more group")
        out.print(f"… and {more}: --html or --json shows all\n")


def _copies(group: DuplicateGroup) -> None:
    table = plain_table(("", "right"), ("kind", "left"), ("sure", "right"), ("path", "fold"), ("", "fold"))
    table.show_header = False
    for copy in group.members[:COPIES_SHOWN]:
        probability = "" if copy.kind == "burst" else sure(copy.probability)
        doubted = copy.doubt is not None
        style = "yellow" if doubted else ""
        words = ", ".join(_said(group, copy))
        table.add_row(
            "  ?" if doubted else "   ", copy.kind, probability, short_path(copy.path), words, style=style
        )
    console().print(table)
    if len(group.members) > COPIES_SHOWN:
        console().print(f"    … and {len(group.members) - COPIES_SHOWN:,} more")


def _said(group: DuplicateGroup, copy: Copy) -> Iterator[str]:
    yield from differences(group.kept, copy)
    if copy.doubt is not None:
        yield f"stays: {copy.doubt}"


def summary(found: Duplicates) -> None:
    """How many copies there are, and what removing them would bring."""
    echo_failures(found.failed, more="--json lists all")
    members = [member for group in found.groups for member in group.members]
    proposed = [member for member in members if member.doubt is None]
    among = f"among {many(found.images, 'picture')}"
    if not members:
        click.echo(f"No copies {among}.")
        return
    originals = sum(any(m.doubt is None for m in group.members) for group in found.groups)
    copies = f"{_copies_in_words(len(proposed))} of {many(originals, 'picture')} among {found.images:,}"
    free = file_size(sum(member.picture.bytes for member in proposed))
    said = f"{copies}: removing them would free {free}" if proposed else f"No copies to remove {among}"
    left = len(members) - len(proposed)
    rest = f"; {left:,} more {'is' if left == 1 else 'are'} shown for you to decide" if left else ""
    click.echo(f"{said}{rest}.")


def _copies_in_words(number: int) -> str:
    return "1 copy" if number == 1 else f"{number:,} copies"


def checked(found: Duplicates) -> None:
    """Which of the pictures that were checked are in the collection already."""
    echo_failures(found.failed, more="--json lists all")
    if not found.images:
        click.echo(_indexed(found) or "No pictures were found there.")
        return
    if found.indexed:
        click.echo(_indexed(found))
    copies = len({member.path for group in found.groups for member in group.members})
    known = f"{copies:,} of {found.images:,} {'is a copy' if copies == 1 else 'are copies'}"
    none = f"None of {found.images:,} is a copy"
    new = f"; {len(found.new):,} {'is' if len(found.new) == 1 else 'are'} new:" if found.new else "."
    click.echo(f"{known if copies else none} of a picture in the collection{new}")
    for path in found.new[:NEW_SHOWN]:
        click.echo(f"  {short_path(path)}")
    if len(found.new) > NEW_SHOWN:
        click.echo(f"  … and {len(found.new) - NEW_SHOWN:,} more: --json lists all")


def _indexed(found: Duplicates) -> str:
    """How many of the pictures that were checked are in the collection themselves."""
    number = len(found.indexed)
    if not number:
        return ""
    if found.images:
        are = "is" if number == 1 else "are"
        return f"{many(number, 'picture')} there {are} in the collection, and left out."
    are = "The picture there is" if number == 1 else f"All {number:,} pictures there are"
    return f"{are} in the collection already. For copies within it, name no path."


def measured(found: Duplicates) -> None:
    """What was done to find them."""
    if found.dated == 0:
        click.echo("No bursts: no photo with another one like it says in its EXIF data when it was taken.")
    text = f"Compared {many(found.compared, 'pair')} of pictures in {found.seconds:.1f} s"
    if found.graph_recall is not None:
        text += f"; {found.graph_recall * 100:.1f} % of the nearest neighbours are known"
    console().print(f"{text}.", style="dim", soft_wrap=True)


def next_step(found: Duplicates, plan: str | None, html: str | None) -> None:
    """What to do with it."""
    if not found.groups:
        return
    command = shlex.join(["lookalike", "duplicates", "apply", plan or "plan.json"])
    if plan is None and html is None:
        click.echo("\nNothing was changed and nothing written. To look at the copies and choose, add")
        click.echo("  --html review.html --plan plan.json")
    elif html is None:
        click.echo(f"\nNothing was changed. To remove what the plan says:\n  {command}")
    else:
        click.echo(f"\nNothing was changed. Open {html} in a browser. To remove all that is ticked there:")
        click.echo(f"  {command}")
        click.echo("What you untick goes into plan-reviewed.json in your downloads: then apply that one.")
