"""From a collection to a fine-tuned model: what is refused, what is saved, and that a killed one goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from lookalike import files, models
from lookalike.collection import Collection
from lookalike.embedder import Embedder, prepare, reference_picture, to_input
from lookalike.errors import CollectionError, LookalikeError, MissingExtra, ModelError, UsageError
from lookalike.explaining import explain
from lookalike.models import storing
from lookalike.models.unfinished import unfinished
from lookalike.teaching import lessons, retraining, self_training
from lookalike.teaching.lessons import Lesson
from lookalike.training import guessing, recipe
from lookalike.training.adapter import Examples
from lookalike.training.examples import Material
from lookalike.training.recipe import Epoch, Recipe, TrainingSet
from lookalike.vectors import cosines, unit

EACH = 40
QUICK = Recipe(epochs=8, batch=24, rate=0.03, averaging=0.8, patience=99)
Draw = Callable[[Path, int], list[Path]]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, draw_shapes: Draw, tiny_model: Path) -> Path:
    """A folder with `in/` (120 pictures of three shapes), `shapes.csv` and their collection `c`."""
    place = tmp_path_factory.mktemp("place")
    files = draw_shapes(place / "in", EACH)
    parts = [file.stem.partition("-") for file in files]
    rows = [
        f"{file.name},{shape},x,{shape if int(number) < 35 else ''}"
        for file, (shape, _, number) in zip(files, parts, strict=True)
    ]
    (place / "shapes.csv").write_text("\n".join(["path,shape,all,most", *rows]) + "\n")
    with Collection.open(place / "c", model=str(tiny_model)) as collection:
        collection.add(place / "in", metadata=place / "shapes.csv", threads=1)
    return place


@pytest.fixture(autouse=True)
def own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def collection(place: Path, tmp_path: Path) -> Collection:
    shutil.copytree(place / "c", tmp_path / "c")
    return Collection.open(tmp_path / "c")


# --- what is refused --------------------------------------------------------------------------


def test_without_pytorch_the_error_names_the_extra(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with collection, pytest.raises(MissingExtra, match=r'pip install "lookalike\[train\]"'):
        collection.finetune("new", "shape")


needs_torch = pytest.mark.skipif(
    "not __import__('importlib.util').util.find_spec('torch')", reason="fine-tuning needs the extra `train`"
)


@needs_torch
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"label": "all"}, "all 120 pictures have the same value in column all"),
        ({"label": "shap"}, "shap"),
        ({"label": "shape", "where": "path == 'in/disc-1.png'"}, "have the same value|no picture"),
        ({"label": "shape", "output": "other"}, "has no output 'other': choose one of vector"),
        ({}, "give a label or pairs"),
    ],
)
def test_what_teaches_nothing_is_refused(
    collection: Collection, own_models: Path, arguments: dict[str, str], words: str
) -> None:
    with collection, pytest.raises((UsageError, ModelError), match=words):
        collection.finetune("new", **arguments)
    assert not (own_models / "new.toml").exists()


@needs_torch
def test_too_few_pictures_are_refused(tiny_model: Path, tmp_path: Path, draw_shapes: Draw) -> None:
    files = draw_shapes(tmp_path / "in", 12)
    rows = [f"{file.name},{file.stem.partition('-')[0]}" for file in files]
    (tmp_path / "shapes.csv").write_text("\n".join(["path,shape", *rows]) + "\n")
    with Collection.open(tmp_path / "few", model=str(tiny_model)) as few:
        few.add(tmp_path / "in", metadata=tmp_path / "shapes.csv", threads=1)
        with pytest.raises(
            UsageError, match=r"too few pictures to fine-tune on: 36 of 3 kinds leave \d to see"
        ):
            few.finetune("new", "shape")


# --- what is made -----------------------------------------------------------------------------


@needs_torch
def test_the_new_model_is_better_and_used_everywhere(
    collection: Collection, place: Path, own_models: Path
) -> None:
    told: list[Epoch] = []
    with collection:
        report = collection.finetune(
            "new", "shape", recipe=QUICK, threads=1, told=lambda epoch, epochs: told.append(epoch)
        )
        assert [epoch.number for epoch in told] == list(range(9))
        assert np.isnan(told[0].loss)
        assert told[-1].loss < told[1].loss
        assert report.after["recall@1"] > report.before["recall@1"]
        assert report.better
        assert (report.held_out, report.apart) == (12, False)
        assert collection.space.model == "new"
        assert collection.search(place / "in" / "disc-1.png", k=3).results
    card = models.find("new")
    assert card.source.startswith("tiny, fine-tuned.")
    assert card.licence == "Apache-2.0"
    assert "fine-tuned by shape on 120 pictures of 3 kinds" in card.summary
    assert 0 < card.outputs["vector"].alike <= 1
    assert card.outputs["vector"].reference  # Embedder checks it when it loads the model:
    vectors = Embedder.load("new").embed(sorted((place / "in").glob("*.png"))[:2])
    assert vectors.shape == (2, 16)
    first, second = sorted((place / "in").glob("*.png"))[:2]
    explained = explain(first, second, model="new")  # its feature map was found in the new graph
    assert sum(map(sum, explained.found.shares)) == pytest.approx(explained.similarity, abs=1e-6)
    assert ElementTree.parse(report.curve).getroot().tag.endswith("svg")
    assert not (own_models / "new.training").exists()


@needs_torch
@pytest.mark.usefixtures("own_models")
def test_a_student_learns_from_what_its_teacher_guesses(
    collection: Collection, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here all guesses count: whether they are right is a matter of `guessing`."""
    shown: list[TrainingSet] = []
    train = retraining.train

    def noted(begun: retraining.Start, pictures: TrainingSet, *rest: Any) -> retraining.Trained:
        shown.append(pictures)
        return train(begun, pictures, *rest)

    def of_all(known: Examples, held_out: np.ndarray) -> guessing.Guesser:
        return replace(guessing.guesser(known, held_out), least=-1.0)

    monkeypatch.setattr(retraining, "train", noted)
    monkeypatch.setattr(self_training, "guesser", of_all)
    with collection:
        collection.train("teacher", "most", threads=1)
        collection.use(str(tiny_model))
        report = collection.finetune(
            "new", "most", teacher="teacher", recipe=replace(QUICK, epochs=1), threads=1
        )
        (pictures,) = shown
        known = {Path(one.path).name: one.metadata.get("most") for one in collection.gallery.pictures()}
    names = [file.name for file in pictures.files]
    assert (report.pictures, report.guessed, report.unlabelled) == (105, len(names) - 105, 120 - len(names))
    assert 0 < report.guessed <= 15
    assert len(pictures.labels) == len(names)
    assert all(known[name] is not None for name in names[:105])
    assert all(known[name] is None for name in names[105:])
    assert pictures.held_out.max() < 105  # no guess is held out
    assert report.held_out == len(pictures.held_out)
    assert pictures.gallery.max() < 105  # nor is one searched for
    assert report.unlabelled_after == {}  # fewer than 20 are left of which nothing is known
    assert report.compared == f"{tiny_model}, vector"
    summary = models.find("new").summary
    assert f"on 105 pictures of 3 kinds and {report.guessed} guessed by tiny" in summary


