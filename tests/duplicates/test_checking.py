"""One picture against a collection: its copies are found, whatever was done to it, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.collection import Collection
from lookalike.errors import NotInCollection, PictureError, UsageError
from lookalike.images import Limits

COUNT = 12


@pytest.fixture
def collection(photo: Callable[..., np.ndarray], tmp_path: Path) -> Iterator[Collection]:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(COUNT):
        Image.fromarray(photo(number)).save(folder / f"{number:02}.png")
    with Collection.open(tmp_path / "c") as collection:
        collection.add(folder)
        yield collection


def encoded(picture: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def test_copies_are_found(collection: Collection, photo: Callable[..., np.ndarray]) -> None:
    original = Image.fromarray(photo(3))
    row = collection.picture(4)
    for data, kind in (
        (Path(row.path).read_bytes(), "exact"),
        (encoded(original, "BMP"), "pixels"),
        (encoded(original, quality=60), "near"),
        (encoded(original.crop((40, 30, 280, 210)), quality=85), "edited"),
    ):
        found = collection.copies(data)
        assert [(copy.picture.id, copy.kind) for copy in found.copies] == [(4, kind)]
        assert found.copies[0].probability >= 0.99
        assert (found.compared, found.failed, found.query) == (COUNT, (), "<bytes>")


def test_the_transform_leads_from_the_query_to_the_picture(
    collection: Collection, photo: Callable[..., np.ndarray]
) -> None:
    part = Image.fromarray(photo(3)).crop((40, 30, 280, 210))
    (copy,) = collection.copies(encoded(part, "PNG")).copies
    matrix = np.array(copy.transform)
    assert np.allclose(matrix, [[1, 0, 40], [0, 1, 30]], atol=1.5)


def test_others_are_no_copies(collection: Collection, photo: Callable[..., np.ndarray]) -> None:
    assert collection.copies(encoded(Image.fromarray(photo(99)))).copies == ()
    assert collection.copies(4).copies == ()  # the picture itself


def test_a_file_that_is_gone_is_told(collection: Collection, photo: Callable[..., np.ndarray]) -> None:
    gone = Path(collection.picture(4).path)
    gone.unlink()
    found = collection.copies(encoded(Image.fromarray(photo(3))))
    assert [failure.path for failure in found.failed] == [str(gone)]
    assert found.copies == ()


def test_what_cannot_be_asked(collection: Collection) -> None:
    with pytest.raises(UsageError, match="precision"):
        collection.copies(1, precision=0)
    with pytest.raises(UsageError, match="candidates"):
        collection.copies(1, candidates=0)
    with pytest.raises(PictureError):
        collection.copies(b"no picture")
    with pytest.raises(NotInCollection):
        collection.copies(999)
    with Collection.open(collection.directory, limits=Limits(max_pixels=100)) as strict:
        with pytest.raises(PictureError, match="too many pixels"):
            strict.copies(1)
        with pytest.raises(PictureError, match="too many pixels"):
            strict.search(Path(collection.picture(1).path).read_bytes())
