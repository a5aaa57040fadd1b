from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from lookalike import Embedder, runtimes
from lookalike.embedder import pool, prepare, reference_picture, to_input
from lookalike.errors import ModelError, PictureError
from lookalike.models import Card, Output, Preprocessing, find, onnx_file
from lookalike.vectors import canonical, cosines, from_half, to_half


def drawn(seed: int, width: int = 320, height: int = 260) -> np.ndarray:
    """A picture of soft blobs, different for each seed."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (7, 9, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture + random.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)


REFERENCE_PICTURE = "f60a3f91043055a6"  # sha256 of its pixels
PICTURES = [drawn(seed, 300 + 7 * seed, 240 + 13 * seed) for seed in range(6)]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder.load()


@pytest.fixture(scope="module")
def vectors(embedder: Embedder) -> np.ndarray:
    return np.stack([embedder.embed_rgb(picture) for picture in PICTURES])


# --- the same picture, the same bits ---------------------------------------------------------


def test_the_vectors_are_unit_rows_as_they_are_stored(embedder: Embedder, vectors: np.ndarray) -> None:
    assert vectors.shape == (6, embedder.dimension) == (6, 256)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_array_equal(from_half(to_half(vectors)), vectors)
    assert len({vector.tobytes() for vector in vectors}) == len(vectors)


def test_alone_in_a_list_and_repeated(embedder: Embedder, vectors: np.ndarray) -> None:
    np.testing.assert_array_equal(embedder.embed(PICTURES), vectors)
    np.testing.assert_array_equal(embedder.embed(iter(PICTURES[::-1])), vectors[::-1])
    np.testing.assert_array_equal(embedder.embed([PICTURES[2]] * 3), vectors[[2, 2, 2]])
    for picture, vector in zip(PICTURES, vectors, strict=True):
        np.testing.assert_array_equal(embedder.embed([picture])[0], vector)


def test_no_pictures(embedder: Embedder) -> None:
    nothing = embedder.embed([])
    assert nothing.shape == (0, 256)
    assert nothing.dtype == np.float32


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_inside_one_picture(threads: int, vectors: np.ndarray) -> None:
    np.testing.assert_array_equal(Embedder.load(threads=threads).embed(PICTURES), vectors)


def test_four_threads_at_once(embedder: Embedder, vectors: np.ndarray) -> None:
    jobs = list(range(6)) * 6
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda i: embedder.embed_rgb(PICTURES[i]), jobs))
    np.testing.assert_array_equal(np.stack(found), vectors[jobs])


def test_another_process(tmp_path: Path, vectors: np.ndarray) -> None:
    np.savez(tmp_path / "in.npz", *PICTURES)
    program = (
        "import numpy, sys; from lookalike import Embedder; pictures = numpy.load(sys.argv[1]);"
        "numpy.save(sys.argv[2], Embedder.load().embed([pictures[name] for name in pictures.files]))"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "in.npz", tmp_path / "out.npy"], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), vectors)


def test_paths_bytes_arrays_and_pillow_images(embedder: Embedder, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(PICTURES[0]).save(path)
    same = embedder.embed([path, str(path), path.read_bytes(), PICTURES[0], Image.fromarray(PICTURES[0])])
    np.testing.assert_array_equal(same, same[[0] * 5])


def test_a_picture_that_is_none(embedder: Embedder, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    with pytest.raises(PictureError, match=re.escape(str(tmp_path / "a.jpg"))):
        embedder.embed([PICTURES[0], tmp_path / "a.jpg"])


def test_likeness_means_something(embedder: Embedder, pictures: Path) -> None:
    files = sorted(pictures.glob("*.jpg"))
    with Image.open(pictures / "red-circle.jpg") as image:
        changed = image.resize((130, 120)).rotate(8, fillcolor=(230, 230, 230))
    scores = cosines(embedder.embed([changed])[0], embedder.embed(files))
    assert files[int(scores.argmax())].name == "red-circle.jpg"


# --- the outputs of the model that ships ------------------------------------------------------


@pytest.mark.parametrize(("output", "dimension"), [("embedding", 256), ("plain", 1280), ("texture", 120)])
def test_every_output_has_its_cards_shape(output: str, dimension: int) -> None:
    embedder = Embedder.load(output=output)
    assert embedder.embed_rgb(PICTURES[0]).shape == (dimension,)
    assert (embedder.output, embedder.dimension) == (output, dimension)
    assert embedder.alike == find("efficientnet-lite0").outputs[output].alike
    assert embedder.min_side == 240


def test_the_mean_of_the_map_has_the_direction_of_the_vector(embedder: Embedder, vectors: np.ndarray) -> None:
    for picture, vector in zip(PICTURES, vectors, strict=True):
        features = embedder.map_rgb(picture)
        assert features.shape == (256, 7, 7)
        assert features.dtype == np.float32
        mean = features.mean(axis=(1, 2), dtype=np.float64)
        assert mean @ vector / np.linalg.norm(mean) > 0.9999


def test_a_cosine_splits_over_positions(embedder: Embedder, vectors: np.ndarray) -> None:
    features = embedder.map_rgb(PICTURES[0]).astype(np.float64)
    length = np.linalg.norm(features.mean(axis=(1, 2)))
    shares = np.einsum("chw,c->hw", features, vectors[1]) / length / 49
    assert shares.sum() == pytest.approx(float(cosines(vectors[0], vectors[1:2])[0]), abs=1e-3)


def test_an_output_without_a_map() -> None:
    with pytest.raises(
        ModelError, match=r"^output 'texture' of model 'efficientnet-lite0' has no feature map: "
    ):
        Embedder.load(output="texture").map_rgb(PICTURES[0])


def test_identity_is_the_cards(embedder: Embedder) -> None:
    assert embedder.identity == find("efficientnet-lite0").identity("embedding", "onnxruntime")
    assert Embedder.load(output="plain").identity != embedder.identity


@pytest.mark.parametrize(("name", "message"), [("nope", "no model is called"), ("a/b.onnx", "no model file")])
def test_an_unknown_model(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Embedder.load(name)


# --- the reference vector ---------------------------------------------------------------------


def tampered(share: float) -> Card:
    """The shipped card with this share of something else in its reference."""
    card = find("efficientnet-lite0")
    output = card.outputs["embedding"]
    right = np.frombuffer(base64.b64decode(output.reference), np.float16).astype(np.float64)
    wrong = np.random.default_rng(0).normal(size=256)
    mixed = (1 - share) * right + share * wrong / np.linalg.norm(wrong)
    reference = base64.b64encode(to_half(mixed[None])[0].tobytes()).decode()
    outputs = {**card.outputs, "embedding": dataclasses.replace(output, reference=reference)}
    return dataclasses.replace(card, outputs=outputs)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each network that was loaded is a precise one."""
    seen: list[bool] = []
    original = runtimes.load

    def load(runtime: str, file: Path, tensor: str, threads: int, precise: bool = False) -> runtimes.Runtime:
        seen.append(precise)
        return original(runtime, file, tensor, threads, precise)

    monkeypatch.setattr(runtimes, "load", load)
    return seen


