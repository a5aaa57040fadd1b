"""The user's own models: saved, removed, handed on as one file, and taken in.

Nothing is ever overwritten. A file has its whole content before it has its name, and the card comes
last: a model whose card is there is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import ModelError
from lookalike.models.cards import Adapter, Card, Output, Seen, read_card
from lookalike.models.registry import (
    BUILT_IN,
    adapter_file,
    available,
    file_sha256,
    find,
    held_out_by,
    is_file,
    learned_by,
    models_folder,
    network_of,
    onnx_file,
)
from lookalike.models.unfinished import unfinished

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]

SUFFIX = ".lookalike-model"
"""Usual ending of an exported model."""

CARD = "card.toml"
"""Name of the card in an exported model; it is the first file in it."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_BYTES = 8 << 30  # of a file in an exported model
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in an exported model, so that it is the same every time


def check_name(name: str) -> None:
    """Say that a new model cannot be called this.

    Raises:
        ModelError: it is no name that can be used, or there is such a model already.
    """
    if not _NAME.fullmatch(name) or name.endswith((".onnx", ".toml", ".npz", ".seen")):
        raise ModelError(
            f"a model cannot be called {name!r}: use up to 64 letters, digits, dots, dashes and underscores, "
            f"beginning with a letter or digit, and no file ending"
        )
    for card in available():
        if card.name == name:
            first = f", or first `lookalike models remove {name}`" if is_own(card) else ""
            raise ModelError(f"there is a model {name!r} already: choose another name{first}")
    for file in (models_folder() / f"{name}{end}" for end in (".toml", ".npz", ".onnx", ".svg", ".seen")):
        if file.exists():
            raise ModelError(f"{file} is in the way: choose another name for the model, or move that file")


def check_new(name: str) -> None:
    """Say that a new model cannot be called this, or that there is no place for it. Nothing is made for that.

    Raises:
        ModelError: the name cannot be used, or the model folder cannot be written to.
    """
    check_name(name)
    folder = models_folder()
    try:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error


def save_adapted(
    name: str,
    base: Card,
    output: str,
    weights: bytes,
    dimension: int,
    *,
    alike: float,
    summary: str,
    quality: Mapping[str, float],
    seen: Ints,
) -> Card:
    """Save a model that is another one with an adapter.

    Args:
        name: what it is called.
        base: the model whose vectors are mapped.
        output: which of its outputs.
        weights: the map, as `LinearMap.dumps` gives it.
        dimension: length of a mapped vector.
        alike: see `Output`.
        summary: one line for people.
        quality: measured figures, for people.
        seen: (n,) int64 numbers of the pictures that the map was learned from; those that the network has
            learned from are added.

    Returns:
        Its card, read back.

    Raises:
        ModelError: the name cannot be used, or the model folder cannot be written to.
    """
    check_name(name)
    kept = _Kept.of(base, seen)
    network = base.outputs[output].without_adapter
    adapter = Adapter(f"{name}.npz", hashlib.sha256(weights).hexdigest(), network.dimension)
    adapted = replace(network, dimension=dimension, alike=alike, summary=summary, adapter=adapter)
    card = replace(
        base, name=name, outputs={"embedding": adapted}, summary=summary, quality=dict(quality),
        source=f"{base.name}, output {output}, with an adapter. {base.source}".strip(),
        seen=kept.described(name),
    )  # fmt: skip
    with _writable(models_folder()) as folder:
        if not is_file(BUILT_IN / base.file, base.sha256):
            _copy(onnx_file(base), folder / base.file, base.sha256)
        _write(folder / adapter.file, weights)
        _write(folder / f"{name}.seen", kept.numbers)
        _write(folder / f"{name}.toml", card_text(card).encode())
    return read_card(folder / f"{name}.toml")


