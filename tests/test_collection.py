"""The façade: every search against a comparison with everything, and the figures it tells."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike import files, models
from lookalike.collection import Collection, default_directory, default_threads
from lookalike.comparing import compare
from lookalike.embedder import Embedder
from lookalike.errors import (
    CollectionBusy,
    CollectionError,
    CollectionNotFound,
    FilterError,
    ModelError,
    NotInCollection,
    PictureError,
    UsageError,
)
from lookalike.gallery.base import Matches
from lookalike.gallery.local import LocalGallery
from lookalike.query import AGAINST_WEIGHT, Region
from lookalike.results import SearchResult
from lookalike.vectors import canonical, cosines

COUNT = 60
KINDS = ("stone", "leaf", "sand")


def drawn(seed: int, size: tuple[int, int] = (150, 110)) -> Image.Image:
    """Soft noise: every seed another picture."""
    noise = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty pictures in `in/`, some of them equal, and a collection of them."""
    place = tmp_path_factory.mktemp("original")
    (place / "in").mkdir()
    rows = ["path,kind,number,good"]
    for number in range(COUNT):
        name = f"{number:02}.{('jpg', 'png')[number % 2]}"
        drawn(number).save(place / "in" / name)
        rows.append(f"{name},{KINDS[number % 3]},{number},{str(number % 4 == 0).lower()}")
    for copy in ("60.jpg", "61.jpg", "62.jpg"):
        shutil.copy(place / "in" / "20.jpg", place / "in" / copy)
    (place / "in" / "facts.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    drawn(500).save(place / "outside.png")
    with Collection.open(place / "shop") as collection:
        assert collection.add(place / "in", metadata=place / "in" / "facts.csv").added == COUNT + 3
    return place


@pytest.fixture
def place(original: Path) -> Path:
    """The original, which tests only read."""
    return original


@pytest.fixture(scope="module")
def shop(original: Path) -> Iterator[Collection]:
    with Collection.open(original / "shop") as collection:
        yield collection


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder.load()


class Reference:
    """What a search must find: the slow way, straight from the files."""

    def __init__(self, shop: Collection, embedder: Embedder) -> None:
        self.rows = list(shop.gallery.pictures())
        self.ids = np.array([row.id for row in self.rows])
        self.vectors = embedder.embed([row.path for row in self.rows])

    def nearest(
        self,
        vector: np.ndarray,
        k: int,
        *,
        without: Sequence[int] = (),
        only: Callable[..., bool] | None = None,
    ) -> list[tuple[int, float]]:
        similarities = cosines(vector, self.vectors)
        order = [
            i
            for i in np.lexsort((self.ids, -similarities))
            if self.ids[i] not in without and (only is None or only(self.rows[i].metadata))
        ]
        return [(int(self.ids[i]), float(similarities[i])) for i in order[:k]]


@pytest.fixture(scope="module")
def reference(shop: Collection, embedder: Embedder) -> Reference:
    return Reference(shop, embedder)


def found(result: SearchResult) -> list[tuple[int, float]]:
    assert [hit.rank for hit in result.results] == list(range(1, len(result.results) + 1))
    return [(hit.id, hit.similarity) for hit in result.results]


# --- what can be asked -----------------------------------------------------------------------


def test_an_indexed_picture_by_path_and_by_id(shop: Collection, place: Path, reference: Reference) -> None:
    for number in (0, 1, 33):
        row = reference.rows[number]
        expected = reference.nearest(reference.vectors[number], 7, without=[row.id])
        for asked in (row.path, Path(row.path), os.path.relpath(row.path), row.id, np.int64(row.id)):
            assert found(shop.search(asked, 7)) == expected


def test_a_picture_from_outside_in_every_form(
    shop: Collection, place: Path, reference: Reference, embedder: Embedder
) -> None:
    path = place / "outside.png"
    expected = reference.nearest(embedder.embed([path])[0], 10)
    assert found(shop.search(path)) == expected
    assert found(shop.search(path.read_bytes())) == expected
    with Image.open(path) as image:
        image.load()
        assert found(shop.search(image)) == expected
        pixels = np.asarray(image)
    assert found(shop.search(pixels)) == expected


def test_the_name_of_a_query(shop: Collection, place: Path) -> None:
    assert shop.search(place / "outside.png", 1).query == str(place / "outside.png")
    assert shop.search(3, 1).query == "#3"
    assert shop.search((place / "outside.png").read_bytes(), 1).query == "<bytes>"
    assert shop.search(np.zeros((9, 9, 3), np.uint8), 1).query == "<array>"
    assert shop.search(drawn(1), 1).query == "<array>"


def test_the_indexed_vector_is_used_while_the_file_is_unchanged(
    shop: Collection, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> bytes:
        raise AssertionError("the file was read")

    monkeypatch.setattr(files, "read", refused)
    assert shop.search(reference.rows[5].path, 3).results


# --- what is left out ------------------------------------------------------------------------


def test_the_picture_itself_is_left_out_but_not_its_copies(shop: Collection, reference: Reference) -> None:
    row = reference.rows[20]
    copies = [r.id for r in reference.rows[60:]]
    result = shop.search(row.path, 4)
    assert [hit.id for hit in result.results][:3] == copies  # equal similarity: by id
    assert [hit.similarity for hit in result.results][:3] == pytest.approx([1, 1, 1], abs=1e-6)
    assert row.id not in [hit.id for hit in result.results]
    assert [hit.id for hit in shop.search(row.path, 4, include_self=True).results] == [row.id, *copies]


def test_of_the_same_bytes_from_elsewhere_all_copies_are_left_out(
    shop: Collection, reference: Reference, tmp_path: Path
) -> None:
    row = reference.rows[20]
    same = [row.id, *(r.id for r in reference.rows[60:])]
    elsewhere = Path(shutil.copy(row.path, tmp_path / "elsewhere.jpg"))
    expected = reference.nearest(reference.vectors[20], 5, without=same)
    for asked in (elsewhere, elsewhere.read_bytes()):
        assert found(shop.search(asked, 5)) == expected
        with_self = shop.search(asked, 5, include_self=True)
        assert [hit.id for hit in with_self.results][:4] == same


def test_the_query_that_changed_since_it_was_indexed(tmp_path: Path, embedder: Embedder) -> None:
    for number in range(4):
        drawn(number).save(tmp_path / f"{number}.jpg")
    with Collection.open(tmp_path / "c") as collection:
        collection.add(tmp_path)
        drawn(77).save(tmp_path / "2.jpg")
        new = embedder.embed([tmp_path / "2.jpg"])[0]
        result = collection.search(tmp_path / "2.jpg")
        assert [hit.id for hit in result.results].count(3) == 0  # its own row
        one = collection.gallery.vectors(collection.space, [1])
        assert {h.id: h.similarity for h in result.results}[1] == float(cosines(new, one)[0])


def test_a_query_whose_file_has_vanished(tmp_path: Path) -> None:
    for number in range(4):
        drawn(number).save(tmp_path / f"{number}.jpg")
    with Collection.open(tmp_path / "c") as collection:
        collection.add(tmp_path)
        expected = found(collection.search(2))
        (tmp_path / "1.jpg").unlink()
        assert found(collection.search(tmp_path / "1.jpg")) == expected
        assert found(collection.search(2)) == expected
        with pytest.raises(PictureError, match=r"1\.jpg: cannot be read"):
            collection.search(2, region="0,0,0.5,0.5")


# --- several pictures, regions ---------------------------------------------------------------


def test_also_and_against(shop: Collection, reference: Reference, place: Path, embedder: Embedder) -> None:
    v = reference.vectors.astype(np.float64)
    a, b, c = (reference.rows[i] for i in (1, 2, 3))
    mixed = canonical(((v[1] + v[2]) / 2 - AGAINST_WEIGHT * v[3])[None])[0]
    assert found(shop.search(a.path, 8, also=[b.id], against=[c.path])) == reference.nearest(
        mixed, 8, without=[a.id, b.id, c.id]
    )
    outside = embedder.embed([place / "outside.png"]).astype(np.float64)[0]
    mixed = canonical(((v[1] + outside) / 2)[None])[0]
    result = shop.search(a.id, 8, also=[(place / "outside.png").read_bytes()], include_self=True)
    assert found(result) == reference.nearest(mixed, 8)


def test_a_picture_against_itself(shop: Collection) -> None:
    result = shop.search(1, 3, against=[1], include_self=True)  # half of it is left: the same direction
    assert found(result) == found(shop.search(1, 3, include_self=True))


def test_a_region(shop: Collection, reference: Reference, embedder: Embedder) -> None:
    path = reference.rows[1].path  # a PNG: its pixels are the same in every decoder
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    own = [reference.rows[1].id]
    part = np.ascontiguousarray(pixels[11:77, 30:120])
    expected = reference.nearest(embedder.embed([part])[0], 6, without=own)
    for region in ("30,11,90,66", "0.2,0.1,0.6,0.6", Region(30, 11, 90, 66)):
        assert found(shop.search(path, 6, region=region)) == expected
        assert found(shop.search(own[0], 6, region=region)) == expected
    everything = shop.search(path, 6, region="0,0,1,1")
    assert found(everything) == found(shop.search(path, 6))


@pytest.mark.parametrize("region", ["1,2,3", "a,b,c,d", "0,0,0,1", "-1,0,5,5", "200,0,10,10", "nan,0,1,1"])
def test_a_wrong_region(shop: Collection, region: str) -> None:
    with pytest.raises(UsageError, match="region"):
        shop.search(1, region=region)


# --- filters, thresholds, k ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "only"),
    [
        ('kind == "leaf"', lambda m: m.get("kind") == "leaf"),
        ("number < 3 or number == 40", lambda m: m.get("number") in (0, 1, 2, 40)),
        ('good and kind != "sand"', lambda m: bool(m.get("good")) and m.get("kind") != "sand"),
        ("number > 1000", lambda m: False),
    ],
)
def test_where(
    shop: Collection,
    place: Path,
    reference: Reference,
    embedder: Embedder,
    where: str,
    only: Callable[..., bool],
) -> None:
    vector = embedder.embed([place / "outside.png"])[0]
    for k in (1, 5, 100):
        expected = reference.nearest(vector, k, only=only)
        assert found(shop.search(place / "outside.png", k, where=where)) == expected
        assert found(shop.search(place / "outside.png", k, where=shop.filter(where))) == expected


def test_where_and_the_query_left_out(shop: Collection, reference: Reference) -> None:
    expected = reference.nearest(
        reference.vectors[0], 3, without=[1], only=lambda m: m.get("number", 99) in (0, 3, 6)
    )
    assert found(shop.search(1, 3, where="number == 0 or number == 3 or number == 6")) == expected
    assert len(expected) == 2


def test_a_wrong_filter_points_at_the_place(shop: Collection) -> None:
    with pytest.raises(FilterError, match="did you mean kind") as caught:
        shop.search(1, where='good and kin == "leaf"')
    assert caught.value.position == 9


def test_hits_carry_what_is_known(shop: Collection, place: Path) -> None:
    (hit,) = shop.search(place / "outside.png", 1, where="number == 7").results
    assert hit.path == str(place / "in" / "07.png")
    assert hit.metadata == {"kind": "leaf", "number": 7, "good": False}
    assert (hit.missing, hit.probability) == (False, None)
    assert hit.distance == 1 - hit.similarity


def test_a_threshold(shop: Collection, reference: Reference) -> None:
    everything = reference.nearest(reference.vectors[4], 100, without=[reference.rows[4].id])
    least = everything[9][1]
    asked = reference.rows[4].id
    assert found(shop.search(asked, 100, threshold=least)) == [e for e in everything if e[1] >= least]
    assert found(shop.search(asked, 5, threshold=least)) == everything[:5]
    assert found(shop.search(asked, 5, threshold=1.0)) == []
    assert len(found(shop.search(asked, 100, threshold=-1.0))) == len(everything)


@pytest.mark.parametrize("threshold", [1.01, -2, float("nan")])
def test_a_wrong_threshold(shop: Collection, threshold: float) -> None:
    with pytest.raises(UsageError, match="threshold must be a similarity from -1 to 1"):
        shop.search(1, threshold=threshold)


def test_more_than_there_are(shop: Collection, reference: Reference) -> None:
    assert found(shop.search(1, 10_000)) == reference.nearest(reference.vectors[0], 10_000, without=[1])
    assert len(shop.search(1, 10_000).results) == COUNT + 2


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_1(shop: Collection, k: int) -> None:
    with pytest.raises(UsageError, match=f"k must be at least 1, got {k}"):
        shop.search(1, k)


def test_exact_is_the_same_here_and_passed_on(shop: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shop.search(1, 20, exact=True) == shop.search(1, 20)
    asked: list[bool] = []
    search = LocalGallery.search

    def noted(self: LocalGallery, *args: object, **options: object) -> list[Matches]:
        asked.append(bool(options["exact"]))
        return search(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalGallery, "search", noted)
    shop.search(1, exact=True)
    shop.search(1)
    assert asked == [True, False]


def test_searches_are_the_same_every_time_and_in_every_process(shop: Collection, place: Path) -> None:
    first = shop.search(place / "outside.png", 30)
    assert all(shop.search(place / "outside.png", 30) == first for _ in range(3))
    code = f"""
        from lookalike import Collection
        with Collection.open({str(place / "shop")!r}) as shop:
            for hit in shop.search({str(place / "outside.png")!r}, 30).results:
                print(hit.id, hit.similarity.hex())
    """
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert told.stdout.split("\n")[:-1] == [f"{h.id} {h.similarity.hex()}" for h in first.results]


# --- errors ----------------------------------------------------------------------------------


def test_what_is_no_picture(shop: Collection, place: Path, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_bytes(b"no picture")
    cases: list[tuple[object, str]] = [
        (tmp_path / "none.jpg", "none.jpg: cannot be read: no such file"),
        (tmp_path / "text.jpg", "text.jpg: not a picture"),
        (place / "in", "in: cannot be read: a folder"),
        (b"", "empty"),
        (b"no picture", "not a picture"),
        (np.zeros((0, 5, 3), np.uint8), "array"),
    ]
    for asked, message in cases:
        with pytest.raises(PictureError, match=message):
            shop.search(asked)  # type: ignore[arg-type]


def test_ids_and_paths_that_are_unknown(shop: Collection, place: Path) -> None:
    with pytest.raises(NotInCollection, match="no picture 999"):
        shop.search(999)
    with pytest.raises(NotInCollection, match=r"outside\.png is not in the collection"):
        shop.picture(place / "outside.png")
    with pytest.raises(NotInCollection):
        shop.remove([1, 999])
    assert shop.picture(1).id == 1


def test_no_collection(tmp_path: Path, place: Path) -> None:
    with Collection.open(tmp_path / "nothing") as nothing:
        for use in (nothing.info, lambda: nothing.search(place / "outside.png"), lambda: nothing.remove([1])):
            with pytest.raises(CollectionNotFound, match="lookalike index"):
                use()
    assert not (tmp_path / "nothing").exists()


def test_a_model_the_collection_does_not_have(place: Path, tmp_path: Path) -> None:
    with (
        Collection.open(place / "shop", output="texture") as other,
        pytest.raises(
            CollectionError,
            match=r"no vectors of output texture: it has efficientnet-lite0, output embedding",
        ),
    ):
        other.search(1)
    with (
        Collection.open(place / "shop", model="none") as other,
        pytest.raises(CollectionError, match="model none"),
    ):
        other.search(1)
    with Collection.open(tmp_path / "c", model="none") as other, pytest.raises(ModelError, match="'none'"):
        other.add(place / "in")
    assert not (tmp_path / "c").exists()


def test_a_model_that_is_not_the_one_it_was(
    shop: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.Card, "identity", lambda *_: "0" * 32)
    with Collection.open(place / "shop") as other:
        with pytest.raises(ModelError, match="is not the one this collection was made with"):
            other.search(place / "outside.png")
        with pytest.raises(ModelError, match="is not the one this collection was made with"):
            other.add(place / "in")


# --- looking after a collection --------------------------------------------------------------


def test_info(shop: Collection, place: Path) -> None:
    info = shop.info()
    pictures = [p for p in (place / "in").iterdir() if p.suffix != ".csv"]
    assert (info.images, info.missing, info.failed) == (COUNT + 3, 0, 0)
    assert info.picture_bytes == sum(p.stat().st_size for p in pictures)
    on_disk = sum(p.stat().st_size for p in (place / "shop").iterdir())
    assert info.bytes == pytest.approx(on_disk, rel=0.2)
    assert info.bytes_per_image == info.bytes / info.images
    assert info.smaller == info.picture_bytes / info.bytes
    assert info.columns == {"good": "truth", "kind": "text", "number": "number"}
    (model,) = info.models
    assert (model.model, model.output, model.runtime) == ("efficientnet-lite0", "embedding", "onnxruntime")
    assert (model.dimension, model.vectors, model.index, model.recall) == (256, COUNT + 3, "exact", 1.0)


def test_missing_pictures_are_found_and_marked_until_they_are_removed(tmp_path: Path) -> None:
    for number in range(6):
        drawn(number).save(tmp_path / f"{number}.jpg")
    with Collection.open(tmp_path / "c") as collection:
        collection.add(tmp_path)
        for name in ("1.jpg", "4.jpg"):
            (tmp_path / name).unlink()
        collection.add(tmp_path)
        assert collection.info().missing == 2
        missing = {h.path: h.missing for h in collection.search(1).results}
        assert {os.path.basename(p) for p, gone in missing.items() if gone} == {"1.jpg", "4.jpg"}
        removed = collection.remove(missing=True)
        assert removed == [str(tmp_path / "1.jpg"), str(tmp_path / "4.jpg")]
        assert collection.remove(missing=True) == []
        assert (collection.info().images, collection.info().missing) == (4, 0)
        assert len(collection.search(1).results) == 3


def test_remove_by_id_path_and_filter(tmp_path: Path) -> None:
    lines = ["path,number"]
    for number in range(6):
        drawn(number).save(tmp_path / f"{number}.jpg")
        lines.append(f"{number}.jpg,{number}")
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    with Collection.open(tmp_path / "c") as collection:
        collection.add(tmp_path, metadata=tmp_path / "t.csv")
        removed = collection.remove([tmp_path / "5.jpg", 1], where="number == 2 or number == 0")
        assert [os.path.basename(path) for path in removed] == ["0.jpg", "2.jpg", "5.jpg"]
        assert all((tmp_path / f"{number}.jpg").exists() for number in range(6))
        assert [hit.id for hit in collection.search(drawn(9)).results if hit.id in (1, 3, 6)] == []
        report = collection.add(tmp_path)  # they are still in the folder
        assert (report.added, report.unchanged) == (3, 3)
        assert min(p.id for p in collection.gallery.pictures() if p.path.endswith("0.jpg")) > 6


def test_thumbnails(shop: Collection, place: Path) -> None:
    for name in (str(place / "outside.png"), "#1", str(place / "in" / "01.png")):
        small = shop.thumbnail(name, side=64)
        assert small is not None
        with Image.open(io.BytesIO(small)) as image:
            assert (image.format, max(image.size)) == ("JPEG", 64)
    for name in ("#999", "#x", "<bytes>", "<array>", str(place / "none.jpg"), str(place)):
        assert shop.thumbnail(name) is None


def test_a_collection_can_be_closed_twice_and_used_again(place: Path) -> None:
    collection = Collection.open(place / "shop")
    first = collection.search(place / "in" / "01.png", 5)
    collection.close()
    collection.close()
    assert collection.search(place / "in" / "01.png", 5) == first
    collection.close()


def test_where_a_collection_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_directory() == Path(".lookalike")
    monkeypatch.setenv("LOOKALIKE_COLLECTION", "/somewhere/else")
    assert default_directory() == Path("/somewhere/else")
    assert Collection.open().directory == Path("/somewhere/else")
    monkeypatch.setenv("LOOKALIKE_COLLECTION", "")
    assert default_directory() == Path(".lookalike")
    assert 1 <= default_threads() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("threads", [0, -1])
def test_fewer_than_one_thread_are_refused(shop: Collection, place: Path, threads: int) -> None:
    calls: list[Callable[[], object]] = [
        lambda: shop.add(place / "in", threads=threads),
        lambda: shop.map(threads=threads),
        lambda: shop.map("map.html", threads=threads),
        lambda: shop.train("mine", "kind", threads=threads),
        lambda: shop.finetune("mine", "kind", threads=threads),
    ]
    for call in calls:
        with pytest.raises(UsageError, match=f"threads must be at least 1, got {threads}"):
            call()


# --- compare ---------------------------------------------------------------------------------


def test_compare_gives_the_number_of_the_search(
    shop: Collection, place: Path, reference: Reference, embedder: Embedder
) -> None:
    outside = str(place / "outside.png")
    for a, others in ((reference.rows[0].path, (0, 2, 20)), (outside, (2,))):
        similar = {hit.path: hit.similarity for hit in shop.search(a, 100, include_self=True).results}
        for b in (reference.rows[i].path for i in others):
            assert compare(a, b, embedder=embedder).similarity == similar[b]
            assert compare(b, a, embedder=embedder).similarity == similar[b]


def from_beside(picture: np.ndarray) -> np.ndarray:
    """Another photo of the same: what is near has moved more than what is far."""
    import cv2

    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    away = 9 * np.sin(x / 23) * np.cos(y / 19)
    return cv2.remap(picture, x + away, y + away / 2, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory, photo: Callable[..., np.ndarray]) -> Path:
    """One picture and what may become of it."""
    folder = tmp_path_factory.mktemp("album")
    picture = Image.fromarray(photo(3, (640, 420)))
    picture.save(folder / "a.jpg", quality=90)
    shutil.copy(folder / "a.jpg", folder / "copy.jpg")
    with Image.open(folder / "a.jpg") as decoded:
        decoded.load()
        decoded.save(folder / "same.png")
        decoded.save(folder / "same.bmp")
    picture.save(folder / "again.jpg", quality=50)
    picture.resize((320, 210)).save(folder / "small.png")
    picture.convert("L").save(folder / "grey.jpg", quality=90)
    picture.crop((100, 60, 500, 360)).save(folder / "crop.jpg", quality=90)
    picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "mirrored.jpg", quality=90)
    Image.fromarray(from_beside(photo(3, (640, 420)))).save(folder / "beside.jpg", quality=90)
    Image.fromarray(photo(4, (640, 420))).save(folder / "another.jpg", quality=90)
    Image.fromarray(np.full((420, 640, 3), 255, np.uint8)).save(folder / "blank.jpg")
    return folder


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("a.jpg", "same file"),
        ("copy.jpg", "same file"),
        ("same.png", "same pixels"),
        ("again.jpg", "near copy"),
        ("small.png", "near copy"),
        ("grey.jpg", "near copy"),
        ("crop.jpg", "edited copy"),
        ("mirrored.jpg", "edited copy"),
        ("beside.jpg", "alike"),
        ("blank.jpg", "different"),
    ],
)
def test_verdicts(album: Path, embedder: Embedder, name: str, verdict: str) -> None:
    forth, back = (compare(*pair, embedder=embedder) for pair in _both_ways(album / "a.jpg", album / name))
    assert forth.verdict == back.verdict == verdict
    assert forth.similarity == back.similarity
    assert forth.distance == 1 - forth.similarity
    for one in (forth, back):
        is_copy = verdict not in ("alike", "different")
        assert (one.probability >= 0.5) == is_copy
        assert (one.overlap is not None) == (one.transform is not None) == is_copy
        assert one.overlap is None or 0 <= one.overlap <= 1
        assert one.probability == 1 or not verdict.startswith("same")