@pytest.mark.parametrize("output", ["embedding", "plain", "texture"])
@pytest.mark.parametrize("model", ["efficientnet-lite0", "efficientnet-lite2"])
def test_the_references_are_right_on_this_machine(loads: list[bool], model: str, output: str) -> None:
    Embedder.load(model, output)
    assert loads == [False]


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_a_wrong_reference_stops_loading(loads: list[bool], share: float) -> None:
    card = tampered(share)
    message = (
        f"model 'efficientnet-lite0' computes other vectors here than its card {card.path} records as "
        "`reference`. If you changed the card, remove that line; if not, onnxruntime computes wrongly on "
        "this processor: try another runtime"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        Embedder(card)
    assert loads == [False, True]


def test_a_wrong_reference_in_a_copied_card(tmp_path: Path) -> None:
    card = find("efficientnet-lite0")
    text = card.path.read_text(encoding="utf-8")
    good, bad = (c.outputs["embedding"].reference for c in (card, tampered(1.0)))
    (tmp_path / card.path.name).write_text(text.replace(good, bad), encoding="utf-8")
    (tmp_path / card.file).write_bytes(onnx_file(card).read_bytes())
    with pytest.raises(ModelError, match="computes other vectors here than its card"):
        Embedder.load(tmp_path / card.file)
    assert Embedder.load(tmp_path / card.file, output="plain").dimension == 1280


def test_the_precise_mode_is_used_where_the_fast_one_is_wrong(
    monkeypatch: pytest.MonkeyPatch, vectors: np.ndarray
) -> None:
    """A processor whose fast kernels saturate, played by a network that clips its numbers."""
    original, precise_ones = runtimes.load, []

    class Saturating(runtimes.Runtime):
        outputs = ()

        def run(self, pictures: np.ndarray, outputs: Sequence[str]) -> list[np.ndarray]:
            return [
                np.clip(v, -0.2, 0.2)
                for v in original("onnxruntime", file, "pictures", 1).run(pictures, outputs)
            ]

    file = onnx_file(find("efficientnet-lite0"))

    def load(runtime: str, file: Path, tensor: str, threads: int, precise: bool = False) -> runtimes.Runtime:
        precise_ones.append(precise)
        return original(runtime, file, tensor, threads, True) if precise else Saturating()

    monkeypatch.setattr(runtimes, "load", load)
    embedder = Embedder.load()
    assert precise_ones == [False, True]
    assert np.diag(embedder.embed(PICTURES) @ vectors.T) == pytest.approx(1.0, abs=5e-3)


def test_the_reference_picture_is_the_same_everywhere() -> None:
    picture = reference_picture()
    assert picture.shape == (240, 320, 3)
    assert hashlib.sha256(picture.tobytes()).hexdigest()[:16] == REFERENCE_PICTURE


# --- networks of one's own --------------------------------------------------------------------


def network(
    folder: Path,
    shape: list[int | str],
    nodes: list[onnx.NodeProto],
    gives: int = TensorProto.FLOAT,
    **values: object,
) -> bytes:
    """A tiny ONNX file `own.onnx` from `x` of this shape (uint8 where channels come last) to `v`."""
    kind = TensorProto.UINT8 if shape[-1] == 3 else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "own",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("v", gives, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "own.onnx")
    return (folder / "own.onnx").read_bytes()


def own(folder: Path, data: bytes, dimension: int, pooling: str, how: str, outputs: str = "") -> Embedder:
    text = f"""
    name = "own"
    file = "own.onnx"
    sha256 = "{hashlib.sha256(data).hexdigest()}"
    [input]
    tensor = "x"
    size = 8
    short_side = 8
    {how}
    [outputs.v]
    tensor = "v"
    dimension = {dimension}
    pooling = "{pooling}"
    {outputs}
    """
    (folder / "own.toml").write_text(text, encoding="utf-8")
    return Embedder.load(folder / "own.onnx")


BYTES, FLOATS = 'layout = "nhwc-uint8"', 'layout = "nchw-float32"'
TO_FLOATS = helper.make_node("Cast", ["x"], ["v"], to=TensorProto.FLOAT)
SAME = helper.make_node("Identity", ["x"], ["v"])
FLATTENED = helper.make_node("Flatten", ["x"], ["v"])


def reshape(*shape: int) -> tuple[list[onnx.NodeProto], np.ndarray]:
    return [helper.make_node("Reshape", ["x", "target"], ["v"])], np.array(shape, np.int64)


def picture8() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def slow_channels_first(picture: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    values = np.zeros((3, 8, 8))
    for c in range(3):
        for y in range(8):
            for x in range(8):
                values[c, y, x] = (picture[y, x, c] / 255 - mean[c]) / std[c]
    return values


def test_nhwc_bytes_without_pooling(tmp_path: Path) -> None:
    cast = helper.make_node("Cast", ["flat"], ["v"], to=TensorProto.FLOAT)
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), cast]
    embedder = own(tmp_path, network(tmp_path, ["n", 8, 8, 3], nodes), 192, "none", BYTES)
    expected = picture8().astype(np.float32).reshape(1, -1)
    np.testing.assert_array_equal(embedder.embed_rgb(picture8()), canonical(expected)[0])


