"""How long work tells how far it is: the functions that are called meanwhile. Nothing here shows anything."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called now and then with how much is done, and of how much."""

Stages = Callable[[str, int, int], None]
"""Called now and then with the name of a stage, what is done of it, and what it has in all; 0 when that is
not known."""

Attempts = Callable[[int, int], None]
"""Called now and then with how many were tried, and how many of them failed or were skipped."""


def silent(*_: object) -> None:
    """Stands for any of these where nobody listens."""