def save_base(adapted: Card, output: str) -> Card:
    """Save a card for the network of a model with an adapter, beside that model's, so that the network is a
    model of its own. Which pictures the network alone has learned from is not known: all count that the model
    has learned from.

    Args:
        adapted: the model; its network's file is there.
        output: its output whose adapter is left out.

    Returns:
        The card, read back: called like the network's file, or else like the model with `-base` behind it.

    Raises:
        ModelError: both names are taken, or the card cannot be written.
    """
    folder, taken = adapted.path.parent, {card.name for card in available()}
    names = [Path(adapted.file).stem, f"{adapted.name}-base"]
    name = next((one for one in names if one not in taken and not (folder / f"{one}.toml").exists()), None)
    if name is None:
        raise ModelError(
            f"model {adapted.name!r} maps vectors of the network {adapted.file}, of which no model is known, "
            f"and the names {' and '.join(names)} for it are taken: write a card for it (docs/models.md has "
            f"one to copy)"
        )
    card = replace(
        adapted, name=name, outputs={output: adapted.outputs[output].without_adapter},
        summary=f"the network of {adapted.name}", quality={},
        source=f"What {adapted.name} maps. {adapted.source}".strip(),
    )  # fmt: skip
    with _writable(folder):
        _write(folder / f"{name}.toml", card_text(card).encode())
    return read_card(folder / f"{name}.toml")


def save_trained(
    name: str,
    base: Card,
    network: bytes,
    outputs: Mapping[str, Output],
    *,
    curve: str,
    summary: str,
    quality: Mapping[str, float],
    seen: Ints,
    held_out: Ints,
) -> Card:
    """Save a model that is another one with its network trained on.

    Args:
        name: what it is called.
        base: the model whose network it was.
        network: the ONNX file.
        outputs: of the network, the default first.
        curve: how training went, SVG; kept beside the model for people.
        summary: one line for people.
        quality: measured figures, for people.
        seen: (n,) int64 numbers of the pictures it was shown; those that the network has learned from are
            added.
        held_out: (h,) int64 likewise, of those held out.

    Returns:
        Its card, read back.

    Raises:
        ModelError: the name cannot be used, or the model folder cannot be written to.
    """
    check_name(name)
    kept = _Kept.of(network_of(base), seen, held_out)
    card = replace(
        base, name=name, file=f"{name}.onnx", sha256=hashlib.sha256(network).hexdigest(), outputs=outputs,
        summary=summary, quality=dict(quality), hub=None,
        source=f"{base.name}, fine-tuned. {base.source}".strip(), seen=kept.described(name),
    )  # fmt: skip
    with _writable(models_folder()) as folder:
        _write(folder / card.file, network)
        _write(folder / f"{name}.svg", curve.encode())
        _write(folder / f"{name}.seen", kept.numbers)
        _write(folder / f"{name}.toml", card_text(card).encode())
    return read_card(folder / f"{name}.toml")


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of the pictures that a new model has learned from; see `cards.Seen`.

    Attributes:
        numbers: the content of the file.
        learned: how many of them it has learned from.
    """

    numbers: bytes
    learned: int

    @classmethod
    def of(cls, before: Card, seen: Ints, held_out: Ints | None = None) -> _Kept:
        """With those that the model that it was made of has learned from, and that were held out then."""
        import numpy as np

        learned = np.union1d(seen, learned_by(before))
        judged = held_out_by(before) if held_out is None else np.union1d(held_out, held_out_by(before))
        numbers = np.concatenate([learned, np.setdiff1d(judged, learned)])
        return cls(numbers.astype("<i8").tobytes(), len(learned))

    def described(self, name: str) -> Seen:
        """What the card of a model of this name says of it."""
        return Seen(f"{name}.seen", hashlib.sha256(self.numbers).hexdigest(), self.learned)


def curve_of(card: Card) -> Path:
    """Where the learning curve of a trained model lies; other models have none."""
    return card.path.with_suffix(".svg")


def remove(name: str) -> Path:
    """Take a model of the user's out of use, or a training that has not ended: what is `removable` goes to a
    folder `removed` beside it.

    Returns:
        That folder; moved back, the files are a model or a training again.

    Raises:
        ModelError: there is neither; the model came with lookalike or lies somewhere else; or the files
            cannot be moved.
    """
    paths = removable(name)
    return set_aside(paths[0].stem, paths)


def set_aside(name: str, paths: Iterable[Path]) -> Path:
    """Move files of a model to a new folder in `removed`, in the model folder.

    Returns:
        That folder.

    Raises:
        ModelError: they cannot be moved.
    """
    with _writable(models_folder() / "removed") as removed:
        place = removed / name
        while place.exists():
            place = removed / f"{name}-{secrets.token_hex(2)}"
        place.mkdir()
        for path in paths:
            path.replace(place / path.name)
    return place


def removable(name: str) -> list[Path]:
    """Of a model its card, the learning curve and the files in the model folder that no other card names, the
    card first; and the folder of a training of that name.

    Raises:
        ModelError: there is neither, or the model came with lookalike or lies somewhere else.
    """
    begun = [one.folder for one in unfinished() if one.name == name]
    if begun and name not in {card.name for card in available()}:
        return begun
    card = find(name)
    if not is_own(card):
        raise ModelError(f"model {card.name!r} is not in {models_folder()}: only models there are removed")
    others = {file for other in others_than(card) for file in files(other)}
    paths = [curve_of(card), *(card.path.parent / file for file in files(card) if file not in others)]
    return [card.path, *(path for path in paths if path.is_file()), *begun]


def others_than(card: Card) -> list[Card]:
    """The models there are that are called otherwise."""
    return [other for other in available() if other.name != card.name]


def is_own(card: Card) -> bool:
    """Whether its card lies in the user's model folder."""
    return card.path.parent.resolve() == models_folder().resolve()