@pytest.mark.parametrize(
    ("mean", "std"), [((0, 0, 0), (1, 1, 1)), ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
)
def test_nchw_floats_are_normalised(tmp_path: Path, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    data = network(tmp_path, ["n", 3, 8, 8], [FLATTENED])
    how = f"{FLOATS}\nmean = {list(mean)}\nstd = {list(std)}"
    embedder = own(tmp_path, data, 192, "none", how)
    expected = slow_channels_first(picture8(), mean, std).reshape(1, -1)
    assert embedder.embed_rgb(picture8()) == pytest.approx(canonical(expected)[0], abs=2e-4)


def test_mean_over_positions(tmp_path: Path) -> None:
    embedder = own(tmp_path, network(tmp_path, ["n", 3, 8, 8], [SAME]), 3, "mean", FLOATS)
    expected = [np.mean([picture8()[y, x, c] for y in range(8) for x in range(8)]) for c in range(3)]
    assert embedder.embed_rgb(picture8()) == pytest.approx(canonical(np.array([expected]))[0], abs=5e-4)


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_tokens(tmp_path: Path, pooling: str) -> None:
    nodes, target = reshape(1, 16, 12)
    embedder = own(tmp_path, network(tmp_path, ["n", 3, 8, 8], nodes, target=target), 12, pooling, FLOATS)
    tokens = slow_channels_first(picture8(), (0, 0, 0), (1, 1, 1)).reshape(16, 12)
    expected = tokens[0] if pooling == "first" else sum(tokens) / 16
    assert embedder.embed_rgb(picture8()) == pytest.approx(canonical(expected[None])[0], abs=5e-4)


def test_pool_keeps_what_does_not_fit() -> None:
    values = np.arange(24, dtype=np.float32)
    assert pool(values.reshape(1, 24), "none").shape == (24,)
    assert pool(values.reshape(1, 4, 6), "none").shape == (4, 6)
    assert pool(values.reshape(1, 2, 3, 4), "first").shape == (2, 3, 4)
    np.testing.assert_array_equal(pool(values.reshape(1, 4, 6), "first"), values[:6])
    np.testing.assert_array_equal(pool(values.reshape(1, 4, 6), "mean"), values[:6] + 9)
    np.testing.assert_array_equal(pool(values.reshape(1, 2, 3, 4), "mean"), [5.5, 17.5])


@pytest.mark.parametrize(("dimension", "pooling"), [(5, "mean"), (192, "none"), (3, "none"), (3, "first")])
def test_a_wrong_dimension_is_named(tmp_path: Path, dimension: int, pooling: str) -> None:
    embedder = own(tmp_path, network(tmp_path, ["n", 3, 8, 8], [SAME]), dimension, pooling, FLOATS)
    message = (
        f"output 'v' of model 'own' has shape (1, 3, 8, 8), which pooling {pooling!r} does not make a "
        f"vector of length {dimension}"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        embedder.embed_rgb(picture8())


def test_numbers_that_are_none(tmp_path: Path) -> None:
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("Log", ["flat"], ["v"])]
    embedder = own(tmp_path, network(tmp_path, ["n", 3, 8, 8], nodes), 192, "none", FLOATS)
    message = "output 'v' of model 'own' computes numbers that are infinite or none for a picture"
    with pytest.raises(ModelError, match=f"^{message}$"):
        embedder.embed_rgb(np.zeros((8, 8, 3), np.uint8))


def test_sixteen_bit_outputs_become_floats(tmp_path: Path) -> None:
    cast = helper.make_node("Cast", ["x"], ["v"], to=TensorProto.FLOAT16)
    data = network(tmp_path, ["n", 3, 8, 8], [cast], gives=TensorProto.FLOAT16)
    embedder = own(tmp_path, data, 3, "mean", FLOATS, 'map = "v"')
    assert embedder.map_rgb(picture8()).dtype == embedder.embed_rgb(picture8()).dtype == np.float32


def test_a_map_of_another_shape_is_named(tmp_path: Path) -> None:
    data = network(tmp_path, ["n", 3, 8, 8], [FLATTENED])
    embedder = own(tmp_path, data, 192, "none", FLOATS, 'map = "v"')
    message = "map 'v' of model 'own' has shape (1, 192), not (1, 192, height, width)"
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        embedder.map_rgb(picture8())


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("x", "has no input 'y', which its card names; it has x"),
        ("v", "has no output 'y', which its card names"),
    ],
)
def test_a_tensor_the_network_does_not_have(tmp_path: Path, key: str, message: str) -> None:
    data = network(tmp_path, ["n", 3, 8, 8], [SAME])
    own(tmp_path, data, 3, "mean", FLOATS)
    card = tmp_path / "own.toml"
    card.write_text(card.read_text().replace(f'tensor = "{key}"', 'tensor = "y"'), encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        Embedder.load(card).embed_rgb(picture8())


def test_a_network_of_another_size_than_its_card_says(tmp_path: Path) -> None:
    embedder = own(tmp_path, network(tmp_path, ["n", 3, 16, 16], [SAME]), 3, "mean", FLOATS)
    with pytest.raises(ModelError, match=r"own.onnx failed on a picture: "):
        embedder.embed_rgb(picture8())


def test_a_file_that_is_no_network(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.onnx").write_bytes(b"rubbish")
    with pytest.raises(ModelError, match=r"own.onnx cannot be loaded as an ONNX model: "):
        own(tmp_path, b"rubbish", 3, "mean", FLOATS)
    assert capfd.readouterr() == ("", "")


# --- preparing pictures -----------------------------------------------------------------------


def how(
    fit: str = "crop", size: int = 64, short_side: int = 70, interpolation: str = "linear"
) -> Preprocessing:
    return Preprocessing("x", size, short_side, fit, interpolation)


def slow_prepare(rgb: np.ndarray, p: Preprocessing) -> np.ndarray:
    """The same with Pillow: every pixel is a mean of the pixels it covers. Edges of what is cut
    out lie between pixels, as they do in `prepare`."""
    height, width = rgb.shape[:2]
    filtered, image = Image.Resampling.BILINEAR, Image.fromarray(rgb)
    if p.fit == "squash":
        return np.array(image.resize((p.size, p.size), filtered))
    if p.fit == "crop":
        side = round(min(height, width) * p.size / p.short_side)
        left, top = (width - side) // 2, (height - side) // 2
        box = (left, top, left + side, top + side)
        return np.array(image.resize((p.size, p.size), filtered, box=box))
    scale = p.size / max(height, width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    square = Image.new("RGB", (p.size, p.size), "white")
    square.paste(image.resize(inner, filtered), ((p.size - inner[0]) // 2, (p.size - inner[1]) // 2))
    return np.array(square)


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
@pytest.mark.parametrize("interpolation", ["linear", "area", "cubic"])
@pytest.mark.parametrize(
    "size", [(64, 64), (70, 70), (200, 150), (150, 400), (900, 700), (40, 50), (641, 97)]
)
def test_prepare_against_pillow(fit: str, interpolation: str, size: tuple[int, int]) -> None:
    smooth = cv2.GaussianBlur(drawn(5, 320, 320), (0, 0), 6)
    rgb = cv2.resize(smooth, size, interpolation=cv2.INTER_AREA)
    p = how(fit, interpolation=interpolation)
    difference = np.abs(prepare(rgb, p).astype(int) - slow_prepare(rgb, p))
    assert difference.mean() < 3.0
    # Up to one pixel of the result may be lost at the edge, which is much of a strip of ten.
    assert np.quantile(difference, 0.99) < (16 if min(size) > 100 else 48)


@given(
    st.integers(1, 700),
    st.integers(1, 700),
    st.sampled_from(["crop", "squash", "pad"]),
    st.sampled_from(["linear", "area", "cubic"]),
)
def test_the_square_is_always_a_square(width: int, height: int, fit: str, interpolation: str) -> None:
    square = prepare(np.full((height, width, 3), 77, np.uint8), how(fit, interpolation=interpolation))
    assert square.shape == (64, 64, 3)
    assert square.dtype == np.uint8
    assert square.flags.c_contiguous
    assert set(np.unique(square)) <= ({77, 255} if fit == "pad" else {77})


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 3), (1, 70_000), (70_000, 1), (33_000, 3)])
def test_tiny_and_extreme_pictures(fit: str, size: tuple[int, int]) -> None:
    square = prepare(np.full((*size, 3), 9, np.uint8), how(fit))
    assert square.shape == (64, 64, 3)
    assert 9 in square


def test_the_middle_is_cut_out() -> None:
    """Of stripes from left to right, the outer ones must be gone and the centre in the centre."""
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (128, 256, 3))
    square = prepare(np.ascontiguousarray(ramp), how(size=64, short_side=64)).astype(int)
    assert square[:, 0].mean() == pytest.approx(64.5, abs=1)
    assert square[:, -1].mean() == pytest.approx(190.5, abs=1)
    narrower = prepare(np.ascontiguousarray(ramp), how(size=64, short_side=128)).astype(int)
    assert narrower[:, 0].mean() == pytest.approx(96, abs=1)


def test_padding_is_white_and_keeps_the_whole_picture() -> None:
    square = prepare(np.zeros((50, 100, 3), np.uint8), how("pad"))
    assert (square[:16] == 255).all()
    assert (square[48:] == 255).all()
    assert (square[16:48] == 0).all()


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
@pytest.mark.parametrize("interpolation", ["linear", "area", "cubic"])
@pytest.mark.parametrize("size", [(256, 256), (1000, 1000), (300, 3000), (3000, 300), (640, 480)])
def test_fine_patterns_become_grey(fit: str, interpolation: str, size: tuple[int, int]) -> None:
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    checkerboard = np.repeat((((x + y) % 2) * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    square = prepare(checkerboard, how(fit, interpolation=interpolation)).astype(int)
    inside = square[(square != 255).any(axis=2)] if fit == "pad" else square
    assert np.abs(inside - 127.5).max() < 32


def test_fine_lines_become_grey_in_a_picture_that_is_squashed_in_one_direction() -> None:
    lines = np.repeat(((np.arange(2583) % 2) * 255).astype(np.uint8)[:, None], 64, axis=1)
    square = prepare(np.repeat(lines[:, :, None], 3, axis=2), how("squash")).astype(int)
    assert np.abs(square - 127.5).max() < 32


def test_preparing_changes_nothing_in_the_picture() -> None:
    rgb = drawn(1, 64, 64)
    before = rgb.copy()
    for fit in ("crop", "squash", "pad"):
        prepare(rgb, how(fit, 64, 64))
    np.testing.assert_array_equal(rgb, before)


def test_input_layouts() -> None:
    square = picture8()
    np.testing.assert_array_equal(to_input(square, how()), square[None])
    assert to_input(square, how()).dtype == np.uint8
    floats = Preprocessing("x", 8, 8, layout="nchw-float32", mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    values = to_input(square, floats)
    assert values.shape == (1, 3, 8, 8)
    assert values.dtype == np.float32
    assert values.flags.c_contiguous
    assert values[0] == pytest.approx(slow_channels_first(square, floats.mean, floats.std), abs=1e-5)


def test_what_decoding_must_leave_of_the_shorter_side() -> None:
    card = find("efficientnet-lite0")
    squash = dataclasses.replace(card.preprocessing, fit="squash")
    output = {"embedding": dataclasses.replace(card.outputs["embedding"], reference="")}
    changed = dataclasses.replace(card, preprocessing=squash, outputs=output)
    assert Embedder(changed).min_side == 224


def test_output_is_the_default_where_none_is_named() -> None:
    assert Output("v", 3).pooling == "none"
    assert Embedder.load(output=None).output == "embedding"
