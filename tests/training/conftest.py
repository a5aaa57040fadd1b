"""Pictures of three shapes in all colours and places, and a network so small that training takes seconds."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

SHAPES = ("disc", "cross", "stripes")

Draw = Callable[[Path, int], list[Path]]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

CARD = """\
name = "tiny"
file = "tiny.onnx"
sha256 = "{sha256}"
licence = "Apache-2.0"

[input]
tensor = "x"
size = 24
short_side = 24
layout = "nchw-float32"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]

[outputs.vector]
tensor = "y"
dimension = 16
"""

DRIVER = """
    import os, signal, sys
    import torch
    from lookalike.cli import main
    from lookalike.training import checkpoints

    torch.set_num_threads(1)  # the network is so small that threads would only wait for each other
    keep, times = checkpoints.keep, [0]

    def kept(*args):
        times[0] += 1
        if times[0] == 3:  # half a file stands where the next one is written
            args[0].with_name(args[0].name + ".new").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        keep(*args)

    if sys.argv.pop(1) == "die":
        checkpoints.keep = kept
    main()
"""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The network is so small that threads would only wait for each other."""
    if not find_spec("torch"):
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def draw_shapes() -> Draw:
    """Draws so many pictures of each shape into a folder; gives their files, shape by shape."""
    return _draw


def _draw(folder: Path, each: int) -> list[Path]:
    dice = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    files = []
    for shape in SHAPES:
        for number in range(each):
            ink, paper = (tuple(dice.integers(*bounds, 3).tolist()) for bounds in ((0, 100), (150, 256)))
            x, y, size = (*dice.integers(0, 10, 2).tolist(), int(dice.integers(20, 29)))
            picture = Image.new("RGB", (40, 40), paper)
            pen = ImageDraw.Draw(picture)
            if shape == "disc":
                pen.ellipse((x, y, x + size, y + size), fill=ink)
            elif shape == "cross":
                pen.line((x, y, x + size, y + size), ink, 5)
                pen.line((x + size, y, x, y + size), ink, 5)
            else:
                for left in range(x % 6, 40, 6):
                    pen.line((left, 0, left, 40), ink, 2)
            files.append(folder / f"{shape}-{number}.png")
            picture.save(files[-1])
    return files


@pytest.fixture(scope="session")
def tiny_network() -> bytes:
    """Two convolutions and a mean as an ONNX file: `x` (n, 3, 24, 24) float32 to `y` (n, 16)."""
    from onnx import TensorProto, helper, numpy_helper

    dice = np.random.default_rng(0)
    shapes = {"k1": (12, 3, 5, 5), "k2": (16, 12, 3, 3)}
    kernels = {
        n: dice.normal(0, (2 / np.prod(s[1:])) ** 0.5, s).astype(np.float32) for n, s in shapes.items()
    }
    nodes = [
        helper.make_node("Conv", ["x", "k1"], ["c1"], strides=[2, 2], pads=[2, 2, 2, 2]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "k2"], ["c2"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["c2"], ["p"]),
        helper.make_node("Flatten", ["p"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 24, 24])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 16])],
        [numpy_helper.from_array(value, name) for name, value in kernels.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, tiny_network: bytes) -> Path:
    """That network as a model: an ONNX file with its card beside it."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.onnx").write_bytes(tiny_network)
    (folder / "tiny.toml").write_text(CARD.format(sha256=hashlib.sha256(tiny_network).hexdigest()))
    return folder / "tiny.onnx"


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs a command of lookalike in a process of its own: to its end (`live`), or until it is killed
    (`die`) when the third checkpoint is half written."""

    def one(way: str, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(DRIVER), way, *command],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return one
