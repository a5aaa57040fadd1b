"""The curl examples of docs/serving.md work, one after the other, on a real server."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from serving import make_collection, start

PAGE = Path(__file__).resolve().parents[2] / "docs" / "serving.md"


def examples() -> list[str]:
    """The lines of the page's `sh` blocks, those that go on joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, draw_shop: Callable[[Path], Path]):
    folder = tmp_path_factory.mktemp("docs")
    server = start(make_collection(folder, draw_shop(folder / "pictures")))
    yield server
    server.stop()


def test_there_are_examples() -> None:
    assert len(examples()) >= 12


def test_the_examples_work(place) -> None:
    for line in examples():
        run(place, line)


def run(place, line: str) -> None:
    assert line.startswith("curl ")
    real = line.replace("curl ", "curl -sS --fail-with-body ", 1).replace("http://127.0.0.1:8000", place.url)
    done = subprocess.run(
        ["bash", "-c", real], cwd=place.folder, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, (line, done.stdout, done.stderr)


def test_the_table_has_every_setting() -> None:
    from lookalike.server.settings import Settings

    table = PAGE.read_text("utf-8").partition("| setting |")[2].partition("\n\n")[0]
    named = {
        name
        for row in table.splitlines()
        for name in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    }
    assert named == set(Settings.model_fields)
