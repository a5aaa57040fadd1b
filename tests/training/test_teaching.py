"""From a collection to a new model: what it learns from, what is saved, how it is used, what is refused."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike import files, models
from lookalike.collection import Collection
from lookalike.comparing import compare
from lookalike.embedder import Embedder, reference_picture
from lookalike.errors import CollectionBusy, ModelError, PictureError, UsageError
from lookalike.evaluation import copies
from lookalike.evaluation.retrieval import Outcomes
from lookalike.models import storing
from lookalike.teaching import lessons

KINDS = 8
EACH = 8


@pytest.fixture(autouse=True, scope="module")
def one_network() -> Iterator[None]:
    """Each network is loaded once, not by every collection; those of new models anew."""
    load = Embedder.load
    cached = functools.cache(load)

    def loaded(name: str = models.DEFAULT_MODEL, output: str | None = None, *rest: object) -> Embedder:
        known = name == models.DEFAULT_MODEL
        return cached(name, output, *rest) if known else load(name, output, *rest)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Embedder, "load", loaded)
        yield


def drawn(kind: int, number: int) -> Image.Image:
    """Blotches whose hue is the kind and whose pattern is chance."""
    dice = np.random.default_rng(100 * kind + number)
    small = dice.integers(0, 256, (6, 6, 3))
    small[..., kind % 3] = small[..., kind % 3] // 4 + 24 * kind
    return Image.fromarray(small.astype(np.uint8)).resize((96, 96), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of eight kinds in `in/`, and a collection of them with two outputs."""
    place = tmp_path_factory.mktemp("original")
    (place / "in").mkdir()
    rows = ["path,kind,number,all,most"]
    for kind in range(KINDS):
        for number in range(EACH):
            name = f"{kind}-{number}.png"
            drawn(kind, number).save(place / "in" / name)
            rows.append(f"{name},k{kind},{number},x,{f'k{kind}' if number < 6 else ''}")
    (place / "kinds.csv").write_text("\n".join(rows) + "\n")
    for output in (None, "plain"):
        with Collection.open(place / "c", output=output) as collection:
            collection.add(place / "in", metadata=place / "kinds.csv", threads=1)
    return place


