"""The pages are true: their code runs, their commands exist, their links lead somewhere.

A ```python block is run unless `<!-- not run: why -->` stands on a line before it. The blocks of
one page run in order and share their names, in an empty folder that holds `pictures/` (twelve
drawn pictures and `shop.csv`) and `query.jpg`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from lookalike import errors, results

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"^(?:<!-- not run: (?P<why>[^\n]+?) -->\n+)?"
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)[^)]*\)")
SHELL = ("console", "sh", "bash")  # in `console` a command stands after `$ `, the rest is its output
COMMAND = "from lookalike.cli import main; main()"


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: the file it stands in, relative to the project.
        line: 1-based line of its first line of text.
        language: the word after the fence.
        text: what is between the fences.
        why_not_run: the reason given for not running it, or None.
    """

    page: str
    line: int
    language: str
    text: str
    why_not_run: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path, *languages: str) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    return [
        Block(
            name, text.count("\n", 0, match.start("text")) + 1, match["language"], match["text"], match["why"]
        )
        for match in FENCE.finditer(text)
        if match["language"] in languages
    ]


def commands(text: str, prompt: str) -> Iterator[list[str]]:
    """The `lookalike` commands among the lines that start with the prompt, each as its words.

    >>> list(commands("$ ls | lookalike index - 'a b'\\n12 added\\n$ lookalike search \\\\\\n  -k 3", "$ "))
    [['lookalike', 'index', '-', 'a b'], ['lookalike', 'search', '-k', '3']]
    """
    joined = text.replace("\\\n", " ")
    for line in joined.splitlines():
        if not line.startswith(prompt):
            continue
        lexer = shlex.shlex(line.removeprefix(prompt), posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if re.fullmatch(r"[|&;]+", word):
                if words[:1] == ["lookalike"]:
                    yield words
                words = []
            elif words or "=" not in word:
                words.append(word)


@functools.cache
def help_of(*path: str) -> str:
    """What `lookalike PATH… --help` prints; fails the test when there is no such command."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *path, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"no command `lookalike {' '.join(path)}`: {done.stderr}"
    return done.stdout


def subcommand(words: list[str]) -> tuple[str, ...]:
    """The leading words that name a command: `duplicates apply` of `duplicates apply plan.json`."""
    path: tuple[str, ...] = ()
    for word in words:
        if word.startswith("-"):
            break
        listed = re.search(r"Commands.*", help_of(*path), re.DOTALL)
        if not listed or (path and not re.search(rf"^\W*{re.escape(word)}\s", listed[0], re.MULTILINE)):
            break
        path = (*path, word)
    return path


def options(words: list[str]) -> list[str]:
    """The option names among the words, without their values."""
    found = []
    for word in words:
        if re.match(r"--[a-z]", word):
            found.append(word.partition("=")[0])
        elif re.match(r"-[A-Za-z]", word):
            found.append(word[:2])
    return found


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading.

    >>> slug("Exit codes: `0` and others")
    'exit-codes-0-and-others'
    """
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def anchors(page: Path) -> set[str]:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", prose, re.MULTILINE)}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


PYTHON = {name_of(page): blocks(page, "python") for page in PAGES}
NOT_RUN = [block for page in PYTHON.values() for block in page if block.why_not_run]
CONSOLE = [block for page in PAGES for block in blocks(page, *SHELL)]


@pytest.mark.parametrize("page", [page for page, found in PYTHON.items() if found])
def test_python_code_runs(page: str, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.open(pictures / "red-circle.jpg").resize((120, 120)).save(pictures.parent / "query.jpg")
    monkeypatch.chdir(pictures.parent)
    names = {"__name__": "__main__"}
    for block in PYTHON[page]:
        if not block.why_not_run:
            # Blank lines in front, so that a traceback names the line of the page.
            code = compile("\n" * (block.line - 1) + block.text, str(ROOT / page), "exec")
            exec(code, names)


def test_code_that_is_not_run() -> None:
    for block in NOT_RUN:
        compile(block.text, block.page, "exec")
    if NOT_RUN:
        pytest.skip("; ".join(f"{block}: {block.why_not_run}" for block in NOT_RUN))


@pytest.mark.parametrize("block", CONSOLE, ids=str)
def test_console_commands_exist(block: Block) -> None:
    for words in commands(block.text, "$ " if block.language == "console" else ""):
        path = subcommand(words[1:])
        assert path or words[1:2] == [] or words[1].startswith("-"), f"no such command: {shlex.join(words)}"
        known = help_of(*path)
        for option in options(words[1:]):
            found = re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", known)
            assert found, f"`lookalike {' '.join(path)}` has no {option}: {shlex.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for match in LINK.finditer(prose):
        target, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue  # elsewhere on the web
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{name_of(page)} links to {match['target']}"
        assert not anchor or anchor in anchors(file), f"{name_of(page)}: no heading for #{anchor}"


def test_every_page_can_be_reached_from_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {
        (index.parent / match["target"].partition("#")[0]).resolve()
        for match in LINK.finditer(index.read_text(encoding="utf-8"))
    }
    assert {page for page in PAGES if page.parent != ROOT} - {index} <= linked


def test_errors_page_lists_the_whole_tree() -> None:
    page = (ROOT / "docs" / "errors-and-exit-codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (\d+) \|", page, re.MULTILINE)
    tree = [
        (name, value.__bases__[0].__name__, str(value.exit_code))
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.LookalikeError)
    ]
    assert rows == tree


def test_python_page_lists_the_keys_of_every_result() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([A-Z]\w+)` \| (`[a-z_`, ]+`) \|$", page, re.MULTILINE))
    listed = {name: set(re.findall(r"\w+", keys)) for name, keys in rows.items()}
    assert listed == {
        name: keys_of(value)
        for name, value in vars(results).items()
        if isinstance(value, type) and dataclasses.is_dataclass(value)
    }


@pytest.mark.parametrize(
    ("page", "result"), [("indexing", results.IndexReport), ("searching", results.SearchResult)]
)
def test_json_examples_have_the_keys_of_their_result(page: str, result: type) -> None:
    for block in blocks(ROOT / "docs" / f"{page}.md", "json"):
        assert json.loads(block.text).keys() == keys_of(result), block


def keys_of(result: type) -> set[str]:
    """The names under which `as_json` gives what a result has."""
    fields = {field.name for field in dataclasses.fields(result)}
    return fields | {name for name, value in vars(result).items() if isinstance(value, property)}
