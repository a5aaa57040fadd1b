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
    """

    def __init__(self, file: Path, tensor: str, threads: int, precise: bool = False) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors come as exceptions; nothing is printed
        if precise:
            options.add_session_config_entry("session.x64quantprecision", "1")
        try:
            self._session = onnxruntime.InferenceSession(
                str(file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the library has no common base class for its errors
            raise ModelError(f"{file} cannot be loaded as an ONNX model: {_first_line(error)}") from error
        self._tensor, self._file = tensor, file
        _check_names(file, tensor, [i.name for i in self._session.get_inputs()])
        self._names = [o.name for o in self._session.get_outputs()]

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

    def __init__(self, file: Path, tensor: str, threads: int) -> None:
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


def load(runtime: str, file: Path, tensor: str, threads: int, precise: bool = False) -> Runtime:
    """Load a network with the runtime of this name.

    Raises:
        UsageError: there is no such runtime.
        MissingExtra: it is not installed.
        ModelError: the file is no model it can load.
    """
    if runtime == "onnxruntime":
        return OnnxRuntime(file, tensor, threads, precise)
    if runtime == "openvino":
        return OpenVino(file, tensor, threads)
    raise UsageError(f"runtime must be one of {', '.join(RUNTIMES)}, got {runtime!r}")


def _check_names(file: Path, tensor: str, inputs: list[str]) -> None:
    if tensor not in inputs:
        raise ModelError(f"{file} has no input {tensor!r}, which its card names; it has {', '.join(inputs)}")


def _no_output(file: Path, missing: str, names: Sequence[str]) -> ModelError:
    return ModelError(f"{file} has no output {missing!r}, which its card names; it has {', '.join(names)}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
