"""ONNX graphs as PyTorch networks: the same numbers, and weights that go there and back."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

from lookalike import models
from lookalike.embedder import prepare, reference_picture
from lookalike.errors import ModelError
from lookalike.models import Card
from lookalike.training import export
from lookalike.training.graph import between, copied, float_graph, weights

torch = pytest.importorskip("torch", reason="fine-tuning needs the extra `train`")
backbone = pytest.importorskip("lookalike.training.backbone")

DICE = np.random.default_rng(0)
SHIPPED = ("efficientnet-lite0", "efficientnet-lite2")
Node = tuple[str, list[str], str, dict[str, object]]


def graph(nodes: list[Node], constants: dict[str, np.ndarray], shape: list[int | str]) -> onnx.ModelProto:
    made = [helper.make_node(op, inputs, [output], **extra) for op, inputs, output, extra in nodes]
    whole = helper.make_graph(
        made,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(nodes[-1][2], TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def numbers(*shape: int) -> np.ndarray:
    return DICE.normal(size=shape).astype(np.float32)


def run(model: onnx.ModelProto, x: np.ndarray, output: str) -> np.ndarray:
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run([output], {session.get_inputs()[0].name: x})[0])


def torched(model: onnx.ModelProto, x: np.ndarray, start: str, output: str) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(backbone.Backbone(model, start, output)(torch.from_numpy(x)).numpy())


KERNEL, BIAS, WIDE = numbers(6, 4, 3, 3), numbers(6), numbers(4, 1, 5, 5)
FOUR = {"g": numbers(4), "b": numbers(4), "m": numbers(4), "v": np.abs(numbers(4)) + 0.1}
ONE: dict[str, tuple[str, list[str], dict[str, np.ndarray], dict[str, object]]] = {
    "conv": ("Conv", ["x", "k", "c"], {"k": KERNEL, "c": BIAS}, {"pads": [1, 1, 1, 1]}),
    "conv, lopsided": ("Conv", ["x", "k"], {"k": KERNEL}, {"pads": [0, 0, 1, 1], "strides": [2, 2]}),
    "conv, depthwise": ("Conv", ["x", "k"], {"k": WIDE}, {"pads": [2, 2, 2, 2], "group": 4}),
    "conv, dilated": ("Conv", ["x", "k"], {"k": KERNEL}, {"dilations": [2, 2]}),
    "batch norm": ("BatchNormalization", ["x", "g", "b", "m", "v"], FOUR, {"epsilon": 1e-3}),
    "clip": ("Clip", ["x", "l", "h"], {"l": np.array(0, "f"), "h": np.array(0.5, "f")}, {}),
    "clip, low": ("Clip", ["x", "l"], {"l": np.array(0.2, "f")}, {}),
    "average": ("AveragePool", ["x"], {}, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "max": ("MaxPool", ["x"], {}, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "hard sigmoid": ("HardSigmoid", ["x"], {}, {"alpha": 0.3}),
    "hard swish": ("HardSwish", ["x"], {}, {}),
    "reduce mean": ("ReduceMean", ["x"], {}, {"axes": [2, 3], "keepdims": 0}),
    "global average": ("GlobalAveragePool", ["x"], {}, {}),
    "flatten": ("Flatten", ["x"], {}, {}),
    "transpose": ("Transpose", ["x"], {}, {"perm": [0, 2, 3, 1]}),
    "concat": ("Concat", ["x", "x"], {}, {"axis": 1}),
    "sum": ("Sum", ["x", "x", "x"], {}, {}),
    "div": ("Div", ["x", "d"], {"d": np.array(3, "f")}, {}),
    "sub": ("Sub", ["x", "d"], {"d": np.array(3, "f")}, {}),
    "mul": ("Mul", ["x", "x"], {}, {}),
    "sigmoid": ("Sigmoid", ["x"], {}, {}),
    "relu": ("Relu", ["x"], {}, {}),
}


@pytest.mark.parametrize("name", ONE)
def test_an_operation_gives_what_onnx_runtime_gives(name: str) -> None:
    op, inputs, constants, extra = ONE[name]
    model = graph([(op, inputs, "y", extra)], constants, ["n", 4, 12, 12])
    x = numbers(2, 4, 12, 12)
    np.testing.assert_allclose(torched(model, x, "x", "y"), run(model, x, "y"), atol=2e-5)


@pytest.mark.parametrize("extra", [{}, {"transB": 1, "alpha": 0.5, "beta": 2.0}])
def test_a_matrix_product_gives_what_onnx_runtime_gives(extra: dict[str, object]) -> None:
    matrix = numbers(3, 5) if extra else numbers(5, 3)
    model = graph([("Gemm", ["x", "w", "b"], "y", extra)], {"w": matrix, "b": numbers(3)}, ["n", 5])
    x = numbers(2, 5)
    np.testing.assert_allclose(torched(model, x, "x", "y"), run(model, x, "y"), atol=2e-5)


def test_a_graph_with_another_operation_is_refused_by_name() -> None:
    model = graph([("Relu", ["x"], "r", {}), ("Erf", ["r"], "y", {})], {}, ["n", 4])
    with pytest.raises(ModelError, match=r"its graph has Erf, and only graphs of Add, .* \"adapter\" works"):
        backbone.Backbone(model, "x", "y")


# --- the models that ship ---------------------------------------------------------------------


@pytest.fixture(scope="module", params=SHIPPED)
def card(request: pytest.FixtureRequest) -> Card:
    return models.find(request.param)


@pytest.fixture(scope="module")
def shipped(card: Card) -> onnx.ModelProto:
    return onnx.load(models.onnx_file(card))


@pytest.fixture(scope="module")
def floats(shipped: onnx.ModelProto) -> onnx.ModelProto:
    return float_graph(shipped)


@pytest.fixture(scope="module")
def picture(card: Card) -> np.ndarray:
    return prepare(reference_picture(), card.preprocessing)[None]


def test_the_float_graph_has_nothing_quantised_but_its_input(card: Card, floats: onnx.ModelProto) -> None:
    onnx.checker.check_model(floats)
    ops = [node.op_type for node in floats.graph.node]
    assert "QuantizeLinear" not in ops
    assert ops.count("DequantizeLinear") == 1
    blocks = {"efficientnet-lite0": 16, "efficientnet-lite2": 21}[card.name]
    assert ops.count("Clip") == 3 + 2 * (blocks - 1)  # the ReLU6 of stem, first block, the others, head
    assert {value.dtype for value in weights(floats).values()} <= {np.dtype("f4"), np.dtype("u1")}


def test_the_float_graph_gives_almost_the_vector_of_the_int8_graph(
    card: Card, shipped: onnx.ModelProto, floats: onnx.ModelProto, picture: np.ndarray
) -> None:
    for output in card.outputs:
        a, b = run(shipped, picture, output)[0], run(floats, picture, output)[0]
        assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.99


def test_pytorch_gives_the_numbers_of_onnx_runtime(
    card: Card, floats: onnx.ModelProto, picture: np.ndarray
) -> None:
    for output in card.outputs:
        expected = run(floats, picture, output)
        given = torched(floats, picture, "pictures", output)
        np.testing.assert_allclose(given, expected, atol=1e-4 * np.abs(expected).max())


def test_the_part_before_the_cut_and_the_part_after_it_are_the_whole(
    floats: onnx.ModelProto, picture: np.ndarray
) -> None:
    cut = backbone.place_to_cut(floats, "embedding", 0.02)
    trained = sum(p.numel() for p in backbone.Backbone(floats, cut, "embedding").parameters())
    whole = sum(p.numel() for p in backbone.Backbone(floats, "pictures", "embedding").parameters())
    assert 0.98 * whole <= trained < whole
    first = run(export.only(floats, [cut]), picture, cut)
    np.testing.assert_allclose(
        torched(floats, first, cut, "embedding"), run(floats, picture, "embedding"), atol=1e-5
    )


def test_before_the_first_cut_nothing_is_trained(floats: onnx.ModelProto) -> None:
    first = backbone.place_to_cut(floats, "embedding", 0.0)
    assert "Conv" not in [node.op_type for node in between(floats, "pictures", first)]


def test_weights_go_back_into_the_graph(floats: onnx.ModelProto, picture: np.ndarray) -> None:
    network = backbone.Backbone(floats, "pictures", "embedding")
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(1.01)
    changed = network.trained()
    assert not np.allclose(run(changed, picture, "embedding"), run(floats, picture, "embedding"), atol=1e-3)
    with torch.no_grad():
        given = network(torch.from_numpy(picture)).numpy()
    np.testing.assert_allclose(given, run(changed, picture, "embedding"), atol=1e-5)
    np.testing.assert_array_equal(  # the graph that it was made of is as it was
        weights(floats)["project.b"] * np.float32(1.01), weights(changed)["project.b"]
    )


# --- into int8 again --------------------------------------------------------------------------


def rolled(square: np.ndarray) -> list[np.ndarray]:
    return [np.roll(square, 17 * i, axis=i % 2) for i in range(8)]


def test_a_network_in_int8_takes_bytes_and_is_a_quarter_as_large(
    card: Card, floats: onnx.ModelProto, picture: np.ndarray
) -> None:
    part = export.only(floats, ["embedding", "map"])
    squares = rolled(picture[0])
    small, cosine = export.smallest(part, squares, card.preprocessing, card.outputs["embedding"])
    onnx.checker.check_model(small)
    assert cosine > 0.99
    assert len(small.SerializeToString()) < 0.3 * len(part.SerializeToString())
    assert [output.name for output in small.graph.output] == ["embedding", "map"]
    side = card.preprocessing.size // 32
    assert run(small, squares[0][None], "map").shape == (1, 256, side, side)


def test_with_few_pictures_or_a_large_loss_the_floats_are_kept(
    card: Card, floats: onnx.ModelProto, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, squares = export.only(floats, ["embedding"]), rolled(picture[0])
    how, output = card.preprocessing, card.outputs["embedding"]
    assert export.smallest(part, squares[:3], how, output) == (part, 1.0)
    monkeypatch.setattr(export, "LEAST_COSINE", 1.01)
    assert export.smallest(part, squares, how, output) == (part, 1.0)


def test_a_graph_that_takes_floats_goes_into_int8_as_well() -> None:
    model = graph(
        [("Conv", ["x", "k"], "c", {}), ("Relu", ["c"], "r", {}), ("GlobalAveragePool", ["r"], "y", {})],
        {"k": KERNEL},
        ["n", 4, 12, 12],
    )
    inputs = [numbers(1, 4, 12, 12) for _ in range(8)]
    small = export.quantised(model, inputs)
    assert "QuantizeLinear" in [node.op_type for node in small.graph.node]
    np.testing.assert_allclose(run(small, inputs[0], "y"), run(model, inputs[0], "y"), atol=0.1)
    again = float_graph(small)
    np.testing.assert_allclose(run(again, inputs[0], "y"), run(model, inputs[0], "y"), atol=0.1)


def test_a_copy_is_a_copy(floats: onnx.ModelProto) -> None:
    other = copied(floats)
    del other.graph.node[:]
    assert len(floats.graph.node) > 0