@needs_torch
@pytest.mark.usefixtures("own_models")
def test_the_network_beneath_an_adapter_is_the_teacher(
    collection: Collection, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = replace(QUICK, epochs=1)
    monkeypatch.setattr(self_training, "guesser", lambda *of: replace(guessing.guesser(*of), least=-1.0))
    with collection:
        collection.finetune("teacher", "most", recipe=quick, threads=1)
        collection.use("teacher")
        collection.train("adapted", "most", threads=1)
        for trained in ("teacher", "adapted"):
            collection.use(trained)
            with pytest.raises(UsageError, match=r"^teacher cannot be its own teacher"):
                collection.finetune("new", "most", teacher="adapted", recipe=quick, threads=1)
        collection.use(str(tiny_model))
        report = collection.finetune("new", "most", teacher="adapted", recipe=quick, threads=1)
    assert report.compared.startswith("teacher, ")
    assert report.guessed
    assert report.verdict != "seen"  # teacher and student hold out the same pictures
    learned, held_out = (set(of(models.find("teacher")).tolist()) for of in KEPT)
    assert held_out == set(models.held_out_by(models.find("new")).tolist())
    assert learned < set(models.learned_by(models.find("new")).tolist())


KEPT = (models.learned_by, models.held_out_by)


@needs_torch
@pytest.mark.usefixtures("own_models", "guessing_all")
def test_pictures_that_came_after_the_teacher_are_learned_from(
    collection: Collection, tiny_model: Path, tmp_path: Path
) -> None:
    quick = replace(QUICK, epochs=1)
    with collection:
        collection.finetune("teacher", "most", recipe=quick, threads=1)
        collection.use("teacher")
        before = {picture.id for picture in collection.gallery.pictures()}
        for number in range(3):
            shape = Image.new("RGB", (64, 64), (40 * number, 90, 200 - 40 * number))
            shape.save(tmp_path / f"later-{number}.png")
        collection.add(*[[tmp_path / f"later-{number}.png" for number in range(3)]], threads=1)
        with Collection.open(tmp_path / "c", model=str(tiny_model)) as student:
            report = student.finetune("new", "most", teacher="teacher", recipe=quick, threads=1)
        assert len({picture.id for picture in collection.gallery.pictures()} - before) == 3
    assert report.guessed + report.unlabelled == 18


@needs_torch
@pytest.mark.usefixtures("own_models")
def test_a_model_is_not_put_in_the_place_of_one_it_was_not_compared_with(
    collection: Collection, tiny_model: Path, tmp_path: Path
) -> None:
    with collection:
        collection.finetune("first", "shape", recipe=QUICK, threads=1)
        collection.use("first")
    with Collection.open(tmp_path / "c", model=str(tiny_model)) as other:
        report = other.finetune("second", "shape", recipe=QUICK, threads=1)
    assert (report.verdict, report.default) == ("better", False)
    with Collection.open(tmp_path / "c") as again:
        assert again.space.model == "first"


@needs_torch
@pytest.mark.usefixtures("own_models")
def test_a_teacher_must_be_there(collection: Collection) -> None:
    with collection, pytest.raises(CollectionError, match="no model is called 'nobody'"):
        collection.finetune("new", "most", teacher="nobody", threads=1)


@pytest.fixture
def guessing_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_training, "guesser", lambda *of: replace(guessing.guesser(*of), least=-1.0))


