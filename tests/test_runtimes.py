from __future__ import annotations

import hashlib
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from lookalike import Embedder, runtimes
from lookalike.errors import MissingExtra, ModelError, UsageError
from lookalike.models import find, onnx_file
from lookalike.runtimes import OnnxRuntime, OpenVino, Runtime
from lookalike.vectors import unit

OUTPUTS = {"embedding": (256,), "map": (256, 7, 7), "plain": (1280,), "texture": (120,)}


@pytest.fixture(scope="session")
def openvino_installed() -> None:
    pytest.importorskip("openvino", reason='needs the extra: pip install "lookalike[openvino]"')


@pytest.fixture(params=runtimes.RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    """Each runtime by name."""
    if request.param == "openvino":
        request.getfixturevalue("openvino_installed")
    name: str = request.param
    return name


@pytest.fixture
def squares(pictures: Path) -> np.ndarray:
    """Twelve drawn pictures as the network's input, (12, 224, 224, 3) uint8."""
    rows = []
    for path in sorted(pictures.glob("*.jpg")):
        with Image.open(path) as image:
            rows.append(np.asarray(image.resize((224, 224))))
    return np.stack(rows)


def shipped(runtime: str, threads: int = 1, precise: bool = False) -> Runtime:
    return runtimes.load(runtime, onnx_file(find("efficientnet-lite0")), "pictures", threads, precise)


def tiny(folder: Path, batch: int | str = "n") -> Path:
    """A network that doubles `x` (batch, 3, 8, 8) to `v` and sums it to `total`."""
    axes = helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3])
    nodes = [
        helper.make_node("Add", ["x", "x"], ["v"]),
        helper.make_node("ReduceSum", ["x", "axes"], ["total"], keepdims=0),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 8, 8])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("v", "total")]
    graph = helper.make_graph(nodes, "tiny", [given], outputs, [axes])
    path = folder / "tiny.onnx"
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=9), path)
    return path


# --- the contract, for every runtime ----------------------------------------------------------


def test_shapes_and_types(runtime: str, squares: np.ndarray) -> None:
    network = shipped(runtime)
    for n in (1, 3):
        answer = network.run(squares[:n], list(OUTPUTS))
        assert [a.shape for a in answer] == [(n, *shape) for shape in OUTPUTS.values()]
        assert {a.dtype for a in answer} == {np.dtype(np.float32)}
    (only,) = network.run(squares[:1], ["plain"])
    assert only.shape == (1, 1280)


def test_outputs_come_in_the_order_asked_for(runtime: str, tmp_path: Path) -> None:
    network = runtimes.load(runtime, tiny(tmp_path), "x", 1)
    x = np.arange(2 * 192, dtype=np.float32).reshape(2, 3, 8, 8)
    total, doubled = network.run(x, ["total", "v"])
    np.testing.assert_array_equal(doubled, 2 * x)
    assert total == pytest.approx([x[0].sum(), x[1].sum()])


def test_a_batch_is_fixed_to_one(runtime: str, tmp_path: Path) -> None:
    network = runtimes.load(runtime, tiny(tmp_path, batch=1), "x", 1)
    x = np.ones((1, 3, 8, 8), np.float32)
    np.testing.assert_array_equal(network.run(x, ["v"])[0], 2 * x)


def test_the_same_bits_again_and_loaded_again(runtime: str, squares: np.ndarray) -> None:
    first = shipped(runtime).run(squares[:1], ["embedding"])[0]
    network = shipped(runtime)
    for _ in range(3):
        np.testing.assert_array_equal(network.run(squares[:1], ["embedding"])[0], first)
        network.run(squares[1:2], ["embedding"])  # another one between


def test_answers_are_not_overwritten_by_the_next(runtime: str, squares: np.ndarray) -> None:
    network = shipped(runtime)
    first = network.run(squares[:1], ["embedding"])[0]
    kept = first.copy()
    network.run(squares[1:2], ["embedding"])
    np.testing.assert_array_equal(first, kept)


def test_threads_inside_one_picture_change_no_bit(runtime: str, squares: np.ndarray) -> None:
    one, two = (shipped(runtime, threads) for threads in (1, 2))
    for square in squares:
        for a, b in zip(*(n.run(square[None], list(OUTPUTS)) for n in (one, two)), strict=True):
            np.testing.assert_array_equal(a, b)


def test_four_threads_at_once_change_no_bit(runtime: str, squares: np.ndarray) -> None:
    network = shipped(runtime)
    alone = [network.run(square[None], ["embedding"])[0] for square in squares]
    jobs = list(range(len(squares))) * 8
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda i: network.run(squares[i][None], ["embedding"])[0], jobs))
    for i, vector in zip(jobs, found, strict=True):
        np.testing.assert_array_equal(vector, alone[i])


def test_an_unknown_input_is_named(runtime: str, tmp_path: Path) -> None:
    message = f"{tiny(tmp_path)} has no input 'y', which its card names; it has x"
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        runtimes.load(runtime, tmp_path / "tiny.onnx", "y", 1)


def test_an_unknown_output_is_named(runtime: str, tmp_path: Path) -> None:
    network = runtimes.load(runtime, tiny(tmp_path), "x", 1)
    with pytest.raises(
        ModelError, match=r"has no output 'w', which its card names; it has (total, v|v, total)$"
    ):
        network.run(np.ones((1, 3, 8, 8), np.float32), ["v", "w"])


