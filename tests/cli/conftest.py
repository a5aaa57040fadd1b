"""The command line in this process, with its own streams."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lookalike.cli import main
from lookalike.embedder import Embedder


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is one JSON value and nothing else."""
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Shell = Callable[..., Ended]


@pytest.fixture(autouse=True, scope="module")
def one_network() -> Iterator[None]:
    """Each network is loaded once, not by every command."""
    load = functools.cache(Embedder.load)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Embedder, "load", load)
        yield


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Runs `lookalike` with these arguments, in `tmp_path`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, stdin: bytes = b"", columns: int = 100) -> Ended:
        monkeypatch.setattr(sys, "argv", ["lookalike", *(os.fspath(a) for a in arguments)])  # type: ignore[call-overload]
        with CliRunner().isolation(input=stdin, env={"COLUMNS": str(columns)}) as (out, err, _):
            with pytest.raises(SystemExit) as ended:
                main()
            sys.stdout.flush()
            code = ended.value.code
            return Ended(int(code or 0), out.getvalue().decode(), err.getvalue().decode())

    return run


@pytest.fixture
def indexed(shell: Shell, pictures: Path) -> Shell:
    """A shell in a folder with `pictures/` and a collection of them."""
    assert shell("index", "pictures", "--metadata", "pictures/shop.csv").code == 0
    return shell
