"""`import lookalike` gives the documented names and nothing else.

The idea is httpx's tests/test_exported_members.py.
"""

from __future__ import annotations

import inspect
import types

import pytest

import lookalike
from lookalike import errors


def test_all_is_sorted_and_without_repeats() -> None:
    assert list(lookalike.__all__) == sorted(set(lookalike.__all__))


@pytest.mark.parametrize("name", lookalike.__all__)
def test_every_name_resolves(name: str) -> None:
    assert getattr(lookalike, name) is not None


@pytest.mark.parametrize("name", [name for name in lookalike.__all__ if not name.startswith("__")])
def test_every_name_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(lookalike, name))


def test_nothing_else_is_public() -> None:
    for name in lookalike.__all__:
        getattr(lookalike, name)  # a lazy name that leaks a helper must have done so by now
    helpers = {"TYPE_CHECKING", "annotations"}
    public = {
        name
        for name in dir(lookalike)
        if not name.startswith("_")
        and name not in helpers
        and not isinstance(getattr(lookalike, name), types.ModuleType)
    }
    assert public == {name for name in lookalike.__all__ if not name.startswith("_")}


def test_every_error_can_be_caught_by_its_public_name() -> None:
    tree = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.LookalikeError)
    }
    assert tree <= set(lookalike.__all__)


def test_an_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        lookalike.no_such_name  # noqa: B018
