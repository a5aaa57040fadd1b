"""Models of one's own: saved, handed on, taken in, removed; nothing is ever overwritten."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lookalike import models
from lookalike.embedder import Embedder, reference_picture
from lookalike.errors import ModelError
from lookalike.models import Card, find, read_card, storing, unfinished
from lookalike.models.linear_map import LinearMap


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's model folder, which is not there yet."""
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def saved(name: str = "mine", seed: int = 0, base: Card | None = None) -> Card:
    weights = np.random.default_rng(seed).normal(size=(256, 16))
    known = LinearMap.rounded(np.zeros(256), weights)
    return storing.save_adapted(
        name,
        base or find(models.DEFAULT_MODEL),
        "embedding",
        known.dumps(),
        16,
        alike=0.7,
        summary='taught "kind"',
        quality={"held_out_map_at_r": 0.5},
        seen=np.array([seed, 7]),
    )


def test_a_saved_model_is_found_and_embeds(folder: Path) -> None:
    card = saved()
    assert find("mine") == card == read_card(folder / "mine.toml")
    embedder = Embedder.load("mine")
    vector = embedder.embed([reference_picture()])
    assert vector.shape == (1, 16)
    base = Embedder.load().embed([reference_picture()])
    assert np.array_equal(embedder.mapped(base), vector)
    assert embedder.base_identity == Embedder.load().identity != embedder.identity


@pytest.fixture
def namesake(tmp_path: Path) -> Card:
    """A model of the user's own, elsewhere, whose file is called like the built-in one."""
    built_in = find(models.DEFAULT_MODEL)
    # A doc_string, as ONNX has it, changes no vector.
    data = models.onnx_file(built_in).read_bytes() + b"\x32\x04mine"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / built_in.file).write_bytes(data)
    card = replace(built_in, name="own", sha256=hashlib.sha256(data).hexdigest())
    (tmp_path / "own" / "efficientnet-lite0.toml").write_text(storing.card_text(card), encoding="utf-8")
    return find(tmp_path / "own" / built_in.file)


def test_a_model_whose_file_is_called_like_the_built_in_one(
    folder: Path, namesake: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_built_in = saved("before")
    card = saved(base=namesake)
    assert models.onnx_file(card) == folder / namesake.file
    assert models.onnx_file(of_built_in) == models.onnx_file(find(models.DEFAULT_MODEL))
    for name in ("mine", "before"):
        assert Embedder.load(name).embed([reference_picture()]).shape == (1, 16)
    storing.export(card, tmp_path / "mine.lookalike-model")
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "elsewhere"))
    taken = storing.take_in(tmp_path / "mine.lookalike-model")
    assert models.onnx_file(taken) == tmp_path / "elsewhere" / namesake.file


def test_the_map_is_part_of_the_identity(folder: Path) -> None:
    one, other = saved("one", 1), saved("other", 2)
    again = saved("again", 1)
    assert one.identity("embedding", "onnxruntime") != other.identity("embedding", "onnxruntime")
    assert one.identity("embedding", "onnxruntime") == again.identity("embedding", "onnxruntime")


def test_what_an_adapter_says_of_itself_goes_with_it(folder: Path) -> None:
    adapted, plain = saved().outputs["embedding"], find(models.DEFAULT_MODEL).outputs["embedding"]
    assert (adapted.summary, adapted.alike) == ('taught "kind"', 0.7)
    assert (adapted.without_adapter.summary, adapted.without_adapter.alike) == ("", 1.0)
    assert plain.without_adapter == plain


def test_a_feature_map_goes_through_the_adapter(folder: Path) -> None:
    saved()
    embedder = Embedder.load("mine")
    picture = reference_picture()
    mean = embedder.map_rgb(picture).mean(axis=(1, 2))
    assert mean / np.linalg.norm(mean) == pytest.approx(embedder.embed_rgb(picture), abs=5e-3)