@pytest.fixture
def place(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the collection, and an empty folder for models."""
    shutil.copytree(original / "c", tmp_path / "c")
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "models"))
    return tmp_path


@pytest.fixture
def collection(place: Path) -> Iterator[Collection]:
    with Collection.open(place / "c") as opened:
        yield opened


def test_a_label_is_learned(collection: Collection, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "read", lambda *_, **__: pytest.fail("a picture was read"))
    report = collection.train("taught", "kind")
    assert (report.model, report.base, report.output) == ("taught", models.DEFAULT_MODEL, "plain")
    assert (report.pictures, report.classes, report.alone, report.unlabelled) == (64, KINDS, 0, 0)
    assert report.after["map@r"] > report.before["map@r"]
    assert report.better
    assert report.default
    assert report.card == str(place / "models" / "taught.toml")
    assert collection.space.model == "taught"
    assert collection.info().models[0].model == "taught"


def test_pictures_of_which_nothing_is_known_are_looked_at(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = collection.train("few", "most")  # too few to tell
    assert (report.pictures, report.unlabelled) == (48, 16)
    assert (report.unlabelled_before, report.unlabelled_after) == ({}, {})
    monkeypatch.setattr(lessons, "FEWEST_UNKNOWN", 10)
    collection.use(models.DEFAULT_MODEL)
    report = collection.train("taught", "most")
    assert set(report.unlabelled_before) == set(report.unlabelled_after) == set(copies.FIGURES)
    assert all(0 <= value <= 1 for value in report.unlabelled_after.values())


def test_known_pictures_that_are_kept_back_are_not_asked(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons, "FEWEST_UNKNOWN", 10)
    report = collection.train("taught", "kind", where="number < 6")
    assert report.unlabelled == 0
    assert (report.unlabelled_before, report.unlabelled_after) == ({}, {})


@pytest.mark.parametrize(("found", "better"), [([0.9, 0.8], True), ([0.6, 0.5], False)])
def test_a_model_that_loses_other_pictures_is_not_better(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, found: list[float], better: bool
) -> None:
    def outcomes(shares: list[float]) -> Outcomes:
        figures = {name: np.resize(shares, 20) for name in copies.FIGURES}
        return Outcomes(np.arange(20), np.ones(20, np.int64), figures)

    def compared(embedders: object, read: list[Path], *_: object) -> list[Outcomes]:
        assert len(read) == 16
        return [outcomes([0.8, 0.9]), outcomes(found)]

    monkeypatch.setattr(lessons, "FEWEST_UNKNOWN", 10)
    monkeypatch.setattr(copies, "compared", compared)
    report = collection.train("taught", "most")
    assert report.after["map@r"] > report.before["map@r"]
    assert report.better == report.default == better
    assert report.verdict == ("better" if better else "copies")
    assert (collection.space.model == "taught") == better


def test_its_vectors_are_those_of_the_pictures(collection: Collection, original: Path) -> None:
    collection.train("taught", "kind")
    ids = [row.id for row in collection.gallery.pictures()][:6]
    stored = collection.gallery.vectors(collection.space, ids)
    paths = [row.path for row in collection.gallery.get(ids)]
    embedder = Embedder.load("taught")
    assert np.array_equal(embedder.embed(paths), stored)
    assert embedder.dimension == stored.shape[1]
    similarity = compare(paths[0], paths[1], embedder=embedder).similarity
    assert similarity == pytest.approx(float(stored[0] @ stored[1]), abs=1e-6)
    hits = collection.search(paths[0], k=3, include_self=True).results
    assert hits[0].similarity == pytest.approx(1.0)
    # What the adapter makes of them is explained as well, though its map lies inside the graph.
    explained = collection.explain(ids[0], ids[1])
    assert explained.similarity == similarity
    assert sum(map(sum, explained.found.shares)) == pytest.approx(similarity, abs=1e-6)


def test_new_pictures_are_embedded_with_it(collection: Collection, tmp_path: Path) -> None:
    collection.train("taught", "kind")
    drawn(3, 99).save(tmp_path / "new.png")
    report = collection.add(tmp_path / "new.png", threads=1)
    assert report.added == 1
    row = collection.picture(tmp_path / "new.png")
    assert np.array_equal(
        collection.gallery.vectors(collection.space, [row.id]),
        Embedder.load("taught").embed([tmp_path / "new.png"]),
    )


def test_indexing_with_it_reads_no_picture(
    collection: Collection, place: Path, original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection.train("taught", "kind")
    shutil.rmtree(place / "c")
    shutil.copytree(original / "c", place / "c")
    monkeypatch.setattr(files, "read", lambda *_, **__: pytest.fail("a picture was read"))
    with Collection.open(place / "c", model="taught") as fresh:
        report = fresh.add(original / "in", threads=1)
        assert (report.updated, report.unchanged, report.failed) == (64, 0, ())
        assert len(fresh.gallery.versions(fresh.space)[0]) == 64


def test_pairs_teach_as_well(collection: Collection, place: Path) -> None:
    lines = ["first,second,same"]
    for kind in range(KINDS):
        lines += [f"{kind}-{n}.png,{kind}-{n + 1}.png,true" for n in range(EACH - 1)]
        lines.append(f"{kind}-0.png,{(kind + 1) % KINDS}-0.png,false")
    lines.append("0-0.png,nowhere.png,true")
    (place / "pairs.csv").write_text("\n".join(lines) + "\n")
    report = collection.train("paired", pairs=place / "pairs.csv")
    assert (report.classes, report.unmatched) == (KINDS, ("nowhere.png",))
    assert report.after["map@r"] > report.before["map@r"]


def test_a_model_that_is_not_better_is_not_made_the_default(collection: Collection) -> None:
    before = collection.space
    report = collection.train("useless", "number")  # what has nothing to do with how pictures look
    assert report.verdict in ("chance", "recall")
    assert not report.better
    assert not report.default
    assert collection.space == before
    assert models.find("useless").name == "useless"


def test_it_can_be_taught_again(collection: Collection) -> None:
    collection.train("first", "kind")
    report = collection.train("second", "kind", output="embedding")
    assert (report.base, report.output) == (models.DEFAULT_MODEL, "embedding")
    assert report.compared == "first, embedding"


def test_a_model_is_not_compared_by_pictures_it_has_learned_from(collection: Collection) -> None:
    assert collection.train("first", "kind").verdict == "better"
    report = collection.train("second", "kind")
    assert report.before["map@r"] == 1  # it knows them
    assert (report.verdict, report.default) == ("seen", False)
    assert collection.space.model == "first"


def test_pictures_that_are_new_judge(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    collection.train("first", "kind", where="number < 6")
    report = collection.train("second", "kind")
    held_out = 2 * KINDS  # of eight a kind two are new, and these judge
    assert report.held_out <= held_out
    assert report.verdict != "seen"
    assert models.learned_by(models.find("second")).size == 64
    assert set(models.learned_by(models.find("first"))) < set(models.learned_by(models.find("second")))


def test_the_output_that_is_lacking_is_made_first(collection: Collection) -> None:
    report = collection.train("textured", "kind", output="texture")
    assert report.output == "texture"
    spaces = {(space.model, space.output) for space in collection.gallery.spaces()}
    assert {(models.DEFAULT_MODEL, "texture"), ("textured", "embedding")} <= spaces


def without_files(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """From now on no file whose name ends so can be read."""
    read = files.read

    def some(path: str, **how: int) -> bytes:
        if path.endswith(ending):
            raise PictureError("cannot be read: No such file or directory", path)
        return read(path, **how)

    monkeypatch.setattr(files, "read", some)


def test_what_would_drop_out_of_the_search_is_counted_and_stays_in_it(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_files(monkeypatch, "-7.png")
    monkeypatch.setattr(lessons, "verdict", lambda *_, **__: "better")
    report = collection.train("textured", "kind", output="texture")
    assert (report.better, report.default, report.without_vector) == (True, False, KINDS)
    assert collection.space.model == models.DEFAULT_MODEL
    report = collection.train("mapped", "kind", output="plain")
    assert (report.better, report.default, report.without_vector) == (True, True, 0)
    used = collection.use("textured")
    assert (used.model, used.output, used.without_vector) == ("textured", "embedding", KINDS)
    # Nothing more drops out with another such model.
    assert collection.train("textured-2", "kind", output="texture").default


def test_two_models_are_compared_on_the_pictures_that_both_know(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_files(monkeypatch, "-7.png")
    collection.train("textured", "kind", output="texture")
    collection.use("textured")
    report = collection.train("again", "kind", output="embedding")
    assert report.compared == "textured, embedding"
    assert report.pictures == KINDS * (EACH - 1)
    assert collection.use("again").without_vector == 0


def test_pictures_that_are_gone_are_mapped_where_their_vectors_are(
    collection: Collection, place: Path
) -> None:
    taught = collection.train("taught", "kind")
    assert taught.default
    collection.use(models.DEFAULT_MODEL)
    drawn(3, 99).save(place / "new.png")
    for output in ("embedding", "plain"):
        with Collection.open(place / "c", model=models.DEFAULT_MODEL, output=output) as one:
            one.add(place / "new.png", threads=1)
    (place / "new.png").unlink()
    with collection.gallery.writing() as writing:
        writing.mark_missing([collection.picture(place / "new.png").id])
    lessons.complete(collection.gallery, Embedder.load("taught"), "taught", 1, None, "")
    assert collection.use("taught").without_vector == 0


def test_use_goes_back_and_forth(collection: Collection, place: Path) -> None:
    collection.train("taught", "kind")
    collection.use(models.DEFAULT_MODEL)
    with Collection.open(place / "c") as other:
        assert (other.space.model, other.space.output) == (models.DEFAULT_MODEL, "embedding")
        with Collection.open(place / "c", model="taught") as named:
            assert named.space.model == "taught"
        collection.use("taught")
        assert other.space.model == "taught"
        assert other.search(reference_picture(), k=1).results


# --- a model with an adapter in a collection that has no vectors of its base ------------------


def files_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read from now on, as they come."""
    seen: list[str] = []
    read = files.read

    def noted(path: str, *rest: object, **more: object) -> object:
        seen.append(path)
        return read(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "read", noted)
    return seen


def test_the_vectors_of_a_base_are_made_where_the_collection_has_none(
    collection: Collection, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = collection.train("first", "kind")
    with Collection.open(tmp_path / "new", model="first") as new:
        new.add(original / "in", metadata=original / "kinds.csv", threads=1)
        assert [space.model for space in new.gallery.spaces()] == ["first"]
        seen = files_read(monkeypatch)
        report = new.train("again", "kind", threads=1)
        assert len(seen) == len(set(seen)) == 64
        assert (report.base, report.output) == (models.DEFAULT_MODEL, "plain")
        assert report.compared == "first, embedding"
        assert report.after == first.after
        spaces = {(space.model, space.output) for space in new.gallery.spaces()}
        assert spaces == {("first", "embedding"), (models.DEFAULT_MODEL, "plain")}
        one, same = (models.find(name).identity("embedding", "onnxruntime") for name in ("first", "again"))
        assert one == same  # the same pictures and labels, so the same map


@pytest.fixture
def handed_on(
    collection: Collection, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Collection:
    """A collection indexed with a model that was taken in elsewhere, whose base came along as a bare file."""
    built_in = models.find(models.DEFAULT_MODEL)
    data = models.onnx_file(built_in).read_bytes() + b"\x32\x04mine"  # a doc_string, which changes no vector
    none = np.zeros(0, np.int64)
    words = {"curve": "<svg/>", "summary": "", "quality": {}, "seen": none, "held_out": none}
    storing.save_trained("ft", built_in, data, built_in.outputs, **words)
    collection.use("ft", "plain")
    collection.train("shop", "kind")
    storing.export(models.find("shop"), tmp_path / "shop.lookalike-model")
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "elsewhere"))
    storing.take_in(tmp_path / "shop.lookalike-model")
    with pytest.raises(ModelError, match="no model is called 'ft'"):
        models.find("ft")
    opened = Collection.open(tmp_path / "new", model="shop")
    opened.add(original / "in", metadata=original / "kinds.csv", threads=1)
    return opened


def test_a_base_that_came_along_as_a_bare_file_becomes_a_model(handed_on: Collection, tmp_path: Path) -> None:
    with handed_on:
        report = handed_on.train("again", "kind", where="number < 7", threads=1)
        assert (report.base, report.output) == ("ft", "embedding")
        assert {space.model for space in handed_on.gallery.spaces()} == {"shop", "ft", "again"}
        assert handed_on.train("once-more", "kind", threads=1).base == "ft"
        assert handed_on.use("ft").model == "ft"
    card = models.find("ft")
    assert (card.path, card.file) == (tmp_path / "elsewhere" / "ft.toml", "ft.onnx")
    assert (card.summary, card.is_taught) == ("the network of shop", False)
    storing.remove("shop")  # the others go on
    assert Embedder.load("ft").dimension == 1280


@pytest.mark.parametrize("taken", [["ft"], ["ft", "shop-base"]])
def test_a_base_is_called_otherwise_where_its_name_is_taken(
    handed_on: Collection, tmp_path: Path, taken: list[str]
) -> None:
    for name in taken:
        (tmp_path / "elsewhere" / f"{name}.toml").write_text(
            storing.card_text(replace(models.find(models.DEFAULT_MODEL), name=name))
        )
    before = {path: path.read_bytes() for path in (tmp_path / "elsewhere").iterdir()}
    with handed_on:
        if len(taken) == 1:
            assert handed_on.train("again", "kind", threads=1).base == "shop-base"
        else:
            with pytest.raises(ModelError, match=r"the names ft and shop-base .* are taken: write a card"):
                handed_on.train("again", "kind", threads=1)
    assert before.items() <= {path: path.read_bytes() for path in (tmp_path / "elsewhere").iterdir()}.items()


# --- what cannot be learned from -------------------------------------------------------------


TOO_LITTLE = pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": "all"}, r"all 64 pictures have the same value in column all \(x\)"),
        ({"label": "knid"}, r"there is no column knid; did you mean kind\?"),
        ({"label": "path"}, "too few pictures to learn from: 64 of 64 kinds"),
        ({"label": "kind", "where": "number < 2"}, "too few pictures to learn from: 16 of 8 kinds"),
        ({"label": "kind", "where": "number > 99"}, "no picture has a value in column kind among those"),
        ({}, "give a label or pairs"),
        ({"label": "kind", "pairs": "x.csv"}, "give a label or pairs"),
    ],
)
PAIRS_THAT_TEACH_NOTHING = pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["0-0.png,0-1.png,true", "0-1.png,0-2.png,true", "0-0.png,0-2.png,false"], "contradict each other"),
        (["0-0.png,0-1.png,true", "0-1.png,0-2.png,true"], "the pairs join all 3 pictures into one group"),
        (["0-0.png,0-1.png,false"], "no pair is of two pictures of the collection that belong together"),
        (["0-0.png,0-1.png,true", "1-0.png,1-1.png,true"], "too few pictures to learn from: 4 of 2 kinds"),
    ],
)