def files(card: Card) -> list[str]:
    """The names of the files a card speaks of."""
    names = [card.file, *(o.adapter.file for o in card.outputs.values() if o.adapter)]
    return [*names, card.seen.file] if card.seen else names


# --- one file to hand on ---------------------------------------------------------------------


def export(card: Card, file: Path) -> None:
    """Write a model with all its files into one file, the same bytes every time.

    Raises:
        ModelError: the file exists, or cannot be written; or one of the model's files is not there.
    """
    parts = {card.file: onnx_file(card)}
    parts |= {o.adapter.file: adapter_file(card, o.adapter) for o in card.outputs.values() if o.adapter}
    if card.seen:
        learned_by(card)
        parts[card.seen.file] = card.path.with_name(card.seen.file)
    if file.exists():
        raise ModelError(f"{file} exists already: nothing is overwritten; choose another name")
    try:
        with (
            tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as temporary,
            zipfile.ZipFile(temporary, "w") as packed,
        ):
            packed.writestr(zipfile.ZipInfo(CARD, _EPOCH), card_text(card))
            for name, path in sorted(parts.items()):
                with path.open("rb") as source, packed.open(zipfile.ZipInfo(name, _EPOCH), "w") as target:
                    shutil.copyfileobj(source, target)
        _name_new(Path(temporary.name), file)
    except OSError as error:
        raise ModelError(f"{file} cannot be written: {error.strerror or error}") from error


def take_in(file: Path) -> Card:
    """Put an exported model into the model folder, each file verified against the card.

    Returns:
        Its card.

    Raises:
        ModelError: the file is no exported model, one of its files is not the one its card describes,
            or there is another model of this name.
    """
    try:
        with (
            zipfile.ZipFile(file) as packed,
            _writable(models_folder()) as folder,
            tempfile.TemporaryDirectory(dir=folder, prefix=".") as place,
        ):
            return _kept(_unpacked(packed, Path(place), file), folder)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        if _begins_as_exported(file):
            raise ModelError(f"{file} is damaged or cut short: copy or fetch it again") from error
        raise ModelError(f"{file} is no model that `lookalike models export` wrote: {error}") from error
    except OSError as error:
        raise ModelError(f"{file} cannot be read: {error.strerror or error}") from error


def _begins_as_exported(file: Path) -> bool:
    """Whether a file begins with a card, as exported models do. How it ends does not tell: what is left of it
    may end with an adapter, which is an archive of its own."""
    with file.open("rb") as source:
        return source.read(30 + len(CARD))[30:] == CARD.encode()  # a name comes after 30 bytes of header


