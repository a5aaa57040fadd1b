"""Imports point down the layers only.

The order is the one docs/architecture.md explains.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "lookalike"
LAYERS = [
    {"errors", "results"},
    {"vectors", "files", "images", "sandbox", "models", "runtimes", "filters", "metadata"},
    {"embedder", "gallery"},
    {"query", "neighbours"},
    {"duplicates", "reports"},
    {"indexing"},
    {"collection"},
    {"cli", "demo"},
]
LEVEL = {module: level for level, layer in enumerate(LAYERS) for module in layer}
# The face of the package and the way to run it may look at everything.
OUTSIDE = {"__init__", "__main__"}
MODULES = sorted(SOURCE.rglob("*.py"))


def part(path: Path) -> str:
    """The module or subpackage directly below `lookalike` that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """The dotted names of all modules imported anywhere below a node."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "lookalike":
            yield from (f"lookalike.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_imports_point_down(path: Path) -> None:
    here = part(path)
    if here in OUTSIDE:
        return
    assert here in LEVEL, f"{here} has no layer: give it one here and in docs/architecture.md"
    for name in imported(ast.parse(path.read_text(encoding="utf-8"))):
        package, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if package == "lookalike" and other in LEVEL:
            assert LEVEL[other] <= LEVEL[here], f"{here} must not import {name}, which is above it"


def test_a_module_has_one_layer() -> None:
    assert len(LEVEL) == sum(map(len, LAYERS))
