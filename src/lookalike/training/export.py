"""A trained network as an ONNX file: eight bits where they lose nothing, floats where they would.

The graph is the one that was read, with other weights. For int8 it is run on some pictures, which fix
the range of every tensor (`onnxruntime.quantization`): activations unsigned, weights signed, one
scale for each channel.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.embedder import pool, to_input
from lookalike.models import Output, Preprocessing
from lookalike.runtimes import OnnxRuntime
from lookalike.training.graph import attributes, between, byte_tensors, copied, weights
from lookalike.vectors import cosines, unit

if TYPE_CHECKING:
    import onnx

Array = npt.NDArray[Any]
Rgb = npt.NDArray[np.uint8]

QUANTISED = ["Conv", "Clip", "Relu", "Add", "AveragePool", "MaxPool"]
FEWEST_CALIBRATED, MOST_CALIBRATED = 8, 256
LEAST_COSINE = 0.98
"""Mean cosine of the vectors of the int8 and the float network below which the floats are kept. The
shipped model has 0.99, and as good a recall as its floats."""


def only(model: onnx.ModelProto, outputs: Sequence[str]) -> onnx.ModelProto:
    """The part of a graph that leads to some of its tensors, which become its outputs."""
    import onnx

    copy = copied(model)
    start = copy.graph.input[0].name
    wanted = {node.output[0] for name in outputs for node in between(copy, start, name)}
    nodes = [node for node in copy.graph.node if node.output[0] in wanted]
    used = {name for node in nodes for name in node.input}
    known = {value.name: value for value in copy.graph.output}
    constants = [tensor for tensor in copy.graph.initializer if tensor.name in used]
    shapes = [
        known.get(name) or onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in outputs
    ]
    del copy.graph.node[:], copy.graph.output[:], copy.graph.initializer[:]
    copy.graph.node.extend(nodes)
    copy.graph.output.extend(shapes)
    copy.graph.initializer.extend(constants)
    return copy


def smallest(
    model: onnx.ModelProto, squares: Sequence[Rgb], how: Preprocessing, output: Output
) -> tuple[onnx.ModelProto, float]:
    """The network in int8 if that changes its vectors little, else as it is.

    Args:
        model: a graph of floats.
        squares: prepared pictures (size, size, 3), which fix the ranges.
        how: the model's preprocessing.
        output: which vectors are compared.

    Returns:
        The graph, and the mean cosine of its vectors with those of the floats.
    """
    if len(squares) < FEWEST_CALIBRATED:
        return model, 1.0
    small = quantised(model, [to_input(square, how) for square in squares])
    before, after = (vectors(one, squares, how, output) for one in (model, small))
    cosine = float(cosines(before, after).mean())
    return (small, cosine) if cosine >= LEAST_COSINE else (model, 1.0)


def vectors(
    model: onnx.ModelProto, squares: Iterable[Rgb], how: Preprocessing, output: Output
) -> npt.NDArray[np.float32]:
    """(n, d) float32 unit vectors of prepared pictures."""
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        onnx.save(model, file)
        network = OnnxRuntime(file, how.tensor, threads=1)
        rows = [network.run(to_input(square, how), [output.tensor])[0] for square in squares]
    return unit(np.stack([pool(row, output.pooling) for row in rows]))


def quantised(model: onnx.ModelProto, inputs: Sequence[Array]) -> onnx.ModelProto:
    """A graph of floats in int8.

    Args:
        model: the graph; if it takes bytes, a DequantizeLinear makes numbers of them.
        inputs: what it takes, (1, ...) each; they fix the ranges.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    bare, front = _without_front(model)

    class Inputs(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._coming = iter(inputs)

        def get_next(self) -> dict[str, Array] | None:
            batch = next(self._coming, None)
            return (
                None if batch is None else {bare.graph.input[0].name: front.floats(batch) if front else batch}
            )

    with tempfile.TemporaryDirectory() as folder, _no_advice():
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(bare, source)
        quantize_static(
            str(source),
            str(target),
            Inputs(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=QUANTISED,
            extra_options={"TensorQuantOverrides": front.ranges()} if front else {},
        )
        small = onnx.load(target)
    return front.put_back(small) if front else small


@contextmanager
def _no_advice() -> Iterator[None]:
    """The quantiser advises through the root logger to prepare graphs; those here are."""
    logger = logging.getLogger()
    logger.addFilter(_without_advice)
    try:
        yield
    finally:
        logger.removeFilter(_without_advice)


def _without_advice(record: logging.LogRecord) -> bool:
    return "pre-processing" not in record.getMessage()


class _Front:
    """The nodes that turn bytes into numbers, which the quantiser must not see.

    Args:
        nodes: from the graph's input to the DequantizeLinear, that included.
        graph: the graph they come from.
    """

    def __init__(
        self, nodes: Sequence[onnx.NodeProto], graph: onnx.GraphProto, constants: dict[str, Array]
    ) -> None:
        self._moves, self._turn = nodes[:-1], nodes[-1]
        self._input = graph.input[0]
        self._scale, self._zero = (np.asarray(constants[name]) for name in self._turn.input[1:3])
        self.tensor = self._turn.output[0]

    def floats(self, batch: Array) -> Array:
        """What the rest of the graph takes for a batch of bytes."""
        for node in self._moves:
            batch = batch.transpose(attributes(node)["perm"])
        return np.asarray((batch.astype(np.float32) - np.float32(self._zero)) * self._scale, np.float32)

    def ranges(self) -> dict[str, list[dict[str, Array]]]:
        """The range of that tensor, for the quantiser: it is known."""
        return {self.tensor: [{"scale": self._scale, "zero_point": self._zero}]}

    def put_back(self, small: onnx.ModelProto) -> onnx.ModelProto:
        """The quantised graph, which takes bytes again: they are what its first node made of floats."""
        graph = small.graph
        first = next(n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == self.tensor)
        at = list(graph.node).index(first)
        del graph.node[at]
        moves = [type(node).FromString(node.SerializeToString()) for node in self._moves]
        moves[-1].output[0] = first.output[0]
        for place, node in enumerate(moves):
            graph.node.insert(place, node)
        del graph.input[:]
        graph.input.append(self._input)
        return small


def _without_front(model: onnx.ModelProto) -> tuple[onnx.ModelProto, _Front | None]:
    """The graph from the first floats on, and what lies before; None where floats come in."""
    import onnx

    moved = byte_tensors(model)
    turn = next(
        (n for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0] in moved), None
    )
    if turn is None:
        return model, None
    nodes = between(model, model.graph.input[0].name, turn.output[0])
    front = _Front(nodes, model.graph, weights(model))
    bare = copied(model)
    rest = [node for node in bare.graph.node if node not in nodes]
    used = {name for node in rest for name in node.input}
    constants = [tensor for tensor in bare.graph.initializer if tensor.name in used]
    del bare.graph.node[:], bare.graph.input[:], bare.graph.initializer[:]
    bare.graph.node.extend(rest)
    bare.graph.initializer.extend(constants)
    bare.graph.input.append(onnx.helper.make_tensor_value_info(front.tensor, onnx.TensorProto.FLOAT, None))
    return bare, front