@pytest.mark.parametrize("name", [models.DEFAULT_MODEL, "mine"])
def test_every_card_is_read_back_as_it_was_written(folder: Path, name: str, tmp_path: Path) -> None:
    saved()
    card = find(name)
    (tmp_path / "copy.toml").write_text(storing.card_text(card), encoding="utf-8")
    copy = read_card(tmp_path / "copy.toml")
    assert (copy.outputs, copy.preprocessing, copy.quality) == (
        card.outputs, card.preprocessing, card.quality,
    )  # fmt: skip
    assert copy.identity("embedding", "openvino") == card.identity("embedding", "openvino")


def test_a_name_is_used_once(folder: Path) -> None:
    saved()
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ModelError, match=r"there is a model 'mine' already: .*models remove mine"):
        saved(seed=5)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_damaged_adapter_is_noticed(folder: Path) -> None:
    saved()
    (folder / "mine.npz").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"mine\.npz is not the file its card describes"):
        Embedder.load("mine")
    (folder / "mine.npz").unlink()
    with pytest.raises(ModelError, match=r"mine\.npz is missing"):
        Embedder.load("mine")


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x03\x04"])
def test_what_is_no_adapter(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(ModelError, match=r"cannot be read as an adapter|is no adapter"):
        LinearMap.read(tmp_path / "x.npz")


def test_arrays_that_do_not_fit_are_no_adapter(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", centre=np.zeros(3, np.int32), weights=np.zeros((4, 2), np.int16))
    with pytest.raises(ModelError, match="is no adapter"):
        LinearMap.read(tmp_path / "x.npz")


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", centre=np.array([{}], object), weights=np.zeros((1, 2), np.int16))
    with pytest.raises(ModelError, match="cannot be read as an adapter"):
        LinearMap.read(tmp_path / "x.npz")


# --- one file --------------------------------------------------------------------------------


def test_a_model_is_handed_on_in_one_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = saved()
    storing.export(card, tmp_path / "mine.lookalike-model")
    vector = Embedder.load("mine").embed([reference_picture()])
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "elsewhere"))
    taken = storing.take_in(tmp_path / "mine.lookalike-model")
    assert taken.path == tmp_path / "elsewhere" / "mine.toml"
    assert np.array_equal(Embedder.load("mine").embed([reference_picture()]), vector)
    assert storing.take_in(tmp_path / "mine.lookalike-model") == taken  # once more changes nothing
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == [
        "mine.npz",
        "mine.seen",
        "mine.toml",
    ]


def test_an_export_is_the_same_bytes_every_time(folder: Path, tmp_path: Path) -> None:
    card = saved()
    for name in ("a", "b"):
        storing.export(card, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_export_overwrites_nothing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(ModelError, match="exists already: nothing is overwritten"):
        storing.export(saved(), tmp_path / "precious")
    assert (tmp_path / "precious").read_text() == "mine"


def test_an_import_overwrites_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storing.export(saved(), tmp_path / "file")
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "elsewhere"))
    other = saved(seed=8)
    with pytest.raises(ModelError, match="there is a model 'mine' already"):
        storing.take_in(tmp_path / "file")
    assert find("mine") == other


