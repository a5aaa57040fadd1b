"""The command line: one module a command, each the twin of a method of the library.

Modules here import nothing heavy at the top, so that `--help` is quick.

Exit codes: 0 done, 1 an error that the message explains, 2 wrong usage, 3 nothing found where a command
is a check, 130 interrupted.
"""

from __future__ import annotations

import io
import os
import signal
import sys

import click

from lookalike.cli.calibrate import calibrate
from lookalike.cli.cluster import cluster
from lookalike.cli.compare import compare
from lookalike.cli.demo import demo
from lookalike.cli.duplicates import duplicates
from lookalike.cli.evaluate import evaluate
from lookalike.cli.explain import explain
from lookalike.cli.export import export
from lookalike.cli.index import index
from lookalike.cli.info import info
from lookalike.cli.map import map_
from lookalike.cli.models import models
from lookalike.cli.outliers import outliers
from lookalike.cli.remove import remove
from lookalike.cli.search import search
from lookalike.cli.serve import serve
from lookalike.cli.train import train
from lookalike.errors import LookalikeError, is_lack_of_memory

INTERRUPTED = 130
TOO_LITTLE_MEMORY = (
    "there is too little memory: close other programs, or raise the limit, and try again. "
    "What was done so far is kept"
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(None, "-V", "--version", package_name="lookalike", message="lookalike %(version)s")
def lookalike() -> None:
    """What looks like this? Find lookalikes in your own pictures, offline.

    \b
      lookalike index photos/          put a folder of pictures into a collection
      lookalike search query.jpg       find the ones that look like this one
      lookalike duplicates             find the copies among them, and remove them safely
      lookalike cluster                see which groups there are
      lookalike map map.html           see all of them at a glance, near what they look like
      lookalike outliers               see what does not belong, and which labels are in doubt
      lookalike demo                   see it work on a small shop that it draws itself
    """  # noqa: D301 - \b is a character that keeps click from filling the lines


for command in (
    index,
    search,
    compare,
    explain,
    duplicates,
    cluster,
    map_,
    outliers,
    evaluate,
    train,
    calibrate,
    export,
    info,
    remove,
    models,
    serve,
    demo,
):
    lookalike.add_command(command)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a bar or a name must not end in a traceback
    try:
        code = lookalike.main(standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except LookalikeError as error:
        click.echo(f"Error: {error}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        click.echo("Interrupted. What was done so far is kept.", err=True)
        sys.stdout.flush()
        # Not sys.exit: threads may be at work still, and what they work on is not wanted any more.
        os._exit(INTERRUPTED)
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has heard enough (`| head`): that is no error. Click makes
        # SystemExit of it, and of nothing else in this mode.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        if is_lack_of_memory(error):
            click.echo(f"Error: {TOO_LITTLE_MEMORY}", err=True)
        elif isinstance(error, OSError):  # what files and pictures raise is mapped where it happens
            click.echo(f"Error: the output cannot be written: {error.strerror or error}", err=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        else:
            raise
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