@TOO_LITTLE
def test_too_little(collection: Collection, place: Path, arguments: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        collection.train("taught", **arguments)  # type: ignore[arg-type]
    assert not list(place.glob("models/*.toml"))


@PAIRS_THAT_TEACH_NOTHING
def test_pairs_that_teach_nothing(
    collection: Collection, place: Path, lines: list[str], message: str
) -> None:
    (place / "pairs.csv").write_text("\n".join(["first,second,same", *lines]) + "\n")
    with pytest.raises(UsageError, match=message):
        collection.train("taught", pairs=place / "pairs.csv")


def test_pairs_of_pictures_that_where_leaves_out(collection: Collection, place: Path) -> None:
    (place / "pairs.csv").write_text("first,second\n0-0.png,0-1.png\n")
    with pytest.raises(UsageError, match="no pair is of two pictures among those that --where takes"):
        collection.train("taught", pairs=place / "pairs.csv", where="number > 5")


@TOO_LITTLE
def test_too_little_is_said_before_a_picture_is_read(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, str], message: str
) -> None:
    monkeypatch.setattr(files, "read", lambda *_, **__: pytest.fail("a picture was read"))
    with pytest.raises(UsageError, match=message):
        collection.train("taught", output="texture", **arguments)  # type: ignore[arg-type]
    assert "texture" not in {space.output for space in collection.gallery.spaces()}