def _both_ways(a: Path, b: Path) -> tuple[tuple[Path, Path], tuple[Path, Path]]:
    return (a, b), (b, a)


def test_two_lossless_files_of_the_same_pixels(album: Path, embedder: Embedder) -> None:
    same = compare(album / "same.png", album / "same.bmp", embedder=embedder)
    assert (same.verdict, same.probability, same.overlap) == ("same pixels", 1.0, 1.0)
    assert same.transform == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def test_where_the_one_lies_in_the_other(album: Path, embedder: Embedder) -> None:
    crop = compare(album / "a.jpg", album / "crop.jpg", embedder=embedder)
    assert crop.overlap == pytest.approx(400 * 300 / (640 * 420), abs=0.02)
    assert np.array(crop.transform) == pytest.approx(np.array([[1, 0, -100], [0, 1, -60]]), abs=3)
    whole = compare(album / "crop.jpg", album / "a.jpg", embedder=embedder)
    assert whole.overlap == pytest.approx(1, abs=0.02)
    assert np.array(whole.transform) == pytest.approx(np.array([[1, 0, 100], [0, 1, 60]]), abs=3)
    mirrored = compare(album / "a.jpg", album / "mirrored.jpg", embedder=embedder)
    assert np.array(mirrored.transform) == pytest.approx(np.array([[-1, 0, 640], [0, 1, 0]]), abs=3)


