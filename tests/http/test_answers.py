"""The description of answers keeps step with the results that they are."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from pydantic import BaseModel

from lookalike import results
from lookalike.server.schemas import answers

SAME: list[tuple[type[BaseModel], Any]] = [
    (answers.Hit, results.Hit),
    (answers.SearchAnswer, results.SearchResult),
    (answers.Comparison, results.Comparison),
    (answers.Heat, results.Heat),
    (answers.Explanation, results.Explanation),
    (answers.Facts, results.PictureFacts),
    (answers.Copy, results.Copy),
    (answers.Copies, results.Copies),
    (answers.Failure, results.Failure),
    (answers.Model, results.ModelInfo),
    (answers.Grouping, results.Grouping),
    (answers.Info, results.CollectionInfo),
    (answers.ValueCount, results.ValueCount),
    (answers.Facet, results.Facet),
    (answers.Facets, results.Facets),
    (answers.Curve, results.Calibration),
]


def told(result: Any) -> set[str]:
    """The names that `as_json` gives: fields and properties."""
    properties = {name for name, value in vars(result).items() if isinstance(value, property)}
    return {field.name for field in dataclasses.fields(result)} | properties


@pytest.mark.parametrize(("described", "result"), SAME, ids=lambda kind: kind.__name__)
def test_an_answer_is_described_with_all_that_it_has(described: type[BaseModel], result: Any) -> None:
    assert set(described.model_fields) == told(result)


EXAMPLES = [
    kind
    for kind in vars(answers).values()
    if isinstance(kind, type) and issubclass(kind, BaseModel) and "json_schema_extra" in kind.model_config
]


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_an_example_is_an_answer(kind: type[BaseModel]) -> None:
    example = kind.model_config["json_schema_extra"]["example"]  # type: ignore[index, call-overload]
    assert kind.model_validate(example).model_dump(mode="json") == example
