"""An ONNX graph as a PyTorch network: its weights can be trained and put back.

Every node is run by the PyTorch function of the same meaning, so no network has to be written down
a second time, and the weights come from the model's own file. Graphs of the operations in
`OPERATIONS` can be trained: convolutional networks such as EfficientNet, MobileNet and ResNet.
Batch norm keeps its statistics (as in every graph exported for inference); trained are kernels,
matrices and biases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lookalike.errors import ModelError
from lookalike.training.graph import attributes, between, copied, weights

if TYPE_CHECKING:
    import onnx

Operation = Callable[..., Tensor]


def _pads(values: dict[str, Any], x: Tensor) -> tuple[Tensor, list[int]]:
    """The input, padded here where the padding is lopsided, and the padding left to do."""
    top, left, bottom, right = values.get("pads", [0, 0, 0, 0])
    if (top, left) == (bottom, right):
        return x, [top, left]
    return functional.pad(x, (left, right, top, bottom)), [0, 0]


def _conv(values: dict[str, Any], x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    x, padding = _pads(values, x)
    how = {"stride": values.get("strides", 1), "dilation": values.get("dilations", 1)}
    return functional.conv2d(x, kernel, bias, padding=padding, groups=values.get("group", 1), **how)


def _batch_norm(
    values: dict[str, Any], x: Tensor, gain: Tensor, bias: Tensor, mean: Tensor, var: Tensor
) -> Tensor:
    return functional.batch_norm(x, mean, var, gain, bias, eps=values.get("epsilon", 1e-5))


def _clip(values: dict[str, Any], x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    lowest = values.get("min") if low is None else float(low)
    highest = values.get("max") if high is None else float(high)
    return torch.clamp(x, lowest, highest)


def _average_pool(values: dict[str, Any], x: Tensor) -> Tensor:
    padding = values.get("pads", [0, 0, 0, 0])[:2]
    counted = bool(values.get("count_include_pad", 0))
    return functional.avg_pool2d(x, values["kernel_shape"], values.get("strides", 1), padding, False, counted)


def _max_pool(values: dict[str, Any], x: Tensor) -> Tensor:
    top, left, bottom, right = values.get("pads", [0, 0, 0, 0])
    x = functional.pad(x, (left, right, top, bottom), value=float("-inf"))
    return functional.max_pool2d(x, values["kernel_shape"], values.get("strides", 1))


def _gemm(values: dict[str, Any], x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    x = x.T if values.get("transA") else x
    product = x @ (matrix.T if values.get("transB") else matrix) * values.get("alpha", 1.0)
    return product if bias is None else product + bias * values.get("beta", 1.0)


def _reduce_mean(values: dict[str, Any], x: Tensor, axes: Tensor | None = None) -> Tensor:
    along = values["axes"] if axes is None else axes.tolist()
    return x.mean(dim=list(along), keepdim=bool(values.get("keepdims", 1)))


def _dequantise(values: dict[str, Any], x: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    return (x.to(scale.dtype) - zero.to(scale.dtype)) * scale


def _hard_sigmoid(values: dict[str, Any], x: Tensor) -> Tensor:
    return torch.clamp(x * values.get("alpha", 0.2) + values.get("beta", 0.5), 0, 1)


OPERATIONS: dict[str, Operation] = {
    "Add": lambda _, a, b: a + b,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": lambda values, *parts: torch.cat(parts, dim=values["axis"]),
    "Conv": _conv,
    "DequantizeLinear": _dequantise,
    "Div": lambda _, a, b: a / b,
    "Flatten": lambda values, x: x.flatten(values.get("axis", 1)),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda _, x: x.mean(dim=(2, 3), keepdim=True),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda _, x: functional.hardswish(x),
    "Identity": lambda _, x: x,
    "MatMul": lambda _, a, b: a @ b,
    "MaxPool": _max_pool,
    "Mul": lambda _, a, b: a * b,
    "ReduceMean": _reduce_mean,
    "Relu": lambda _, x: torch.relu(x),
    "Sigmoid": lambda _, x: torch.sigmoid(x),
    "Sub": lambda _, a, b: a - b,
    "Sum": lambda _, *parts: sum(parts[1:], parts[0]),
    "Transpose": lambda values, x: x.permute(*values["perm"]),
}
# Their weights are trained; other constants (ranges, means of a batch norm, sizes) stay.
TRAINED = {"Conv": (1, 2), "Gemm": (1, 2), "MatMul": (1,), "BatchNormalization": (1, 2)}


class Backbone(nn.Module):
    """The part of an ONNX graph that lies between two of its tensors, as a network.

    Args:
        graph: an ONNX graph of floats; see `float_graph`.
        start: name of the tensor that it takes.
        output: name of the tensor that it gives.

    Raises:
        ModelError: an operation in between cannot be trained here; the message names it.
    """

    def __init__(self, graph: onnx.ModelProto, start: str, output: str) -> None:
        super().__init__()
        self.graph, self.start, self.output = graph, start, output
        self._nodes = [(node, attributes(node)) for node in trainable(graph, start, output)]
        constants = weights(graph)
        trained = trained_names([node for node, _ in self._nodes])
        self._keys: dict[str, str] = {}
        for name in dict.fromkeys(n for node, _ in self._nodes for n in node.input if n in constants):
            key = self._keys[name] = name.replace(".", "__")
            tensor = torch.from_numpy(constants[name].copy())
            if tensor.ndim == 4:  # three times as fast on a processor
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            if name in trained:
                self.register_parameter(key, nn.Parameter(tensor))
            else:
                self.register_buffer(key, tensor)

    def forward(self, batch: Tensor) -> Tensor:
        """The output for a batch of what `start` holds, first axis n."""
        found: dict[str, Tensor] = {self.start: batch}
        found |= {name: getattr(self, key) for name, key in self._keys.items()}
        for node, values in self._nodes:
            inputs = [found[name] if name else None for name in node.input]
            found[node.output[0]] = OPERATIONS[node.op_type](values, *inputs)
        return found[self.output]

    def trained(self) -> onnx.ModelProto:
        """The float graph with the weights as they are now."""
        from onnx import numpy_helper

        copy = copied(self.graph)
        current = {name: getattr(self, key) for name, key in self._keys.items()}
        for tensor in copy.graph.initializer:
            if isinstance(current.get(tensor.name), nn.Parameter):
                values = current[tensor.name].detach().cpu().float().contiguous().numpy()
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        return copy


def trainable(model: onnx.ModelProto, start: str, output: str) -> list[onnx.NodeProto]:
    """The nodes between two tensors.

    Raises:
        ModelError: one of them is no operation of `OPERATIONS`.
    """
    nodes = between(model, start, output)
    unknown = sorted({node.op_type for node in nodes} - OPERATIONS.keys())
    if unknown:
        raise ModelError(
            f"this model cannot be fine-tuned: its graph has {', '.join(unknown)}, and only graphs of "
            f"{', '.join(OPERATIONS)} can (convolutional networks; not transformers). "
            f'The method "adapter" works with every model'
        )
    for node in nodes:
        values = attributes(node)
        if values.get("auto_pad", "NOTSET") != "NOTSET" or values.get("ceil_mode"):
            raise ModelError(
                f"this model cannot be fine-tuned: {node.op_type} {node.name or node.output[0]!r} leaves its "
                f"padding to the runtime (auto_pad or ceil_mode); export it with numbers"
            )
    return nodes


def trained_names(nodes: Sequence[onnx.NodeProto]) -> set[str]:
    """Names of the tensors that are trained, constants or not."""
    places = ((node, place) for node in nodes for place in TRAINED.get(node.op_type, ()))
    return {node.input[place] for node, place in places if place < len(node.input) and node.input[place]}


def place_to_cut(graph: onnx.ModelProto, output: str, share: float) -> str:
    """The last tensor before which at most a share of the weights lies and through which all goes.

    What lies before it is left as it is: the first blocks see edges and colours, which are the same for
    all pictures, have few weights and, since their maps are large, take most of the time.

    Returns:
        The tensor's name; that of the graph's input when there is no such place.
    """
    start: str = graph.graph.input[0].name
    nodes, constants = trainable(graph, start, output), weights(graph)
    trained = trained_names(nodes)
    last = {name: at for at, node in enumerate(nodes) for name in node.input}
    sizes = [sum(constants[n].size for n in set(node.input) & trained & constants.keys()) for node in nodes]
    live, before, found = {start}, 0, start
    for at, node in enumerate(nodes[:-1]):
        live = {name for name in (*live, *node.output) if last.get(name, -1) > at}
        before += sizes[at]
        if before <= share * sum(sizes) and live == set(node.output):
            found = node.output[0]
    return found
