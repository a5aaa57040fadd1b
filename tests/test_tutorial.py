"""The tutorial runs from top to bottom in an empty folder, and what it says comes true."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from lookalike.cli import lookalike

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tutorial.md"


def commands() -> list[list[str]]:
    """Its `$ lookalike` lines, each as its words without the first."""
    blocks = re.findall(r"^```console\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("$ lookalike ")]
    return [shlex.split(line)[2:] for line in lines]


@pytest.mark.slow
def test_every_command_of_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words: str) -> str:
        done = CliRunner().invoke(lookalike, words)
        assert done.exit_code == 0, f"lookalike {shlex.join(words)}: {done.exception!r} {done.output}"
        return done.stdout

    said = {shlex.join(words): run(*words) for words in commands()}
    assert len(said) == len(commands()) > 12

    def output(start: str) -> str:
        return next(text for words, text in said.items() if words.startswith(start))

    assert "300 added" in output("index")
    assert "fruit-1 is better: the collection is searched with it from now on" in output("train")
    assert {"before.html", "worst.html", "after.html", "fruit.npz", "fruit-1.lookalike-model"} <= {
        path.name for path in tmp_path.iterdir()
    }
    both = next(words for words in commands() if words[0] == "evaluate" and "fruit-1" in words)
    before, after = (json.loads(line) for line in run(*both, "--json").splitlines())
    assert (before["model"], after["model"]) == ("efficientnet-lite0", "fruit-1")
    assert after["map@r"] > before["map@r"] + 0.15
    assert after["recall@1"] >= before["recall@1"]
    hits = json.loads(output("search fruit/pictures/kiwi"))["results"]
    assert all(hit["probability"] is not None for hit in hits)
