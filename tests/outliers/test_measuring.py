"""What pictures were measured to be is kept in few steps, and not fought for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lookalike.errors import CollectionError
from lookalike.outliers import measuring
from lookalike.outliers.measuring import Measures
from lookalike.outliers.quality import Quality

EVERY, PICTURES = 4, 400


class Readers:
    """Measures nothing: every picture is the same."""

    def spread(self, _work: Callable[..., Any], pictures: Sequence[Any]) -> Iterator[Quality]:
        return (Quality(100.0, 200.0, 20.0, 0.1) for _ in pictures)


@pytest.fixture
def measured(filled: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Measures drawn pictures and returns for each attempt to keep them how many were written."""
    monkeypatch.setattr(measuring, "_KEPT_EVERY", EVERY)

    def run(busy: bool) -> list[int]:
        gallery = filled(np.eye(PICTURES, 16, dtype=np.float32) + 1)
        writing, kept = gallery.writing, []

        @contextmanager
        def watched() -> Iterator[Any]:
            kept.append(0)
            if busy:
                raise CollectionError("another process writes")
            with writing() as one:
                keep = one.keep_arrays

                def counted(name: str, arrays: dict[str, Any]) -> None:
                    kept[-1] += len(arrays["contents"])
                    keep(name, arrays)

                monkeypatch.setattr(one, "keep_arrays", counted)
                yield one

        monkeypatch.setattr(gallery, "writing", watched)
        pictures = [replace(one, content=f"{one.id:016x}{0:048x}") for one in gallery.pictures()]
        measures = Measures(gallery)
        assert not measures.measure(pictures, Readers(), lambda *_: None)  # type: ignore[arg-type]
        assert all(measures[picture] is not None for picture in pictures)
        if not busy:
            assert all(Measures(gallery)[picture] is not None for picture in pictures)
        return kept

    return run


def test_a_busy_collection_is_not_asked_again_for_each_picture(measured: Any) -> None:
    assert len(measured(busy=True)) <= PICTURES // EVERY + 1


def test_the_table_is_not_written_again_and_again(measured: Any) -> None:
    kept = measured(busy=False)
    assert kept[0] == EVERY
    assert kept[-1] == PICTURES
    assert sum(kept) <= 6 * PICTURES  # growing by a quarter each time: 1 / (1 - 4/5) = 5 times, and the last
