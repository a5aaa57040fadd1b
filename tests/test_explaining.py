"""A similarity split over places: against loops, against the number it explains, for every kind of model."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import lookalike
from lookalike import Collection, Embedder, ModelError, PictureError, Region, UsageError, models, runtimes
from lookalike.embedder import frame, over_positions
from lookalike.explaining import MOST_PAIRS, Seen, split
from lookalike.models import Preprocessing
from lookalike.models.linear_map import LinearMap
from lookalike.query import coefficients, combine
from lookalike.results import Explanation, as_json
from lookalike.training import export
from lookalike.training import graph as graphs
from lookalike.vectors import canonical

SIDE, CHANNELS = 32, 12


def drawn(seed: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Blobs, (height, width, 3) uint8: another picture for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def shares(explanation: Explanation) -> list[float]:
    """What the shares of the query, of the picture found, and of the pairs add up to."""
    grids = [explanation.queries[0].shares, explanation.found.shares, explanation.pairs or ()]
    return [sum(sum(row) for row in grid) for grid in grids]


@cache
def shipped() -> Embedder:
    """The network of whole numbers that ships."""
    return Embedder.load()


# --- networks of floats -----------------------------------------------------------------------


def tiny(folder: Path, nodes: list[onnx.NodeProto], card: str, **values: np.ndarray) -> Embedder:
    """A small network of floats: a convolution `f` with strides of 4, and what `nodes` make `v` of it."""
    dice = np.random.default_rng(5)
    convolution = helper.make_node(
        "Conv", ["x", "w", "b"], ["c"], kernel_shape=[5, 5], strides=[4, 4], pads=[2] * 4
    )
    weights = {
        "w": dice.normal(0, 0.2, (CHANNELS, 3, 5, 5)).astype(np.float32),
        "b": dice.normal(0, 0.3, CHANNELS).astype(np.float32),
    }
    graph = helper.make_graph(
        [convolution, helper.make_node("Relu", ["c"], ["f"]), *nodes],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("v", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in {**weights, **values}.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "tiny.onnx")
    digest = hashlib.sha256((folder / "tiny.onnx").read_bytes()).hexdigest()
    (folder / "tiny.toml").write_text(
        f'name = "tiny"\nfile = "tiny.onnx"\nsha256 = "{digest}"\n[input]\ntensor = "x"\nsize = {SIDE}\n'
        f'layout = "nchw-float32"\n{card}',
        encoding="utf-8",
    )
    return Embedder.load(folder / "tiny.onnx")


POOLED = [helper.make_node("GlobalAveragePool", ["f"], ["p"]), helper.make_node("Flatten", ["p"], ["v"])]
CROP = f"short_side = {SIDE + 8}\n"
VECTOR = f'[outputs.v]\ntensor = "v"\ndimension = {CHANNELS}\n'


@pytest.fixture
def inside(tmp_path: Path) -> Embedder:
    """Its feature map lies inside the graph."""
    return tiny(tmp_path, POOLED, CROP + VECTOR + 'map = "f"')


def test_the_shares_are_those_of_loops(inside: Embedder) -> None:
    first, second = drawn(1), drawn(2)
    found = lookalike.explain(first, second, embedder=inside)
    one, other = inside.embed_rgb(first).astype(float), inside.embed_rgb(second).astype(float)
    features = inside.map_rgb(first).astype(float)
    assert features.shape == (CHANNELS, 8, 8)
    length = np.sqrt(sum(np.mean(features[c]) ** 2 for c in range(CHANNELS)))
    for row in range(8):
        for column in range(8):
            expected = sum(features[c, row, column] * other[c] for c in range(CHANNELS)) / length / 64
            assert found.queries[0].shares[row][column] == pytest.approx(expected, abs=2e-5)
    assert found.similarity == pytest.approx(one @ other, abs=1e-6)
    assert abs(found.queries[0].rounding) < 1e-3


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(20, 90), st.integers(20, 90))
def test_the_shares_sum_to_the_number_they_explain(seed: int, other: int, width: int, height: int) -> None:
    embedder = shipped()
    first, second = drawn(seed, width, height), drawn(other, 64, 48)
    found = lookalike.explain(first, second, embedder=embedder)
    compared = lookalike.compare(first, second, embedder=embedder)
    assert found.similarity == compared.similarity
    assert shares(found) == pytest.approx([compared.similarity] * 3, abs=1e-6)
    pairs = np.array(found.pairs)
    np.testing.assert_allclose(pairs.sum(axis=1), np.ravel(found.queries[0].shares), atol=1e-7)
    np.testing.assert_allclose(pairs.sum(axis=0), np.ravel(found.found.shares), atol=1e-7)
    # What whole numbers and sixteen bits leave is said, and small.
    assert max(abs(heat.rounding) for heat in (found.queries[0], found.found)) < 1e-3


def test_both_ways_are_one(inside: Embedder) -> None:
    there = lookalike.explain(drawn(1), drawn(2), embedder=inside)
    back = lookalike.explain(drawn(2), drawn(1), embedder=inside)
    assert there.similarity == back.similarity
    np.testing.assert_allclose(there.queries[0].shares, back.found.shares, atol=1e-7)
    np.testing.assert_allclose(np.transpose(there.pairs), back.pairs, atol=1e-7)  # type: ignore[arg-type]


def test_a_map_inside_the_graph_leaves_the_vectors_alone(inside: Embedder) -> None:
    before = inside.embed_rgb(drawn(3))
    inside.map_rgb(drawn(3))
    np.testing.assert_array_equal(inside.embed_rgb(drawn(3)), before)


@pytest.mark.parametrize("output", ["embedding", "plain"])
def test_the_model_that_ships(output: str) -> None:
    embedder = Embedder.load(output=output)
    found = lookalike.explain(drawn(1, 400, 300), drawn(2, 300, 400), embedder=embedder)
    assert np.shape(found.found.shares) == (7, 7)
    assert shares(found) == pytest.approx([found.similarity] * 3, abs=1e-6)
    assert found.queries[0].box == (60, 10, 280, 280)
    assert found.found.box == (10, 60, 280, 280)


def test_another_runtime() -> None:
    pytest.importorskip("openvino")
    embedder = Embedder.load(output="plain", runtime="openvino")
    found = lookalike.explain(drawn(1, 400, 300), drawn(2, 300, 400), embedder=embedder)
    assert shares(found) == pytest.approx([found.similarity] * 3, abs=1e-6)


def test_heat_lies_where_pictures_agree(pictures: Path) -> None:
    with Image.open(pictures / "red-circle.jpg") as image:
        circle = np.asarray(image)
    noise = np.random.default_rng(0).integers(90, 160, (160, 320, 3), dtype=np.uint8)
    left, right = noise.copy(), noise.copy()
    left[:, :160], right[:, 160:] = circle, circle
    embedder = Embedder.load()
    for picture, side in ((left, 0), (right, 1)):
        # A region, since of a wide picture the network sees the middle only.
        found = lookalike.explain(picture[:, 40:280], circle, embedder=embedder)
        halves = np.array(found.queries[0].shares)[:, [0, 1, 2, 4, 5, 6]].reshape(7, 2, 3).sum(axis=(0, 2))
        assert halves.argmax() == side


# --- adapters, tokens, what has no map ---------------------------------------------------------


def test_an_adapter_is_applied_to_each_place(inside: Embedder) -> None:
    dice = np.random.default_rng(8)
    inside._map = LinearMap.rounded(dice.uniform(-0.2, 0.2, CHANNELS), dice.normal(size=(CHANNELS, 5)))
    found = lookalike.explain(drawn(1), drawn(2), embedder=inside)
    one, other = (inside._map.apply(canonical(inside._network_vectors([inside.square(drawn(seed))])))[0]
                  for seed in (1, 2))  # fmt: skip
    assert found.similarity == pytest.approx(float(one @ other), abs=1e-6)
    assert shares(found) == pytest.approx([found.similarity] * 3, abs=1e-6)
    assert abs(found.found.rounding) < 2e-3


def test_an_output_that_is_pooled_here_is_its_own_map(tmp_path: Path) -> None:
    same = helper.make_node("Identity", ["f"], ["v"])
    embedder = tiny(tmp_path, [same], CROP + VECTOR + 'pooling = "mean"')
    found = lookalike.explain(drawn(1), drawn(2), embedder=embedder)
    assert np.shape(found.found.shares) == (8, 8)
    assert shares(found) == pytest.approx([found.similarity] * 3, abs=1e-6)


@pytest.mark.parametrize(("first", "fits"), [(0, True), (1, True), (2, False)])
def test_tokens_of_a_transformer(tmp_path: Path, first: int, fits: bool) -> None:
    """With a class token, and with registers, before those of the positions."""
    nodes = [
        helper.make_node("Reshape", ["f", "flat"], ["r"]),
        helper.make_node("Transpose", ["r"], ["t"], perm=[0, 2, 1]),
        helper.make_node("Concat", ["extra", "t"] if first else ["t"], ["v"], axis=1),
    ]
    extra = np.random.default_rng(1).normal(0, 1, (1, max(first, 1), CHANNELS)).astype(np.float32)
    embedder = tiny(
        tmp_path, nodes, CROP + VECTOR + 'pooling = "mean"', flat=np.array([1, CHANNELS, 64]), extra=extra
    )
    if not fits:
        message = f"map 'v' of model 'tiny' has shape (1, 66, {CHANNELS})"
        with pytest.raises(ModelError, match=f"^{message.replace('(', '[(]').replace(')', '[)]')}"):
            lookalike.explain(drawn(1), drawn(2), embedder=embedder)
        return
    found = lookalike.explain(drawn(1), drawn(2), embedder=embedder)
    assert np.shape(found.found.shares) == (8, 8)
    assert shares(found) == pytest.approx([found.similarity] * 3, abs=1e-6)


@pytest.mark.parametrize("extra", [0, 1])
@given(st.integers(1, 6), st.integers(1, 4))
def test_positions_have_the_mean_of_all_tokens(extra: int, side: int, length: int) -> None:
    tokens = np.random.default_rng(side).normal(size=(1, side * side + extra, length)).astype(np.float32)
    found = over_positions(tokens)
    assert found is not None
    np.testing.assert_allclose(found.mean(axis=(1, 2)), tokens[0].mean(axis=0), atol=1e-5)
    assert found.shape == (length, side, side)


def test_a_model_without_a_map_says_so() -> None:
    with pytest.raises(
        ModelError, match=r"^output 'texture' of model 'efficientnet-lite0' has no feature map: "
    ):
        lookalike.explain(drawn(1), drawn(2), embedder=Embedder.load(output="texture"))


def test_a_map_that_is_not_that_of_the_vector_is_refused(tmp_path: Path) -> None:
    embedder = tiny(tmp_path, POOLED, CROP + VECTOR + 'map = "c"')  # before what is negative is cut off
    with pytest.raises(ModelError, match="names for its output 'v' is not the one whose mean is the vector"):
        lookalike.explain(drawn(1), drawn(2), embedder=embedder)


def test_a_tensor_that_is_not_there_is_named(tmp_path: Path) -> None:
    embedder = tiny(tmp_path, POOLED, CROP + VECTOR + 'map = "nowhere"')
    with pytest.raises(ModelError, match="nowhere"):
        lookalike.explain(drawn(1), drawn(2), embedder=embedder)


@given(st.text(min_size=1, max_size=300))
def test_an_output_is_added_as_the_library_for_onnx_adds_it(name: str) -> None:
    graph = helper.make_graph([], "g", [], [helper.make_tensor_value_info("v", TensorProto.FLOAT, None)])
    model = helper.make_model(graph)
    ours = onnx.ModelProto.FromString(runtimes.with_output(model.SerializeToString(), name))
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    assert ours == model


def test_the_map_of_a_fine_tuned_network_is_found(inside: Embedder) -> None:
    shipped = graphs.read(models.onnx_file(models.find(models.DEFAULT_MODEL)))
    found = [graphs.pooled_from(shipped, name) for name in ("embedding", "plain", "texture", "nothing")]
    assert found == ["map", "features_DequantizeLinear_Output", "", ""]
    assert found[1] == models.find(models.DEFAULT_MODEL).outputs["plain"].map
    floats = graphs.read(models.onnx_file(inside.card))
    assert graphs.pooled_from(floats, "v") == "f"
    squares = [inside._input(inside.square(drawn(seed))) for seed in range(8)]
    small = export.quantised(floats, squares)
    name = graphs.pooled_from(small, "v")
    onnx.save(small, inside.card.path.with_name("small.onnx"))
    network = runtimes.OnnxRuntime(inside.card.path.with_name("small.onnx"), "x", 1, inner=name)
    vector, features = network.run(squares[0], ["v", name])
    np.testing.assert_allclose(features.mean(axis=(2, 3)), vector, atol=1e-5)


# --- where the places lie -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fit", "box"),
    [("crop", (60, 10, 280, 280)), ("squash", (0, 0, 400, 300)), ("pad", (0, -50, 400, 400))],
)
def test_what_the_network_sees(fit: str, box: tuple[float, ...]) -> None:
    assert frame(400, 300, Preprocessing("x", size=224, short_side=240, fit=fit)) == pytest.approx(box)


def test_a_region_is_where_it_is(inside: Embedder) -> None:
    picture = drawn(4, 200, 100)
    found = lookalike.explain(picture, drawn(2), region="100,0,100,100", embedder=inside)
    cut = lookalike.explain(picture[:, 100:], drawn(2), embedder=inside)
    assert found.similarity == cut.similarity
    assert found.queries[0].shares == cut.queries[0].shares
    assert found.queries[0].box == pytest.approx((110, 10, 80, 80))
    assert (found.queries[0].width, found.queries[0].height) == (200, 100)


# --- in a collection ------------------------------------------------------------------------------


@pytest.fixture
def shop(pictures: Path, tmp_path: Path) -> Collection:
    shop = Collection.open(tmp_path / "shop.lookalike")
    shop.add([pictures])
    return shop


def test_every_number_of_a_search_is_explained(shop: Collection, pictures: Path) -> None:
    query = pictures / "red-circle.jpg"
    for region in (None, "0,0,0.5,1"):
        for hit in shop.search(query, k=12, region=region).results:
            found = shop.explain(query, hit.id, region=region)
            assert found.similarity == hit.similarity
            assert shares(found) == pytest.approx([hit.similarity] * 3, abs=1e-6)
            assert (found.queries[0].picture, found.found.picture) == (str(query), f"#{hit.id}")


def test_pictures_for_and_against(shop: Collection, pictures: Path) -> None:
    also, against = [pictures / "green-circle.jpg"], [3, (pictures / "blue-stripes.jpg").read_bytes()]
    for hit in shop.search(1, also=also, against=against).results:
        found = shop.explain(1, hit.id, also=also, against=against)
        assert found.similarity == hit.similarity
        assert len(found.queries) == 4
        assert found.pairs is None
        whole = sum(sum(map(sum, heat.shares)) for heat in found.queries)
        assert whole == pytest.approx(hit.similarity, abs=1e-6)
        assert sum(map(sum, found.found.shares)) == pytest.approx(hit.similarity, abs=1e-6)
    assert [heat.picture for heat in found.queries] == ["#1", str(also[0]), "#3", "<bytes>"]


def test_the_coefficients_are_those_of_the_query() -> None:
    rows = canonical(np.random.default_rng(0).normal(size=(5, 8)))
    mean = np.array(coefficients(3, 2)) @ rows
    np.testing.assert_allclose(combine(rows[:3], rows[3:]), mean / np.linalg.norm(mean), atol=1e-3)


def test_a_picture_that_has_changed(shop: Collection, pictures: Path) -> None:
    row = shop.picture(pictures / "red-circle.jpg")
    Image.fromarray(drawn(9)).save(row.path)
    with pytest.raises(PictureError, match=f"^#{row.id}: has changed since it was indexed: index it again$"):
        shop.explain(2, row.id)
    Path(row.path).unlink()
    with pytest.raises(PictureError, match="no such file"):
        shop.explain(row.id, 2)


def test_an_explanation_as_json(shop: Collection) -> None:
    told = as_json(shop.explain(1, 2))
    assert set(told) == {"similarity", "queries", "found", "pairs"}
    assert set(told["found"]) == {"picture", "shares", "box", "width", "height", "rounding"}


def test_a_region_outside(shop: Collection) -> None:
    with pytest.raises(UsageError, match="lies outside"):
        shop.explain(1, 2, region=Region(5000, 0, 10, 10))


def test_fine_grids_have_no_pairs() -> None:
    places = np.full((300, 1, 2), 1 / 300)
    one = Seen("a", np.ones(2, np.float32), places, np.zeros(2), (0, 0, 1, 1), 1, 1)
    assert MOST_PAIRS < 300 * 300
    assert split([one], [], one).pairs is None