def _kept(card: Card, folder: Path) -> Card:
    """A verified model, put into the model folder unless it is there."""
    known = next((other for other in available() if other.name == card.name), None)
    if known and (known.outputs, known.sha256) == (card.outputs, card.sha256):
        return known
    check_name(card.name)
    for name in files(card):
        sha256 = file_sha256(card.path.parent / name)
        if not is_file(BUILT_IN / name, sha256):
            _copy(card.path.parent / name, folder / name, sha256)
    _write(folder / f"{card.name}.toml", card.path.read_bytes())
    return read_card(folder / f"{card.name}.toml")


def _unpacked(packed: zipfile.ZipFile, place: Path, file: Path) -> Card:
    """The model in a folder of its own, verified."""
    _extract(packed, CARD, place)
    card = read_card(place / CARD)
    for name in files(card):
        _extract(packed, name, place)
    if not is_file(place / card.file, card.sha256):
        raise ModelError(f"{file}: {card.file} in it is not the file its card describes; nothing was kept")
    for output in card.outputs.values():
        if output.adapter:
            adapter_file(card, output.adapter)
    learned_by(card)
    return card


def _extract(packed: zipfile.ZipFile, name: str, place: Path) -> None:
    # Names come from a checked card: bare file names. Sizes are what the archive claims, and not exceeded.
    if packed.getinfo(name).file_size > _MOST_BYTES:
        raise ModelError(f"{packed.filename}: {name} in it is larger than {_MOST_BYTES >> 30} GiB")
    with packed.open(name) as source, (place / name).open("xb") as target:
        shutil.copyfileobj(source, target)


# --- writing ---------------------------------------------------------------------------------


@contextmanager
def _writable(folder: Path) -> Iterator[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> ModelError:
    return ModelError(f"{folder} cannot be written to: {error.strerror or error}")


def _copy(source: Path, target: Path, sha256: str) -> None:
    """Copy a file, unless the same one is there already."""
    if target.is_file():
        if not is_file(target, sha256):
            raise ModelError(f"{target} is another file: nothing is overwritten; rename one of them")
        return
    with (
        source.open("rb") as file,
        tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as temporary,
    ):
        shutil.copyfileobj(file, temporary)
    _name_new(Path(temporary.name), target)


def _write(target: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as temporary:
        temporary.write(data)
    _name_new(Path(temporary.name), target)


def _name_new(temporary: Path, target: Path) -> None:
    """Give a file its name, unless somebody has it meanwhile."""
    os.chmod(temporary, 0o644)
    try:
        os.link(temporary, target)  # fails where the name is taken, unlike renaming
    except FileExistsError:
        raise ModelError(f"{target} exists already: nothing is overwritten; choose another name") from None
    except OSError:  # a file system without hard links
        if target.exists():
            raise ModelError(
                f"{target} exists already: nothing is overwritten; choose another name"
            ) from None
        shutil.copyfile(temporary, target)
    finally:
        temporary.unlink()


# --- cards as text ---------------------------------------------------------------------------


def card_text(card: Card) -> str:
    """A card as TOML, which `read_card` reads."""
    words = {
        key: getattr(card, key)
        for key in ("name", "file", "sha256", "summary", "licence", "attribution", "source")
    }
    lines = [*_table("", words), *_table("input", _fields(card.preprocessing))]
    for name, output in card.outputs.items():
        lines += _table(f"outputs.{_key(name)}", _fields(output))
        if output.adapter:
            lines += _table(f"outputs.{_key(name)}.adapter", _fields(output.adapter))
    if card.hub:
        lines += _table("hub", _fields(card.hub))
    if card.seen:
        lines += _table("seen", _fields(card.seen))
    if card.quality:
        lines += _table("quality", card.quality)
    return "\n".join(lines) + "\n"


def _fields(section: object) -> dict[str, object]:
    names = type(section).__dataclass_fields__  # type: ignore[attr-defined]
    return {name: getattr(section, name) for name in names if name != "adapter"}


def _table(heading: str, values: Mapping[str, object]) -> list[str]:
    shown = [f"{_key(key)} = {_value(value)}" for key, value in values.items() if value != ""]
    return ["", f"[{heading}]", *shown] if heading else shown


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        # JSON writes a text as TOML reads it, but for one character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    return repr(value)
