"""`lookalike demo`: see it work on a small shop that it draws itself."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lookalike.cli.serve import check_extra, run
from lookalike.cli.terminal import console, echo_json, plain_bar, plain_table, progress_bar, stage_bar
from lookalike.errors import UsageError

if TYPE_CHECKING:
    from lookalike.collection import Collection
    from lookalike.demo.fruitshop import Story
    from lookalike.results import SearchResult

HITS = 6
PORT = 8000


@click.command(short_help="Draw a small shop, index it and search it.")
@click.option(
    "--folder", default="lookalike-demo", show_default=True, metavar="DIR", help="Where to draw it."
)
@click.option("--serve", is_flag=True, help="Then open the shop in the browser: serve it as a web page.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="With --serve: the port.  [default: 8000, or a free one]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else on standard output.")
def demo(folder: str, serve: bool, port: int | None, as_json: bool) -> None:
    """See it work on a small shop: 300 fruits, drawn on the spot, offline, always the same.

    Draws the pictures with a catalogue, indexes them, asks three questions, and writes the
    answers to a page as well. With --serve it then adds some copies that turned up elsewhere, finds clusters,
    lays out the map, learns how likely alike means the same variety, and serves the page until Ctrl-C.
    """
    from lookalike.collection import Collection
    from lookalike.demo import fruitshop

    if serve and as_json:
        raise UsageError("--serve goes on until it is ended, so there is no --json of it: leave one out")
    if port is not None and not serve:
        raise UsageError("--port goes with --serve")
    if serve:
        check_extra("lookalike demo --serve")
    place = Path(folder)
    total = len(fruitshop.products())
    with plain_bar(total) as progress:
        catalogue = fruitshop.draw(place, progress)
    with Collection.open(place / ".lookalike") as shop:
        with progress_bar(total) as progress:
            report = shop.add(place / "pictures", metadata=catalogue, progress=progress)
        answers = [(story, _ask(shop, story, place)) for story in fruitshop.STORIES]
        page = _page(shop, [(story.title, result) for story, result in answers], place)
    if as_json:
        echo_json({"index": report, "searches": [result for _, result in answers], "page": str(page)})
        return
    speed = f"in {report.seconds:.1f} s ({report.images_per_second:,.0f} pictures a second)"
    click.echo(f"A shop with {report.images} fruits, drawn into {place}/pictures,")
    click.echo(f"indexed {speed if report.images_per_second else 'before'}, with name, price and stock")
    click.echo(f"from {catalogue}.\n")
    for story, result in answers:
        _show(story, result, place)
    if serve:
        _serve(place, port)
    else:
        _next(place, page)


def _ask(shop: Collection, story: Story, place: Path) -> SearchResult:
    return shop.search(place / story.picture, k=HITS, where=story.where)


def _page(shop: Collection, answers: list[tuple[str, SearchResult]], place: Path) -> Path:
    from lookalike import reports

    page = place / "lookalikes.html"
    html = reports.contact_sheet(
        [result for _, result in answers],
        shop.thumbnail,
        "The fruit shop",
        captions=[title for title, _ in answers],
    )
    reports.write_page(page, html)
    return page


def _show(story: Story, result: SearchResult, place: Path) -> None:
    out = console()
    out.print(story.title, style="bold")
    table = plain_table(
        ("", "right"), ("similarity", "left"), ("name", "fold"), ("price", "right"), ("in stock", "left")
    )
    for hit in result.results:
        price, stock = hit.metadata.get("price"), "yes" if hit.metadata.get("in_stock") else "no"
        table.add_row(
            str(hit.rank), f"{hit.similarity:.3f}", str(hit.metadata.get("name")), f"{price:.2f}", stock
        )
    out.print(table)
    out.print()


def _serve(place: Path, port: int | None) -> None:
    """Make ready what the page can show of the shop, and serve it until it is ended."""
    from lookalike.collection import Collection
    from lookalike.demo import fruitshop
    from lookalike.server import settings

    with Collection.open(place / ".lookalike") as shop:
        shop.add(place / "copies", metadata=fruitshop.draw_copies(place))
        shop.calibrate("variety")
        with stage_bar() as stages:
            shop.clusters(progress=stages)
            shop.map(progress=stages)
        story = fruitshop.STORIES[0]
        asked = shop.picture(place / story.picture).id
    chosen = _free_port() if port is None else port
    flags = {"port": chosen, "deployments": {settings.DEFAULT: {"collection": str(place / ".lookalike")}}}

    def started(address: str) -> None:
        click.echo(f"The shop is open: {address}\n")
        for path, what in (
            (f"search?like={asked}&where={story.where}", story.title),
            ("clusters", "How does the shop fall into groups?"),
            ("map", "What is in it, at a glance?"),
            ("duplicates", "Eight pictures have turned up elsewhere, changed: which?"),
        ):
            click.echo(f"{what}\n  {address}/{path}")
        click.echo("\nCtrl-C closes it.")

    def read() -> settings.Settings:
        return settings.load(None, flags)

    run(read(), read, started)


def _free_port() -> int:
    """8000, or 0 for any when something listens there."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", PORT))
        except OSError:
            return 0
    return PORT


def _next(place: Path, page: Path) -> None:
    click.echo(f"The same with pictures: open {page} in a browser.\n")
    click.echo("And as a web page to look around in: lookalike demo --serve\n")
    click.echo("Now with your own:")
    click.echo("  lookalike index PHOTOS/")
    click.echo("  lookalike search PHOTOS/one-of-them.jpg --html lookalikes.html")
