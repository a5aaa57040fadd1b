"""What runs a network: ONNX Runtime, or OpenVINO with the extra. One interface, two classes."""

from __future__ import annotations

import importlib
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import MissingExtra, ModelError, UsageError

Array = npt.NDArray[Any]


class Runtime(ABC):
    """A loaded network. `run` may be called from several threads at once."""

    @property
    @abstractmethod
    def outputs(self) -> Sequence[str]:
        """The names that `run` can be asked for."""

    @abstractmethod
    def run(self, pictures: Array, outputs: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        """Run the network once.

        Args:
            pictures: (n, ...) in the layout of the model's card.
            outputs: names of the outputs wanted.

        Returns:
            One float32 array per name, first axis n.
        """


class OnnxRuntime(Runtime):
    """ONNX Runtime on the processor.

    Args:
        file: the ONNX file.
        tensor: name of its input.
        threads: threads used inside one call.
        precise: use the exact int8 kernels; slower, and needed only on processors whose fast
            ones saturate (those without VNNI).
        inner: a tensor inside the graph that `run` can be asked for as well.
    """

    def __init__(
        self, file: Path, tensor: str, threads: int, precise: bool = False, inner: str | None = None
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors come as exceptions; nothing is printed
        if precise:
            options.add_session_config_entry("session.x64quantprecision", "1")
        try:
            graph = str(file) if inner is None else with_output(file.read_bytes(), inner)
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library has no common base class for its errors
            raise ModelError(f"{file} cannot be loaded as an ONNX model: {_first_line(error)}") from error
        self._tensor, self._file = tensor, file
        _check_names(file, tensor, [i.name for i in self._session.get_inputs()])
        self._names = [o.name for o in self._session.get_outputs()]

    @property
    def outputs(self) -> Sequence[str]:
        return self._names

    def run(self, pictures: Array, outputs: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        try:
            answer = self._session.run(list(outputs), {self._tensor: pictures})
        except Exception as error:
            missing = [name for name in outputs if name not in self._names]
            if missing:
                raise _no_output(self._file, missing[0], self._names) from error
            raise ModelError(f"{self._file} failed on a picture: {_first_line(error)}") from error
        return [np.asarray(values, np.float32) for values in answer]


class OpenVino(Runtime):
    """OpenVINO on the processor (extra `openvino`): same graph, other kernels.

    Its numbers differ from ONNX Runtime's in the last digits, so the runtime is part of a
    vector's identity.
    """

    def __init__(self, file: Path, tensor: str, threads: int, inner: str | None = None) -> None:
        try:
            openvino = _import_openvino()
        except ImportError as error:
            what = 'the runtime openvino needs its extra: pip install "lookalike[openvino]"'
            raise MissingExtra(what) from error
        try:
            core = openvino.Core()
            # `read_model` would try other formats too, whose readers print to the terminal.
            front_end = openvino.frontend.FrontEndManager().load_by_framework("onnx")
            model = front_end.convert(front_end.load(str(file)))
            names = [name for port in model.inputs for name in port.names]
            _check_names(file, tensor, names)
            if inner is not None:
                model.add_outputs(inner)
            # One picture at a time, known beforehand: a tenth faster than any number of them.
            shape = model.input(tensor).get_partial_shape()
            shape[0] = 1
            model.reshape({tensor: shape})
            # No dynamic batching and no bf16: the same picture must give the same bits.
            settings = {
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": 1,
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32",
            }
            self._model = core.compile_model(model, "CPU", settings)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"{file} cannot be loaded by OpenVINO: {_first_line(error)}") from error
        self._file = file
        self._ports = {name: port for port in self._model.outputs for name in port.names}
        self._of_thread = threading.local()

    @property
    def outputs(self) -> Sequence[str]:
        return sorted(self._ports)

    def run(self, pictures: Array, outputs: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        missing = [name for name in outputs if name not in self._ports]
        if missing:
            raise _no_output(self._file, missing[0], sorted(self._ports))
        try:
            answers = [self._request().infer([picture[None]]) for picture in pictures]
        except Exception as error:
            raise ModelError(f"{self._file} failed on a picture: {_first_line(error)}") from error
        ports = [self._ports[name] for name in outputs]
        return [np.concatenate([answer[port] for answer in answers]).astype(np.float32) for port in ports]

    def _request(self) -> Any:
        """This thread's own place to compute in: two threads must not share one, and making one
        for every picture takes time."""
        if not hasattr(self._of_thread, "request"):
            self._of_thread.request = self._model.create_infer_request()
        return self._of_thread.request


def _import_openvino() -> Any:
    """OpenVINO without the telemetry that importing it would send: with that module out of reach
    it takes a stub of its own."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")


RUNTIMES = ("onnxruntime", "openvino")


def load(
    runtime: str, file: Path, tensor: str, threads: int, precise: bool = False, inner: str | None = None
) -> Runtime:
    """Load a network with the runtime of this name.

    Args:
        runtime: one of `RUNTIMES`.
        file: the ONNX file.
        tensor: name of its input.
        threads: threads used inside one call.
        precise: see `OnnxRuntime`.
        inner: a tensor inside the graph that is to be an output as well.

    Raises:
        UsageError: there is no such runtime.
        MissingExtra: it is not installed.
        ModelError: the file is no model it can load.
    """
    if runtime == "onnxruntime":
        return OnnxRuntime(file, tensor, threads, precise, inner)
    if runtime == "openvino":
        return OpenVino(file, tensor, threads, inner)
    raise UsageError(f"runtime must be one of {', '.join(RUNTIMES)}, got {runtime!r}")


def with_output(graph: bytes, name: str) -> bytes:
    """An ONNX file in which a tensor inside the graph is an output as well.

    Two protocol buffers one after the other are both of them merged, their lists joined (Protocol Buffers,
    "Encoding", last one wins), so it takes a few bytes at the end, a model with a graph with that one output,
    and no library for ONNX.
    """

    def field(number: int, data: bytes) -> bytes:
        length, rest = bytearray(), len(data)
        while rest > 127:
            length.append(rest & 127 | 128)
            rest >>= 7
        return bytes([number << 3 | 2, *length, rest]) + data

    # onnx.proto: ModelProto.graph is 7, GraphProto.output 12, ValueInfoProto.name 1
    return graph + field(7, field(12, field(1, name.encode())))


def _check_names(file: Path, tensor: str, inputs: list[str]) -> None:
    if tensor not in inputs:
        raise ModelError(f"{file} has no input {tensor!r}, which its card names; it has {', '.join(inputs)}")


def _no_output(file: Path, missing: str, names: Sequence[str]) -> ModelError:
    return ModelError(f"{file} has no output {missing!r}, which its card names; it has {', '.join(names)}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