def lesson_of(collection: Collection) -> Material:
    return lessons.material_for(collection.gallery, collection.space, Lesson("new", label="most"))


@pytest.mark.usefixtures("guessing_all")
def test_no_near_copy_of_those_held_out_is_guessed_whatever_its_class(
    collection: Collection, place: Path
) -> None:
    held_out = np.arange(0, 105, 10)
    with collection:
        found = lesson_of(collection)
        original = Path(collection.gallery.get([int(found.ids[0])])[0].path)
        copy = original.with_name("copy of it.png")
        shutil.copyfile(original, copy)
        try:
            collection.add(copy, threads=1)
            found = lesson_of(collection)
            ids, _ = self_training.guessed(collection.gallery, collection.space, found, held_out)
            shown, _ = self_training.guessed(collection.gallery, collection.space, found, held_out[1:])
            new = next(one.id for one in collection.gallery.pictures() if one.path == str(copy))
        finally:
            copy.unlink()
    assert new in shown
    assert new not in ids


@pytest.mark.usefixtures("guessing_all")
def test_a_picture_that_has_vanished_is_not_guessed(collection: Collection) -> None:
    held_out = np.arange(0, 105, 10)
    with collection:
        found = lesson_of(collection)
        before, _ = self_training.guessed(collection.gallery, collection.space, found, held_out)
        with collection.gallery.writing() as writing:
            writing.mark_missing([int(before[0])])
            writing.remove([int(before[1])])
        after, labels = self_training.guessed(collection.gallery, collection.space, found, held_out)
    assert after.tolist() == before[2:].tolist()
    assert len(labels) == len(after)