def test_other_pictures_are_no_copies(album: Path, embedder: Embedder) -> None:
    other = compare(album / "a.jpg", album / "another.jpg", embedder=embedder)
    assert other.verdict in ("alike", "different")
    assert (other.overlap, other.transform) == (None, None)
    assert other.probability < 0.5


def test_compare_takes_every_form_of_picture(place: Path) -> None:
    path = place / "in" / "01.png"
    with Image.open(path) as image:
        image.load()
        pixels = np.asarray(image.convert("RGB"))
        assert compare(path, path.read_bytes()).verdict == "same file"
        assert compare(path, pixels).verdict == compare(image, pixels).verdict == "same pixels"
        assert compare(path, pixels).similarity == pytest.approx(1, abs=1e-6)
    with pytest.raises(PictureError, match="not a picture"):
        compare(path, b"nothing of the kind")
    with pytest.raises(PictureError, match=r"none\.png: cannot be read"):
        compare(place / "none.png", path)
    assert lookalike.compare is compare


def test_compare_with_another_model(place: Path) -> None:
    a, b = place / "in" / "00.jpg", place / "in" / "02.jpg"
    texture = compare(a, b, embedder=Embedder.load(output="texture"))
    assert texture.similarity != compare(a, b).similarity
    with pytest.raises(ModelError, match="no model is called 'none'"):
        compare(a, b, model="none")


