"""`lookalike serve`: collections over HTTP."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lookalike.cli.options import collection_option, model_options, threads_option
from lookalike.cli.terminal import console, plain_table
from lookalike.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from lookalike.server.settings import Settings


@click.command(short_help="Answer over HTTP: search, compare, add and remove pictures.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on; others than 127.0.0.1 need a token.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Port.  [default: 8000]")
@click.option(
    "--token", metavar="TOKEN", help="Whoever shows it may read and write (better: by environment)."
)
@click.option("--read-token", metavar="TOKEN", help="Whoever shows it may read.")
@click.option("--read-only", is_flag=True, default=None, help="Refuse to add, change and remove.")
@click.option(
    "--deployment",
    "deployments",
    multiple=True,
    metavar="NAME=DIR",
    help="Serve this collection, too; may be repeated.",
)
@click.option(
    "--cors", multiple=True, metavar="ORIGIN", help="Pages of this origin may ask; may be repeated."
)
@click.option(
    "--allow-host", multiple=True, metavar="NAME", help="A further name of the server; may be repeated."
)
@click.option(
    "--access-log",
    is_flag=True,
    default=None,
    help="Write a line of JSON for each request to standard output.",
)
@click.option(
    "--fetch-urls",
    is_flag=True,
    default=None,
    help="Fetch pictures that are asked about by their URL, from public addresses alone.",
)
@threads_option("Requests worked on at once")
@click.option("--config", metavar="FILE", help="A TOML file with these and all other settings.")
@click.option(
    "--check", is_flag=True, help="Show the settings, secrets hidden, try the collections, and end."
)
@model_options
@collection_option
@click.option("--json", "as_json", is_flag=True, help="With --check: print JSON.")
def serve(
    host: str | None,
    port: int | None,
    token: str | None,
    read_token: str | None,
    read_only: bool | None,
    deployments: tuple[str, ...],
    cors: tuple[str, ...],
    allow_host: tuple[str, ...],
    access_log: bool | None,
    fetch_urls: bool | None,
    threads: int | None,
    config: str | None,
    check: bool,
    model: str | None,
    output: str | None,
    runtime: str | None,
    collection: str | None,
    as_json: bool,
) -> None:
    """Answer over HTTP: search, compare, look for copies, add and remove pictures.

    Listens on 127.0.0.1, where only this machine can ask. On any other address a token is needed; one is made
    and printed when none is given. Every option can also be an environment variable (LOOKALIKE_SERVE_PORT) or
    stand in a TOML file. SIGTERM and Ctrl-C finish what is in work; SIGHUP reads the settings again.
    """
    check_extra("lookalike serve")
    given = {
        "host": host,
        "port": port,
        "token": token,
        "read_token": read_token,
        "read_only": read_only,
        "cors_origins": cors or None,
        "allowed_hosts": allow_host or None,
        "access_log": access_log,
        "fetch_urls": fetch_urls,
        "threads": threads,
    }
    source = {"collection": collection, "model": model, "output": output, "runtime": runtime}

    def read() -> Settings:
        return _settings(config, given, source, deployments)

    settings = read()
    if check:
        _check(settings, as_json)
        return

    def started(address: str) -> None:
        names = ", ".join(sorted(settings.deployments))
        click.echo(f"Serving {names} on {address} (docs: {address}/docs)", err=True)

    run(settings, read, started)


def check_extra(command: str) -> None:
    """Say what is missing, and how to get it, where the server's libraries are not installed.

    Raises:
        MissingExtra: they are not.
    """
    try:
        from lookalike.server import running  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"`{command}` needs the extra `server` ({error.name} is missing): pip install 'lookalike[server]'"
        ) from None


def _settings(
    config: str | None, given: Mapping[str, Any], source: Mapping[str, str | None], named: tuple[str, ...]
) -> Settings:
    """The settings; `default` is the collection of the options, if no other one is named so."""
    from lookalike.collection import default_directory
    from lookalike.server import settings

    flags = {name: value for name, value in given.items() if value is not None}
    told = settings.load(Path(config) if config else None, flags)
    chosen = {name: value for name, value in source.items() if value is not None}
    deployments: dict[str, Any] = {name: one.model_dump() for name, one in told.deployments.items()}
    if chosen or settings.DEFAULT not in deployments:
        before = deployments.get(settings.DEFAULT) or {"collection": str(default_directory())}
        deployments[settings.DEFAULT] = before | chosen
    for text in named:
        name, equals, directory = text.partition("=")
        if not equals or not directory:
            raise UsageError(f"--deployment takes NAME=DIR, got {text!r}")
        deployments[name] = {"collection": directory}
    return settings.load(Path(config) if config else None, {**flags, "deployments": deployments})


def _check(settings: Settings, as_json: bool) -> None:
    from lookalike.server.deployments import Deployments
    from lookalike.server.settings import shown

    values = shown(settings)
    if as_json:
        click.echo(json.dumps(values))
    else:
        table = plain_table(("setting", "left"), ("value", "fold"))
        for name, value in values.items():
            table.add_row(name, value if isinstance(value, str) else json.dumps(value))
        console().print(table)
    deployments = Deployments(settings.limits)
    deployments.load(settings.deployments)
    deployments.close()
    click.echo("All collections can be served.", err=True)


def run(settings: Settings, read: Callable[[], Settings], started: Callable[[str], None]) -> None:
    """Serve until it is ended.

    Args:
        settings: what, and how.
        read: gives the settings anew.
        started: called with the address as soon as it can be asked.
    """
    from dataclasses import replace

    from lookalike.server import running
    from lookalike.server.auth import Auth, new_token

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("faiss").setLevel(logging.WARNING)
    auth = Auth.of(settings)
    if auth.required and auth.write is None and auth.read is None:
        auth = replace(auth, write=new_token())
        click.echo(f"Token, made for this run: {auth.write}", err=True)
    if not settings.is_loopback:
        click.echo("Anyone on the network can reach this address, and nothing is encrypted.", err=True)

    running.run(settings, auth, started=started, read_again=read)
    click.echo("Ended; nothing was in work any more.", err=True)