@pytest.mark.parametrize("shape", [(1, 3, 9, 8), (1, 8, 8, 3), (1, 192)])
def test_an_input_of_the_wrong_shape(runtime: str, tmp_path: Path, shape: tuple[int, ...]) -> None:
    network = runtimes.load(runtime, tiny(tmp_path), "x", 1)
    with pytest.raises(ModelError, match=rf"^{re.escape(str(tmp_path / 'tiny.onnx'))} failed on a picture: "):
        network.run(np.ones(shape, np.float32), ["v"])


@pytest.mark.parametrize("content", [b"rubbish", b"\x08\x07" * 500])
def test_a_file_that_is_no_model(
    runtime: str, tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    refused = rf"^{re.escape(str(path))} (cannot be loaded |has no input 'x')"
    with pytest.raises(ModelError, match=refused) as caught:
        runtimes.load(runtime, path, "x", 1)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


# --- ONNX Runtime -----------------------------------------------------------------------------


def test_the_precise_mode_agrees(squares: np.ndarray) -> None:
    fast, precise = (shipped("onnxruntime", precise=precise) for precise in (False, True))
    a, b = (unit(network.run(squares, ["embedding"])[0]) for network in (fast, precise))
    assert np.diag(a @ b.T).min() > 0.995


def test_precise_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import onnxruntime

    entries: list[tuple[str, str]] = []

    class Options(onnxruntime.SessionOptions):  # type: ignore[misc]
        def add_session_config_entry(self, key: str, value: str) -> None:
            entries.append((key, value))
            super().add_session_config_entry(key, value)

    monkeypatch.setattr(onnxruntime, "SessionOptions", Options)
    OnnxRuntime(tiny(tmp_path), "x", 1)
    assert entries == []
    OnnxRuntime(tiny(tmp_path), "x", 1, precise=True)
    assert entries == [("session.x64quantprecision", "1")]


# --- OpenVINO ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("openvino_installed")
def test_openvino_agrees_with_onnx_runtime(squares: np.ndarray) -> None:
    for name in ("embedding", "plain", "texture"):
        a, b = (unit(shipped(runtime).run(squares, [name])[0]) for runtime in runtimes.RUNTIMES)
        assert np.diag(a @ b.T).min() > 0.99, name


@pytest.mark.usefixtures("openvino_installed")
def test_an_embedder_on_openvino(squares: np.ndarray) -> None:
    other, default = Embedder.load(runtime="openvino"), Embedder.load()
    assert other.identity != default.identity
    vectors = other.embed(squares)
    assert vectors.shape == (12, 256)
    assert np.diag(vectors @ default.embed(squares).T).min() > 0.99
    np.testing.assert_array_equal(other.embed(squares[::-1]), vectors[::-1])


@pytest.mark.usefixtures("openvino_installed")
def test_openvino_computes_in_full_floats(tmp_path: Path) -> None:
    """Sixteen-bit floats would be faster and differ from processor to processor."""
    network = OpenVino(tiny(tmp_path), "x", 1)
    x = np.full((1, 3, 8, 8), 1 + 2**-20, np.float32)
    np.testing.assert_array_equal(network.run(x, ["v"])[0], 2 * x)
    assert "float32" in str(network._model.get_property("INFERENCE_PRECISION_HINT"))


# --- choosing one -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["torch", "", "ONNXRUNTIME"])
def test_an_unknown_runtime(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"^runtime must be one of onnxruntime, openvino, got '{name}'$"):
        runtimes.load(name, tmp_path / "a.onnx", "x", 1)


def test_a_runtime_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    original: Callable[..., object] = importlib.import_module

    def without_openvino(name: str, *rest: object) -> object:
        if name == "openvino":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return original(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without_openvino)
    message = 'the runtime openvino needs its extra: pip install "lookalike[openvino]"'
    with pytest.raises(MissingExtra, match=f"^{re.escape(message)}$"):
        runtimes.load("openvino", tmp_path / "a.onnx", "x", 1)
    with pytest.raises(MissingExtra, match=f"^{re.escape(message)}$"):
        Embedder.load(runtime="openvino")


def test_the_shipped_file_is_read_from_where_it_is(tmp_path: Path, squares: np.ndarray) -> None:
    """A name that is not ASCII and has spaces must not trouble a runtime."""
    source = onnx_file(find("efficientnet-lite0"))
    copy = tmp_path / "ein schönes modell.onnx"
    copy.write_bytes(source.read_bytes())
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == find("efficientnet-lite0").sha256
    for runtime in runtimes.RUNTIMES:
        if runtime == "openvino" and not importlib.util.find_spec("openvino"):
            continue
        vector = runtimes.load(runtime, copy, "pictures", 1).run(squares[:1], ["embedding"])[0]
        np.testing.assert_array_equal(vector, shipped(runtime).run(squares[:1], ["embedding"])[0])


def test_openvino_sends_no_telemetry(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="needs the extra openvino")
    code = (
        "from lookalike import Embedder; Embedder.load(runtime='openvino'); import sys; "
        "assert sys.modules['openvino_telemetry'] is None"
    )
    surroundings = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}  # and no CI, which turns it off
    subprocess.run([sys.executable, "-c", code], env=surroundings, check=True)
    assert list(tmp_path.iterdir()) == []
