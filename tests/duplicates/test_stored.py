"""The copies that were found last, as they are told again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.collection import Collection
from lookalike.duplicates import stored
from lookalike.errors import CollectionBusy
from lookalike.gallery.base import Gallery
from lookalike.results import Duplicates


@pytest.fixture
def folder(tmp_path: Path, photo: Callable[..., np.ndarray]) -> Path:
    """Three photos, each with a small copy, the first one with one of the same bytes as well."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        image = Image.fromarray(photo(number, (640, 480)))
        image.save(folder / f"{number}.jpg", quality=92)
        image.resize((320, 240)).save(folder / f"{number}-small.jpg")
    shutil.copy(folder / "0.jpg", folder / "0-again.jpg")
    return folder


@pytest.fixture
def collection(folder: Path, tmp_path: Path) -> Collection:
    collection = Collection.open(tmp_path / "c")
    collection.add(folder)
    return collection


def names(found: Duplicates) -> dict[str, list[str]]:
    return {
        Path(group.keep).name: [Path(member.path).name for member in group.members] for group in found.groups
    }


def now(collection: Collection) -> dict[str, list[str]]:
    told = collection.found_duplicates()
    assert told is not None
    return names(told.found)


def test_what_was_found_is_told_again(collection: Collection, folder: Path) -> None:
    assert collection.found_duplicates() is None
    found = collection.duplicates(threads=1)
    told = collection.found_duplicates()
    assert told is not None
    assert told.found == found
    assert told.made.endswith("Z")
    assert told.last == 7
    # Looking for copies of other pictures does not change it.
    collection.duplicates([folder / "1.jpg"], threads=1)
    assert now(collection) == names(found)
    with Collection.open(collection.directory) as again:
        assert again.found_duplicates() == told


def test_what_has_gone_changed_or_was_decided_is_left_out(collection: Collection, folder: Path) -> None:
    collection.duplicates(threads=1)
    whole = now(collection)
    assert {key: sorted(value) for key, value in whole.items()} == {
        "0.jpg": ["0-again.jpg", "0-small.jpg"],
        "1.jpg": ["1-small.jpg"],
        "2.jpg": ["2-small.jpg"],
    }
    collection.distinct([folder / "0.jpg", folder / "0-again.jpg"])
    assert now(collection)["0.jpg"] == ["0-small.jpg"]
    collection.distinct([folder / "0.jpg", folder / "0-again.jpg"], forget=True)
    assert sorted(now(collection)["0.jpg"]) == ["0-again.jpg", "0-small.jpg"]

    (folder / "0.jpg").rename(folder / "moved.jpg")
    (folder / "1-small.jpg").unlink()
    Image.new("RGB", (90, 80)).save(folder / "2.jpg")
    collection.add(folder)
    assert {key: sorted(value) for key, value in now(collection).items()} == {
        "moved.jpg": ["0-again.jpg", "0-small.jpg"]
    }
    collection.remove([folder / "moved.jpg"])
    assert now(collection) == {}


def test_what_cannot_be_kept_is_given_and_told_of(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = collection.duplicates(threads=1)
    before = collection.gallery.note(stored.NOTE)
    monkeypatch.setattr(stored, "patiently", lambda work: work())  # without patience
    with (
        Collection.open(collection.directory) as other,
        other.gallery.writing(),
        pytest.warns(UserWarning, match="could not be kept with the collection: this process"),
    ):
        again = collection.duplicates(threads=1)
    assert again.groups == found.groups
    assert collection.gallery.note(stored.NOTE) == before


def test_whoever_writes_for_a_moment_is_waited_for(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []
    keep = stored.keep

    def busy_at_first(gallery: Gallery, found: Duplicates) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise CollectionBusy("somebody writes")
        keep(gallery, found)

    monkeypatch.setattr(stored, "keep", busy_at_first)
    found = collection.duplicates(threads=1)
    told = collection.found_duplicates()
    assert told is not None
    assert (told.found, len(tries)) == (found, 3)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{", '{"layout": 99}', '{"layout": 1}', '{"layout":1,"found":{}}']
)
def test_what_cannot_be_understood_is_nothing(collection: Collection, text: str) -> None:
    with collection.gallery.writing() as writing:
        writing.set_note(stored.NOTE, text)
    assert collection.found_duplicates() is None


def test_every_field_comes_back(collection: Collection) -> None:
    found = collection.duplicates(threads=1, bursts=True)
    kept = json.loads(collection.gallery.note(stored.NOTE) or "")
    assert stored.read(json.dumps(kept)) == collection.found_duplicates()
    assert kept["found"]["dated"] == found.dated