def test_where_nothing_can_be_guessed_that_is_said_before_training(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = np.arange(0, 105, 10)
    with collection:
        found, gallery, space = lesson_of(collection), collection.gallery, collection.space
        none = replace(found, unknown=found.unknown[:0])
        with pytest.raises(UsageError, match="there is no picture without a label to guess one for"):
            self_training.guessed(gallery, space, none, held_out)
        monkeypatch.setattr(
            self_training, "guesser", lambda *of: replace(guessing.guesser(*of), least=np.inf)
        )
        with pytest.raises(UsageError, match="of 15 pictures without a label none can be learned from"):
            self_training.guessed(gallery, space, found, held_out)


@pytest.mark.usefixtures("guessing_all")
def test_no_more_guesses_are_taken_than_there_is_room_for(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_training, "MOST_PICTURES", 111)
    with collection:
        found = lesson_of(collection)
        guessed = self_training.guessed(collection.gallery, collection.space, found, np.arange(0, 105, 10))
    ids = guessed[0]
    assert len(ids) == len(set(ids.tolist())) == 6
    assert set(ids.tolist()) <= set(found.unknown.tolist())


@needs_torch
def test_of_many_held_out_some_choose_the_epoch_and_others_judge(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = TrainingSet((), np.arange(400), np.zeros(400, np.int64), np.arange(40))
    assert sorted([*pictures.choosing, *pictures.judging]) == list(range(40))
    assert len(pictures.judging) == 20
    monkeypatch.setattr(recipe, "FEWEST_SPLIT", 12)
    with collection:
        report = collection.finetune("new", "shape", recipe=replace(QUICK, epochs=1), threads=1)
    assert (report.held_out, report.apart) == (6, True)


@needs_torch
def test_an_adapter_goes_on_top(collection: Collection) -> None:
    with collection:
        collection.finetune("new", "shape", recipe=QUICK, threads=1)
        collection.use("new")
        report = collection.train("on-top", "shape", threads=1)
        assert report.base == "new"
        assert report.after["recall@1"] >= 0.8


@needs_torch
def test_a_model_that_is_not_better_says_so_and_is_not_the_default(collection: Collection) -> None:
    with collection:
        before = collection.space.model
        report = collection.finetune(
            "worse", "shape", recipe=Recipe(epochs=1, batch=24, rate=1e-9), threads=1
        )
        assert not report.better
        assert not report.default
        assert collection.space.model == before


@needs_torch
def test_a_picture_that_changes_meanwhile_costs_no_training(
    collection: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, changed = files.content_hash, (place / "in" / "disc-1.png").read_bytes()
    monkeypatch.setattr(files, "content_hash", lambda data: "another" if data == changed else named(data))
    with collection:
        report = collection.finetune("new", "shape", recipe=replace(QUICK, epochs=1), threads=1)
        assert (report.without_vector, report.default) == (1, False)
        assert report.after.keys() == report.before.keys()
        assert collection.use("new").without_vector == 1


# --- another size -----------------------------------------------------------------------------


@needs_torch
def test_a_network_trained_on_larger_pictures_takes_such_ones(collection: Collection, place: Path) -> None:
    import torch

    from lookalike.training.backbone import Backbone
    from lookalike.training.graph import float_graph, read

    with collection:
        report = collection.finetune("large", "shape", recipe=replace(QUICK, size=40), threads=1)
        assert report.better
        assert collection.search(place / "in" / "disc-1.png", k=3).results
    card, first, second = models.find("large"), *sorted((place / "in").glob("*.png"))[:2]
    assert (card.preprocessing.size, card.preprocessing.short_side) == (40, 40)
    embedder = Embedder.load("large")
    square = embedder.square(reference_picture())
    assert square.shape == (40, 40, 3)
    graph = float_graph(read(models.onnx_file(card)))
    with torch.no_grad():
        same = Backbone(graph, "x", "y")(torch.from_numpy(to_input(square, card.preprocessing))).numpy()
    assert cosines(unit(same), embedder.embed_squares([square]))[0] > 0.999
    explained = explain(first, second, model="large")
    assert np.shape(explained.found.shares) == (10, 10)  # a quarter of 40
    assert sum(map(sum, explained.found.shares)) == pytest.approx(explained.similarity, abs=1e-6)


@pytest.mark.parametrize(("size", "taken", "shown"), [(None, 24, 24), (40, 40, 24), (16, 16, 16)])
def test_training_shows_no_larger_pictures_than_the_network_was_made_for(
    tiny_model: Path, size: int | None, taken: int, shown: int
) -> None:
    card = models.find(str(tiny_model))
    begun = retraining.Start("new", card, "vector", retraining._at_size(card.preprocessing, size))
    assert (begun.how.size, begun.shown.size) == (taken, shown)


@needs_torch
@pytest.mark.parametrize("size", [256, 288])
def test_the_default_network_works_on_larger_pictures(size: int) -> None:
    import torch

    from lookalike.training import backbone, export
    from lookalike.training.graph import float_graph, read, sized

    card = models.find(models.DEFAULT_MODEL)
    how = replace(card.preprocessing, size=size)
    graph = sized(float_graph(read(models.onnx_file(card))), card.preprocessing.size, size)
    square = prepare(reference_picture(), how)
    for output in card.outputs.values():
        network = backbone.Backbone(graph, graph.graph.input[0].name, output.tensor)
        with torch.no_grad():
            same = unit(network(torch.from_numpy(to_input(square, how))).numpy())
        np.testing.assert_allclose(export.vectors(graph, [square], how, output), same, atol=1e-5)


@needs_torch
def test_a_size_at_which_the_network_does_not_work_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper

    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "m"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "one size only",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 24, 24])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 16])],
        [numpy_helper.from_array(np.ones((3 * 24 * 24, 16), np.float32), "m")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    network = model.SerializeToString()
    (tmp_path / "tiny.onnx").write_bytes(network)
    card = replace(
        models.find(str(tiny_model)), sha256=hashlib.sha256(network).hexdigest(), path=tmp_path / "tiny.toml"
    )
    begun = retraining.Start("odd", card, "vector", retraining._at_size(card.preprocessing, 40))
    with pytest.raises(ModelError, match=r"'tiny' does not work with pictures of 40 x 40 .* of 24 x 24"):
        retraining._graph(begun)


# --- too little memory ------------------------------------------------------------------------

NATIVE = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"


@needs_torch
@pytest.mark.parametrize(
    ("where", "error", "words"),
    [
        ("training.supervised.ByLabel.begin", RuntimeError(NATIVE), "24 pictures at once: .*--batch 12"),
        ("training.supervised.ByLabel.loss", MemoryError(), "24 pictures at once: .*--batch 12"),
        ("training.supervised.ByLabel.judge", MemoryError(), "24 pictures at once: .*--batch 12"),
        ("training.export.smallest", RuntimeError("std::bad_alloc"), "to save what was learned. Close"),
        ("models.storing.save_trained", MemoryError(), "to save what was learned. Close"),
        ("indexing.complete", MemoryError(), "It is saved: `lookalike models use new`"),
        ("teaching.lessons.of_unknown", MemoryError(), "It is saved: `lookalike models use new`"),
    ],
)
def test_too_little_memory_is_explained_wherever_it_shows(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception, words: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    quick = replace(QUICK, epochs=1)
    with collection:
        with monkeypatch.context() as until_it_fails:
            until_it_fails.setattr(f"lookalike.{where}", fail)
            with pytest.raises(LookalikeError, match=f"too little memory .*{words}"):
                collection.finetune("new", "shape", recipe=quick, threads=1)
        if "saved" in words:
            assert collection.use("new").model == "new"
        else:
            assert collection.finetune("new", "shape", recipe=quick, threads=1).epochs == 1


@needs_torch
def test_another_error_is_not_taken_for_too_little_memory(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("lookalike.training.supervised.ByLabel.begin", fail)
    with collection, pytest.raises(RuntimeError, match="a bug"):
        collection.finetune("new", "shape", recipe=QUICK, threads=1)


# --- interrupted ------------------------------------------------------------------------------


class Interrupted(Exception):
    """What ends a training in these tests."""


def interrupt(collection: Collection, name: str, after: int = 1) -> None:
    """Train until so many epochs are over."""

    def stop(epoch: Epoch, _: int) -> None:
        if epoch.number == after:
            raise Interrupted

    with pytest.raises(Interrupted):
        collection.finetune(name, "shape", recipe=QUICK, threads=1, told=stop)


@needs_torch
def test_a_training_that_goes_on_tells_so(collection: Collection) -> None:
    told: list[Epoch] = []
    with collection:
        interrupt(collection, "new", 3)
        assert [(one.name, one.epoch, one.epochs) for one in unfinished()] == [("new", 3, 8)]
        report = collection.finetune(
            "new", "shape", recipe=QUICK, threads=1, told=lambda epoch, _: told.append(epoch)
        )
    assert [epoch.number for epoch in told] == [3, 4, 5, 6, 7, 8]
    assert [np.isnan(epoch.loss) for epoch in told] == [True, *[False] * 5]
    assert report.epochs == 8
    assert unfinished() == []


@needs_torch
def test_a_training_that_breaks_off_before_its_first_epoch_leaves_nothing(
    collection: Collection, own_models: Path
) -> None:
    with collection:
        interrupt(collection, "new", 0)
    assert list(own_models.iterdir()) == []


@needs_torch
def test_another_training_of_the_name_is_refused_and_loses_nothing(
    collection: Collection, own_models: Path
) -> None:
    with collection:
        interrupt(collection, "new")
        kept = {file: file.read_bytes() for file in (own_models / "new.training").iterdir()}
        for label, recipe, words in (
            ("shape", replace(QUICK, batch=12), "batch was 24 and is 12"),
            ("most", QUICK, "pictures changed, labels changed"),
        ):
            with pytest.raises(
                ModelError,
                match=rf"interrupted after epoch 1, and it is another one: .*{words}\. Give the same command "
                r"as then to go on with it; or choose another name, or `lookalike models remove new`",
            ):
                collection.finetune("new", label, recipe=recipe, threads=1)
        assert {file: file.read_bytes() for file in (own_models / "new.training").iterdir()} == kept
        place = storing.remove("new")
        assert collection.finetune("new", "shape", recipe=replace(QUICK, epochs=1), threads=1).epochs == 1
    assert (place / "new.training" / "checkpoint.pt").read_bytes() == kept[
        own_models / "new.training" / "checkpoint.pt"
    ]


@needs_torch
def test_a_damaged_checkpoint_is_not_overwritten(collection: Collection, own_models: Path) -> None:
    with collection:
        interrupt(collection, "new")
        file = own_models / "new.training" / "checkpoint.pt"
        file.write_bytes(file.read_bytes()[:-100])
        with pytest.raises(ModelError, match=r"checkpoint\.pt is damaged .*`lookalike models remove new`"):
            collection.finetune("new", "shape", recipe=QUICK, threads=1)
        assert file.is_file()


# --- killed -----------------------------------------------------------------------------------


@needs_torch
def test_killed_training_goes_on_and_ends_as_if_it_had_not_been(
    collection: Collection, tmp_path: Path, own_models: Path, run: Run
) -> None:
    collection.close()
    shutil.copytree(tmp_path / "c", tmp_path / "two")

    def train(way: str, name: str, folder: str) -> subprocess.CompletedProcess[str]:
        return run(
            way, "train", "--label", "shape", "--method", "finetune", "--name", name, "--epochs", "4",
            "--json", "--collection", str(tmp_path / folder),
        )  # fmt: skip

    assert train("die", "one", "c").returncode == -9
    assert not (own_models / "one.toml").exists()
    gone_on = train("live", "one", "c")
    assert gone_on.returncode == 0, gone_on.stderr
    assert "\ngoes on after epoch 2 of 4" in f"\n{gone_on.stderr}"
    assert "epoch 3 of 4: loss" in gone_on.stderr
    assert "epoch 2 of 4: loss" not in gone_on.stderr
    report = json.loads(gone_on.stdout)
    assert {"model", "before", "after", "seconds"} <= report.keys()
    straight = train("live", "two", "two")
    assert straight.returncode == 0, straight.stderr
    one, two = (np.frombuffer((own_models / f"{n}.onnx").read_bytes(), np.uint8) for n in ("one", "two"))
    np.testing.assert_array_equal(one, two)