@PAIRS_THAT_TEACH_NOTHING
def test_that_pairs_teach_nothing_is_said_before_a_picture_is_read(
    collection: Collection, place: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], message: str
) -> None:
    (place / "pairs.csv").write_text("\n".join(["first,second,same", *lines]) + "\n")
    monkeypatch.setattr(files, "read", lambda *_, **__: pytest.fail("a picture was read"))
    with pytest.raises(UsageError, match=message):
        collection.train("taught", pairs=place / "pairs.csv", output="texture")


def test_that_a_column_is_unknown_is_said_before_pictures_are_read_that_the_searched_model_lacks(
    collection: Collection, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn(3, 99).save(tmp_path / "new.png")
    with Collection.open(tmp_path / "c", output="plain") as other:
        other.add(tmp_path / "new.png", threads=1)
    monkeypatch.setattr(files, "read", lambda *_, **__: pytest.fail("a picture was read"))
    with pytest.raises(UsageError, match="there is no column knid"):
        collection.train("taught", "knid")


def test_that_the_model_folder_cannot_be_written_to_is_said_before_a_picture_is_read(
    collection: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "models").write_text("no folder")
    monkeypatch.setenv("LOOKALIKE_MODELS", str(place / "models" / "mine"))
    monkeypatch.setattr(files, "read", lambda *_, **__: pytest.fail("a picture was read"))
    with pytest.raises(ModelError, match="models/mine cannot be written to"):
        collection.train("taught", "kind", output="texture")


def test_a_name_that_is_taken(collection: Collection) -> None:
    with pytest.raises(ModelError, match="there is a model 'efficientnet-lite0' already"):
        collection.train(models.DEFAULT_MODEL, "kind")


@pytest.mark.parametrize("name", ["", "a/b", "../x", "x.onnx", "-x", "é", "a" * 65])
def test_a_name_that_cannot_be_used(collection: Collection, name: str) -> None:
    with pytest.raises(ModelError, match="a model cannot be called"):
        collection.train(name, "kind")


def test_somebody_else_is_writing(collection: Collection, place: Path) -> None:
    with Collection.open(place / "c") as other, other.gallery.writing(), pytest.raises(CollectionBusy):
        collection.train("taught", "kind", output="texture")


def test_the_collection_that_was_just_made_changes_over(original: Path, place: Path) -> None:
    with Collection.open(place / "new") as made:
        made.add(original / "in", metadata=original / "kinds.csv", threads=1)
        with Collection.open(place / "new") as other:
            assert made.train("taught", "kind").default
            assert made.space.model == other.space.model == "taught"
