"""ONNX graphs of whole numbers back to floats, ready to be trained.

An int8 graph wraps every tensor into a pair QuantizeLinear, DequantizeLinear. `float_graph` takes
them away: weights become the floats they stand for, and where a pair's range begins at 0 it also
did the work of a ReLU or ReLU6 that the quantiser had removed, so a Clip with that range takes its
place. Measured on the shipped model: cosine of the two graphs' vectors 0.99 and more, recall equal.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import MissingExtra, is_lack_of_memory

if TYPE_CHECKING:
    import onnx

Array = npt.NDArray[Any]


def need_extra() -> None:
    """Make sure that what the extra `train` brings is there.

    Raises:
        MissingExtra: PyTorch, onnx or pytorch-metric-learning is not installed; the message says how to get
            them.
        MemoryError: there is too little memory to load them.
    """
    try:
        import onnx  # noqa: F401
        import pytorch_metric_learning  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        if is_lack_of_memory(error):
            raise MemoryError(str(error)) from error
        raise MissingExtra(
            f"training a network needs PyTorch, and {error.name or 'a part of it'} is not installed: "
            f'pip install "lookalike[train]" (the method "adapter" needs nothing more)'
        ) from error


def read(file: Path) -> onnx.ModelProto:
    """The model in a file."""
    import onnx

    model: onnx.ModelProto = onnx.load(file)
    return model


def write(model: onnx.ModelProto, file: Path) -> None:
    """Put a model into a file."""
    import onnx

    onnx.save(model, file)


def copied(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model of its own."""
    copy: onnx.ModelProto = type(model).FromString(model.SerializeToString())
    return copy


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes by name, strings as str."""
    import onnx

    found = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return {name: v.decode() if isinstance(v, bytes) else v for name, v in found.items()}


def weights(model: onnx.ModelProto) -> dict[str, Array]:
    """All constant tensors of a graph by name."""
    from onnx import numpy_helper

    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and "value" in (values := attributes(node)):
            found[node.output[0]] = numpy_helper.to_array(values["value"])
    return found


def float_graph(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network without QuantizeLinear and DequantizeLinear, but for the one that turns the
    bytes of the input into numbers.

    Args:
        model: any graph; one of floats comes back as a copy.

    Returns:
        A graph with the same inputs and outputs, whose activations keep their names.
    """
    from onnx import numpy_helper

    floats = _Floats(model)
    for node in model.graph.node:
        floats.take(node)
    copy = copied(model)
    del copy.graph.node[:], copy.graph.initializer[:], copy.graph.value_info[:]
    copy.graph.node.extend(floats.nodes)
    made = {name for node in floats.nodes for name in node.output}
    used = {name for node in floats.nodes for name in node.input} - made
    copy.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name)
        for name, value in floats.constants.items()
        if name in used
    )
    return copy


class _Floats:
    """Collects the nodes and constants of the float graph.

    Attributes:
        nodes: so far.
        constants: all by name, needed or not.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants = weights(model)
        self._bytes = byte_tensors(model)
        self._renamed: dict[str, str] = {}
        self._rounded: dict[str, str] = {}  # what QuantizeLinear gives -> the floats that say the same

    def take(self, node: onnx.NodeProto) -> None:
        """Add what a node becomes."""
        if node.op_type == "QuantizeLinear":
            self._rounded[node.output[0]] = self._within_range(node)
        elif node.op_type == "DequantizeLinear" and node.input[0] in self._rounded:
            self._renamed[node.output[0]] = self._rounded[node.input[0]]
        elif node.op_type == "DequantizeLinear" and node.input[0] not in self._bytes:
            self.constants[node.output[0]] = self._dequantised(node)
        elif node.op_type != "Constant":
            kept = type(node).FromString(node.SerializeToString())
            kept.input[:] = [self._renamed.get(name, name) for name in node.input]
            self.nodes.append(kept)

    def _within_range(self, node: onnx.NodeProto) -> str:
        """The floats that are rounded; below a range that begins at 0 and above its end they are cut."""
        from onnx import helper

        source: str = self._renamed.get(node.input[0], node.input[0])
        scale, zero = self._scale_and_zero(node)
        kind = np.iinfo(zero.dtype)
        if zero.size > 1 or int(zero) != kind.min:
            return source
        clipped, upper = f"{source}.clipped", f"{source}.upper"
        if upper not in self.constants:
            self.constants[upper] = np.array(float(scale) * (int(kind.max) - int(kind.min)), np.float32)
            self.constants["clip.zero"] = np.array(0, np.float32)
            self.nodes.append(
                helper.make_node("Clip", [source, "clip.zero", upper], [clipped], f"{source}.clip")
            )
        return clipped

    def _dequantised(self, node: onnx.NodeProto) -> Array:
        """The floats that whole numbers stand for: (value - zero) x scale, along an axis or for all."""
        values = self.constants[node.input[0]]
        scale, zero = self._scale_and_zero(node)
        if scale.ndim == 1 and values.ndim:
            shape = [1] * values.ndim
            shape[attributes(node).get("axis", 1)] = -1
            scale, zero = scale.reshape(shape), zero.reshape(shape)
        return np.asarray((values.astype(np.float32) - zero.astype(np.float32)) * scale, np.float32)

    def _scale_and_zero(self, node: onnx.NodeProto) -> tuple[Array, Array]:
        scale = self.constants[node.input[1]]
        zero = self.constants[node.input[2]] if len(node.input) > 2 else np.zeros(scale.shape, np.uint8)
        return scale, np.asarray(zero)


def sized(model: onnx.ModelProto, before: int, size: int | None) -> onnx.ModelProto:
    """The same network for square pictures of another size. Its weights do not change; whether its operations
    work at that size only running it tells.

    Args:
        model: a graph whose input has two axes of length `before`, or axes of any length.
        before: side of the pictures that it takes, pixels.
        size: side of those that it shall take; None means any.
    """
    copy = copied(model)
    for axis in copy.graph.input[0].type.tensor_type.shape.dim[1:]:
        if axis.dim_value == before and size is None:
            axis.Clear()
        elif axis.dim_value == before:
            axis.dim_value = size
    for output in copy.graph.output:  # the sides of maps change, too
        for axis in output.type.tensor_type.shape.dim[2:]:
            axis.Clear()
    del copy.graph.value_info[:]
    return copy


def byte_tensors(model: onnx.ModelProto) -> set[str]:
    """Names of a graph's input and of what only moves its numbers around."""
    names = {model.graph.input[0].name}
    for node in model.graph.node:
        if node.op_type in ("Transpose", "Identity") and node.input[0] in names:
            names.update(node.output)
    return names


def pooled_from(model: onnx.ModelProto, name: str) -> str:
    """The feature map whose mean over positions a tensor is; empty when it is no such mean."""
    makers = {output: node for node in model.graph.node for output in node.output}
    node = makers.get(name)
    while node is not None and node.op_type in ("Flatten", "Reshape", "Squeeze", "Identity"):
        node = makers.get(node.input[0])
    return str(node.input[0]) if node is not None and node.op_type == "GlobalAveragePool" else ""


def between(model: onnx.ModelProto, start: str, output: str) -> list[onnx.NodeProto]:
    """The nodes that lead from one tensor to another, in the order of the graph."""
    wanted, chosen = {output}, []
    for node in reversed(model.graph.node):
        if wanted.intersection(node.output) and start not in node.output and node.op_type != "Constant":
            chosen.append(node)
            wanted.update(node.input)
    return chosen[::-1]