def repacked(source: Path, target: Path, name: str, data: bytes) -> Path:
    """An exported model with one file replaced."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, data if entry == name else old.read(entry))
    return target


@pytest.mark.parametrize("name", ["mine.npz", "efficientnet-lite0.onnx"])
def test_every_file_is_verified(
    folder: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing.export(saved(), tmp_path / "file")
    wrong = repacked(tmp_path / "file", tmp_path / "wrong", name, b"something else")
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "elsewhere"))
    with pytest.raises(ModelError, match="is not the file its card describes"):
        storing.take_in(wrong)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_names_cannot_lead_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    card = saved()
    storing.export(card, tmp_path / "file")
    text = storing.card_text(card).replace('"mine.npz"', '"../mine.npz"')
    wrong = repacked(tmp_path / "file", tmp_path / "wrong", "card.toml", text.encode())
    with pytest.raises(ModelError, match="must be a bare file name"):
        storing.take_in(wrong)


@pytest.mark.parametrize("data", [b"", b"PK", b"something else"])
def test_what_is_no_exported_model(folder: Path, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(ModelError, match="is no model that `lookalike models export` wrote"):
        storing.take_in(tmp_path / "file")
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        storing.take_in(tmp_path / "none")


@pytest.mark.parametrize("share", [0.001, 0.5, 0.99])
def test_an_exported_model_that_is_cut_short_is_said_to_be(
    folder: Path, tmp_path: Path, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing.export(saved(), tmp_path / "file")
    data = (tmp_path / "file").read_bytes()
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "elsewhere"))
    (tmp_path / "short").write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelError, match=r"short is damaged or cut short: copy or fetch it again"):
        storing.take_in(tmp_path / "short")
    assert not list((tmp_path / "elsewhere").glob("*"))


def test_an_exported_model_of_which_the_end_of_the_adapter_is_the_end(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing.export(saved(), tmp_path / "file")
    data, adapter = (tmp_path / "file").read_bytes(), (folder / "mine.npz").read_bytes()
    end = data.index(adapter) + len(adapter)  # which is an archive of its own
    (tmp_path / "short").write_bytes(data[:end])
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "elsewhere"))
    with pytest.raises(ModelError, match="is damaged or cut short"):
        storing.take_in(tmp_path / "short")


# --- removing --------------------------------------------------------------------------------


def test_removed_models_can_be_moved_back(folder: Path) -> None:
    saved()
    place = storing.remove("mine")
    assert sorted(path.name for path in place.iterdir()) == ["mine.npz", "mine.seen", "mine.toml"]
    with pytest.raises(ModelError, match="no model is called 'mine'"):
        find("mine")
    saved(seed=3)
    assert storing.remove("mine") != place
    for path in place.iterdir():
        path.rename(folder / path.name)
    assert Embedder.load("mine").dimension == 16


def trained(name: str, network: bytes = b"a network", base: Card | None = None) -> Card:
    base = base or find(models.DEFAULT_MODEL)
    return storing.save_trained(
        name, base, network, base.outputs, curve="<svg/>", summary="trained", quality={"recall": 0.5},
        seen=np.array([5, -3]), held_out=np.array([8, 6]),
    )  # fmt: skip


def test_what_a_model_has_learned_from_is_kept(folder: Path, tmp_path: Path) -> None:
    built_in = find(models.DEFAULT_MODEL)
    assert models.learned_by(built_in).tolist() == models.held_out_by(built_in).tolist() == []
    base = trained("base", models.onnx_file(built_in).read_bytes())
    assert models.learned_by(base).tolist() == [-3, 5]
    assert models.held_out_by(base).tolist() == [6, 8]
    card = saved("on-top", 6, base)
    assert models.learned_by(find("on-top")).tolist() == [-3, 5, 6, 7]  # those of the base as well
    assert models.held_out_by(find("on-top")).tolist() == [8]  # the other one has been learned from meanwhile
    storing.export(card, tmp_path / "handed-on")
    for name in ("on-top", "base"):
        storing.remove(name)
    assert models.learned_by(storing.take_in(tmp_path / "handed-on")).tolist() == [-3, 5, 6, 7]


def test_a_network_trained_on_has_not_learned_what_only_a_map_has(folder: Path) -> None:
    adapted = saved("adapted", 9)
    assert models.learned_by(adapted).tolist() == [7, 9]
    assert models.network_of(adapted) == find(models.DEFAULT_MODEL)
    assert models.learned_by(trained("trained", base=adapted)).tolist() == [-3, 5]


def test_a_damaged_list_of_what_was_learned_from_is_noticed(folder: Path, tmp_path: Path) -> None:
    card = saved()
    (folder / "mine.seen").write_bytes(b"")
    for use in (models.learned_by, lambda card: storing.export(card, tmp_path / "file")):
        with pytest.raises(ModelError, match=r"mine\.seen is not the file its card describes"):
            use(card)
    (folder / "mine.seen").unlink()
    with pytest.raises(ModelError, match=r"mine\.seen, the list of what it has learned from, is missing"):
        models.learned_by(card)
    (folder / "mine.seen").write_bytes(b"7 bytes")
    digest = hashlib.sha256(b"7 bytes").hexdigest()
    card_file = folder / "mine.toml"
    card_file.write_text(card_file.read_text().replace(card.seen.sha256, digest))
    with pytest.raises(ModelError, match=r"mine\.seen is not the file its card describes"):
        models.learned_by(find("mine"))


def test_a_learning_curve_goes_with_its_model(folder: Path) -> None:
    curve = storing.curve_of(trained("curved"))
    assert curve.read_text() == "<svg/>"
    assert curve in storing.removable("curved")
    place = storing.remove("curved")
    assert sorted(path.suffix for path in place.iterdir()) == [".onnx", ".seen", ".svg", ".toml"]
    assert not list(folder.glob("curved*"))


@pytest.mark.parametrize("ending", ["svg", "onnx", "npz", "seen"])
def test_a_file_in_the_way_is_named_and_kept(folder: Path, ending: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"mine.{ending}").write_text("something else")
    with pytest.raises(ModelError, match=rf"mine\.{ending} is in the way"):
        trained("mine")
    assert [path.read_text() for path in folder.iterdir()] == ["something else"]


def test_files_that_others_use_stay(folder: Path) -> None:
    saved("one", 1)
    card = saved("two", 2)
    (folder / "shared.onnx").write_bytes(models.onnx_file(card).read_bytes())
    digest = hashlib.sha256((folder / "shared.onnx").read_bytes()).hexdigest()
    assert digest == card.sha256
    for name in ("one", "two"):
        path = folder / f"{name}.toml"
        path.write_text(path.read_text().replace('file = "efficientnet-lite0.onnx"', 'file = "shared.onnx"'))
    storing.remove("one")
    assert (folder / "shared.onnx").is_file()
    storing.remove("two")
    assert not (folder / "shared.onnx").exists()


def test_what_came_with_lookalike_stays(folder: Path) -> None:
    with pytest.raises(ModelError, match="only models there are removed"):
        storing.remove(models.DEFAULT_MODEL)
    with pytest.raises(ModelError, match="only models there are removed"):
        storing.removable(models.DEFAULT_MODEL)


def test_nobody_is_told_to_remove_what_came_with_lookalike(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"is a model 'efficientnet-lite0' already: choose another name$"):
        saved(models.DEFAULT_MODEL)


# --- trainings that have not ended ------------------------------------------------------------


def begin(folder: Path, name: str, epoch: float | None) -> Path:
    """The folder of a training, as an interruption leaves it."""
    place = unfinished.folder_of(name)
    place.mkdir(parents=True)
    (place / "checkpoint.pt").write_bytes(b"12345")
    if epoch is not None:
        unfinished.note(name, epoch, 20)
    return place


def test_trainings_that_have_not_ended_are_listed(folder: Path) -> None:
    assert unfinished.unfinished() == []
    later, begun, odd = (begin(folder, *one) for one in (("b.2", 3.5), ("a", None), ("c", None)))
    (odd / "stands.json").write_text("[]")
    found = unfinished.unfinished()
    stands = [(one.name, one.epoch, one.epochs) for one in found]
    assert stands == [("a", 0, 0), ("b.2", 3.5, 20), ("c", 0, 0)]
    assert [one.folder for one in found] == [begun, later, odd]
    assert found[0].bytes == 5
    assert [card.name for card in models.available()] == ["efficientnet-lite0", "efficientnet-lite2"]


def test_a_training_is_removed_like_a_model_and_with_one(folder: Path) -> None:
    place = begin(folder, "mine", 3)
    assert storing.removable("mine") == [place]
    gone = storing.remove("mine")
    assert gone == folder / "removed" / "mine"
    assert (gone / "mine.training" / "checkpoint.pt").read_bytes() == b"12345"
    assert unfinished.unfinished() == []
    saved()
    place = begin(folder, "mine", None)
    assert storing.removable("mine") == [
        folder / "mine.toml",
        folder / "mine.npz",
        folder / "mine.seen",
        place,
    ]
    storing.remove("mine")
    assert [path.name for path in folder.iterdir()] == ["removed"]


def test_a_training_whose_folder_cannot_be_written_to(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"stands\.json cannot be written"):
        unfinished.note("mine", 1, 2)
