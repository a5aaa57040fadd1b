"""Reading and checking model cards."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, get_type_hints

from lookalike.errors import ModelError

FITS = ("crop", "squash", "pad")
INTERPOLATIONS = ("linear", "area", "cubic")
LAYOUTS = ("nhwc-uint8", "nchw-float32")
POOLINGS = ("none", "mean", "first")

HELD_OUT_FIGURE = "held_out_"
"""How the names of figures begin that training measured on pictures it had not shown."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture becomes the network's input.

    Attributes:
        tensor: name of the input in the graph.
        size: side of the square input in pixels.
        short_side: the picture is resized until its shorter side has this many pixels, then
            the centre is cut out (`fit = "crop"`); ignored by the other fits.
        fit: `crop` (centre), `squash` (aspect ratio is lost) or `pad` (whole picture on white).
        interpolation: `linear`, `area` or `cubic`, as OpenCV defines them.
        layout: `nhwc-uint8` (0..255, the graph normalises) or `nchw-float32`.
        mean: per channel, on the 0..1 scale, subtracted first; `nchw-float32` only.
        std: per channel, divides what is left; `nchw-float32` only.
    """

    tensor: str
    size: int
    short_side: int
    fit: str = "crop"
    interpolation: str = "linear"
    layout: str = "nhwc-uint8"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Adapter:
    """A linear map that a network's vector goes through; see `training.adapter`.

    Attributes:
        file: name of the map's file beside the card.
        sha256: of that file, hexadecimal.
        takes: length of the vector that the network gives.
    """

    file: str
    sha256: str
    takes: int


@dataclass(frozen=True, slots=True)
class Output:
    """One vector a model can give.

    Attributes:
        tensor: name of the output in the graph.
        dimension: length of the vector, after pooling and the adapter.
        pooling: `none` for (n, d); `mean` over positions of (n, d, h, w) or tokens of
            (n, t, d); `first` for the first token (the class token of a transformer).
        map: name of a tensor (n, d, h, w), an output or not, whose mean over positions is this vector, so
            that a similarity can be split over the picture; empty when there is none, and for the pooling
            `mean`, where it is the output itself.
        summary: one line for people.
        reference: the network's vector of the reference picture, 16-bit floats in base64, to notice a
            processor or runtime that computes something else; empty when not recorded.
        alike: similarity that one in a thousand pairs of unrelated pictures reaches; 1.0 when
            it has not been measured.
        adapter: what maps the network's vector to this one; None when nothing does.
    """

    tensor: str
    dimension: int
    pooling: str = "none"
    map: str = ""
    summary: str = ""
    reference: str = ""
    alike: float = 1.0
    adapter: Adapter | None = None

    @property
    def network_dimension(self) -> int:
        """Length of the network's own vector, before an adapter."""
        return self.adapter.takes if self.adapter else self.dimension

    @property
    def without_adapter(self) -> Output:
        """The network's own vector, of which neither the adapter's summary nor its `alike` speaks."""
        if self.adapter is None:
            return self
        return replace(self, adapter=None, dimension=self.network_dimension, summary="", alike=1.0)