# --- many at once ----------------------------------------------------------------------------


def test_many_threads_start_with_one_collection(place: Path, reference: Reference) -> None:
    expected = reference.nearest(reference.vectors[0], 5, without=[1])
    for _ in range(3):
        start = threading.Barrier(4)
        with Collection.open(place / "shop") as collection, ThreadPoolExecutor(4) as pool:

            def ask(_: int, collection: Collection = collection, start: threading.Barrier = start) -> object:
                start.wait()
                collection.search(place / "outside.png", 2)
                return collection.gallery, collection.embedder, found(collection.search(1, 5))

            answers = list(pool.map(ask, range(4)))
        assert all(answer[2] == expected for answer in answers)  # type: ignore[index]
        assert len({id(answer[0]) for answer in answers}) == 1  # type: ignore[index]
        assert len({id(answer[1]) for answer in answers}) == 1  # type: ignore[index]


ADDER = """
    import sys
    from lookalike import indexing
    from lookalike.cli import main
    indexing.BATCH_PICTURES = 4
    sys.argv = ["lookalike", "index", sys.argv[1], "-c", sys.argv[2], "--threads", "1"]
    main()
"""


def test_threads_search_while_another_process_adds(tmp_path: Path, embedder: Embedder) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "more").mkdir()
    for number in range(30):
        drawn(number).save(tmp_path / "in" / f"{number}.jpg")
    for number in range(90):
        drawn(1000 + number).save(tmp_path / "more" / f"{number}.jpg")
    query = drawn(3000)
    vector = embedder.embed([query])[0]
    with Collection.open(tmp_path / "c") as collection:
        collection.add(tmp_path / "in")
        code = textwrap.dedent(ADDER)
        command = [sys.executable, "-c", code, str(tmp_path / "more"), str(tmp_path / "c")]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as adder:

            def ask(seed: int) -> set[int]:
                sizes: set[int] = set()
                while adder.poll() is None:
                    hits = collection.search(query, 1000).results
                    assert [h.similarity for h in hits] == sorted((h.similarity for h in hits), reverse=True)
                    assert len({h.id for h in hits}) == len(hits) >= 30
                    sizes.add(len(hits))
                return sizes

            with ThreadPoolExecutor(4) as pool:
                sizes = set().union(*pool.map(ask, range(4)))
        assert adder.returncode == 0
        assert len(sizes) > 1, "no search saw the collection grow"
        hits = collection.search(query, 1000).results
        assert len(hits) == 120
        expected = cosines(vector, embedder.embed([hit.path for hit in hits]))
        assert [hit.similarity for hit in hits] == expected.tolist()


def test_a_picture_that_is_removed_between_finding_and_showing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        drawn(number).save(tmp_path / f"{number}.jpg")
    search = LocalGallery.search

    with Collection.open(tmp_path / "c") as collection, Collection.open(tmp_path / "c") as other:
        collection.add(tmp_path)

        def raced(self: LocalGallery, *args: object, **options: object) -> list[Matches]:
            answer = search(self, *args, **options)  # type: ignore[arg-type]
            other.remove([4])
            return answer

        monkeypatch.setattr(LocalGallery, "search", raced)
        hits = collection.search(1).results
    assert sorted(hit.id for hit in hits) == [2, 3, 5, 6]
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]


def test_two_writers(tmp_path: Path) -> None:
    drawn(1).save(tmp_path / "1.jpg")
    with Collection.open(tmp_path / "c") as one, Collection.open(tmp_path / "c") as two:
        one.add(tmp_path)
        with one.gallery.writing():
            with pytest.raises(CollectionBusy, match="is already writing"):
                two.add(tmp_path)
            with pytest.raises(CollectionBusy):
                two.remove([1])
            assert two.info().images == 1
        assert two.add(tmp_path).unchanged == 1