@dataclass(frozen=True, slots=True)
class Hub:
    """Where the ONNX file can be fetched from.

    Attributes:
        repository: `owner/name` on the hub.
        revision: the full commit, 40 hexadecimal digits; branches are not pinned.
        file: path inside the repository.
    """

    repository: str
    revision: str
    file: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Which pictures a model has learned from, so that it is not judged by them.

    Attributes:
        file: name of a file beside the card: their numbers (see `evaluation.truth.number`), ascending, as
            64-bit integers, little-endian; behind them, likewise, those of pictures that were held out.
        sha256: of that file, hexadecimal.
        learned: how many it has learned from.
    """

    file: str
    sha256: str
    learned: int


@dataclass(frozen=True, slots=True)
class Card:
    """Everything known about a model.

    Attributes:
        name: what people call it.
        file: name of the ONNX file beside the card.
        sha256: of the ONNX file, hexadecimal.
        preprocessing: how pictures become its input.
        outputs: the vectors it can give, by name; the first is the default.
        summary: one line for people.
        licence: SPDX expression.
        attribution: who made it.
        source: where the weights come from.
        hub: where to fetch the file; None when it lies beside the card.
        quality: measured figures, for people.
        seen: which pictures it has learned from; None when that is not known, as of models that ship.
        path: the card's own file.
    """

    name: str
    file: str
    sha256: str
    preprocessing: Preprocessing
    outputs: Mapping[str, Output]
    summary: str = ""
    licence: str = ""
    attribution: str = ""
    source: str = ""
    hub: Hub | None = None
    quality: Mapping[str, float] = field(default_factory=dict)
    seen: Seen | None = None
    path: Path = Path()

    def output(self, name: str | None) -> tuple[str, Output]:
        """The output with this name (None: the default) together with its name.

        Raises:
            ModelError: the model has no such output; the message lists those it has.
        """
        chosen = next(iter(self.outputs)) if name is None else name
        if chosen not in self.outputs:
            known = ", ".join(self.outputs)
            raise ModelError(f"model {self.name!r} has no output {chosen!r}: choose one of {known}")
        return chosen, self.outputs[chosen]

    @property
    def is_taught(self) -> bool:
        """Whether it was trained by `lookalike train`, which leaves figures of the pictures held out."""
        return any(name.startswith(HELD_OUT_FIGURE) for name in self.quality)

    @property
    def longest_output(self) -> str:
        """The output whose network gives the most numbers: a map can leave out but not add."""
        return max(self.outputs, key=lambda name: self.outputs[name].network_dimension)

    def identity(self, output: str, runtime: str) -> str:
        """Hash over everything that shapes a vector: 32 hexadecimal digits.

        Names, licences and other words for people do not take part.
        """
        return self._identity(self.output(output)[1], runtime)

    def base_identity(self, output: str, runtime: str) -> str:
        """The identity of the network's own vectors, which an adapter maps; `identity` without one."""
        return self._identity(self.output(output)[1].without_adapter, runtime)

    def _identity(self, output: Output, runtime: str) -> str:
        shape: dict[str, object] = {
            "tensor": output.tensor,
            "dimension": output.dimension,
            "pooling": output.pooling,
        }
        if output.adapter:
            shape["adapter"] = {"sha256": output.adapter.sha256, "takes": output.adapter.takes}
        parts = {
            "sha256": self.sha256,
            "preprocessing": asdict(self.preprocessing),
            "output": shape,
            "runtime": runtime,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


# What TOML may hold for a field of this type. Fields of other types are sections of their own.
_TYPES: Mapping[object, tuple[type, ...]] = {
    int: (int,),
    str: (str,),
    float: (int, float),
    tuple[float, ...]: (list,),
    Mapping[str, float]: (dict,),
}


def read_card(path: Path) -> Card:
    """Read and check a card.

    Raises:
        ModelError: the file cannot be read, or a key is missing, unknown or out of range; the
            message names the key.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"model card {path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"model card {path} is not valid TOML: {error}") from error
    where = f"model card {path}"
    hub, seen = table.pop("hub", None), table.pop("seen", None)
    card = Card(
        preprocessing=_section(Preprocessing, table.pop("input", None), f"{where}, [input]"),
        outputs=_outputs(table.pop("outputs", None), where),
        hub=None if hub is None else _section(Hub, hub, f"{where}, [hub]"),
        seen=None if seen is None else _section(Seen, seen, f"{where}, [seen]"),
        path=path,
        **_plain(Card, table, where),
    )
    _check(card, where)
    return card


def _outputs(table: Any, where: str) -> dict[str, Output]:
    if not isinstance(table, dict) or not table:
        raise ModelError(f"{where}: at least one [outputs.NAME] with tensor and dimension is needed")
    return {name: _output(section, f"{where}, [outputs.{name}]") for name, section in table.items()}


def _output(table: Any, where: str) -> Output:
    adapter = table.pop("adapter", None) if isinstance(table, dict) else None
    output: Output = _section(Output, table, where)
    if adapter is None:
        return output
    return replace(output, adapter=_section(Adapter, adapter, f"{where[:-1]}.adapter]"))


def _section(cls: type[Any], table: Any, where: str) -> Any:
    if not isinstance(table, dict):
        raise ModelError(f"{where}: this section is missing")
    return cls(**_plain(cls, table, where))


def _plain(cls: type[Any], table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The table's values for the dataclass, checked for unknown, missing and mistyped keys."""
    hints = get_type_hints(cls)
    fields = [name for name, hint in hints.items() if hint in _TYPES]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in fields:
            raise ModelError(f"{where}: unknown key {key!r}; known are {', '.join(fields)}")
        if isinstance(value, bool) or not isinstance(value, _TYPES[hints[key]]):
            raise ModelError(f"{where}: {key} has the wrong type ({type(value).__name__})")
        values[key] = tuple(value) if isinstance(value, list) else value
    needed = {"tensor", "size", "short_side", "dimension", "name", "file", "sha256", "repository", "revision"}
    needed |= {"takes", "learned"}
    missing = [name for name in fields if name in needed and name not in values]
    if missing:
        raise ModelError(f"{where}: {missing[0]} is missing")
    return values


def _check(card: Card, where: str) -> None:
    """Raise ModelError for a value outside its range."""
    p = card.preprocessing
    choices: list[tuple[str, str, tuple[str, ...]]] = [("fit", p.fit, FITS)]
    choices += [("interpolation", p.interpolation, INTERPOLATIONS)]
    choices += [("layout", p.layout, LAYOUTS)]
    choices += [(f"outputs.{name}.pooling", o.pooling, POOLINGS) for name, o in card.outputs.items()]
    for key, got, allowed in choices:
        if got not in allowed:
            raise ModelError(f"{where}: {key} must be one of {', '.join(allowed)}, got {got!r}")
    numbers = [("size", p.size), ("short_side", p.short_side)]
    numbers += [(f"outputs.{name}.dimension", o.dimension) for name, o in card.outputs.items()]
    if p.fit == "crop" and p.short_side < p.size:
        raise ModelError(f"{where}: short_side ({p.short_side}) must be at least size ({p.size}) for a crop")
    if len(p.mean) != 3 or len(p.std) != 3 or not _are_numbers(*p.mean, *p.std) or not all(p.std):
        raise ModelError(f"{where}: mean and std must be three numbers each, std without zeros")
    adapters = [(f"outputs.{name}.adapter", o.adapter) for name, o in card.outputs.items() if o.adapter]
    numbers += [(f"{key}.takes", adapter.takes) for key, adapter in adapters]
    for key, number in numbers:
        if not 1 <= number <= 65536:
            raise ModelError(f"{where}: {key} must be between 1 and 65536, got {number}")
    hashes = [("sha256", card.sha256), *((f"{key}.sha256", adapter.sha256) for key, adapter in adapters)]
    hashes += [("seen.sha256", card.seen.sha256)] if card.seen else []
    for key, digest in hashes:
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise ModelError(f"{where}: {key} must be 64 hexadecimal digits, got {digest!r}")
    for key, adapter in adapters:
        if Path(adapter.file).name != adapter.file or not adapter.file.endswith(".npz"):
            raise ModelError(
                f"{where}: {key}.file must be a bare file name ending in .npz, got {adapter.file!r}"
            )
    if card.seen and card.seen.learned < 0:
        raise ModelError(f"{where}: seen.learned must be 0 or more, got {card.seen.learned}")
    if card.seen and (Path(card.seen.file).name != card.seen.file or not card.seen.file.endswith(".seen")):
        raise ModelError(
            f"{where}: seen.file must be a bare file name ending in .seen, got {card.seen.file!r}"
        )
    if Path(card.file).name != card.file or not card.file.endswith(".onnx"):
        raise ModelError(f"{where}: file must be a bare file name ending in .onnx, got {card.file!r}")
    if card.hub and not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", card.hub.repository):
        raise ModelError(f"{where}: hub.repository must be OWNER/NAME, got {card.hub.repository!r}")
    if card.hub and not re.fullmatch(r"[0-9a-f]{40}", card.hub.revision):
        raise ModelError(f"{where}: hub.revision must be a full commit, 40 hexadecimal digits")
    for name, o in card.outputs.items():
        if not -1 <= o.alike <= 1:
            raise ModelError(f"{where}: outputs.{name}.alike must be between -1 and 1, got {o.alike}")
        if o.reference and not _is_vector(o.reference, o.network_dimension):
            what = f"{o.network_dimension} 16-bit floats in base64"
            raise ModelError(f"{where}: outputs.{name}.reference must be {what}")


def _are_numbers(*values: Any) -> bool:
    return all(type(value) in (int, float) and math.isfinite(value) for value in values)


def _is_vector(reference: str, dimension: int) -> bool:
    try:
        return len(base64.b64decode(reference, validate=True)) == 2 * dimension
    except ValueError:
        return False
