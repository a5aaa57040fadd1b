"""Finding models by name."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import ModelError
from lookalike.models.cards import Adapter, Card, read_card

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DEFAULT_MODEL = "efficientnet-lite0"
BUILT_IN = Path(__file__).parent


def models_folder() -> Path:
    """The user's own model folder; it need not exist."""
    if chosen := os.environ.get("LOOKALIKE_MODELS"):
        return Path(chosen)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "lookalike" / "models"


def available() -> list[Card]:
    """Every model that can be named, the user's own before the built-in ones.

    Raises:
        ModelError: a card in the user's folder is wrong.
    """
    cards: dict[str, Card] = {}
    for path in _card_files():
        card = read_card(path)
        cards.setdefault(card.name, card)
    return list(cards.values())


def _card_files() -> list[Path]:
    """All cards, the user's own first."""
    return [path for folder in (models_folder(), BUILT_IN) for path in sorted(folder.glob("*.toml"))]


def find(name: str | os.PathLike[str]) -> Card:
    """The card of a model, by name or by the path of its card or ONNX file.

    Raises:
        ModelError: there is no such model, or its card is wrong.
    """
    path = Path(name)
    if path.suffix in (".onnx", ".toml"):
        return _at(path)
    names, broken = [], None
    for file in _card_files():
        try:
            card = read_card(file)
        except ModelError as error:  # no reason why the other models should not be found
            broken = broken or error
            continue
        if card.name == str(name):
            return card
        names.append(card.name)
    if broken:
        raise broken
    raise ModelError(
        f"no model is called {str(name)!r}: known are {', '.join(names)}; "
        f"a file of your own is named by its path (NAME.onnx with a card NAME.toml beside it)"
    )


def _at(path: Path) -> Card:
    card_file = path.with_suffix(".toml")
    if card_file.is_file():
        return read_card(card_file)
    if path.is_file():
        raise ModelError(
            f"{path} has no model card: write {card_file} beside it, which says how pictures become "
            f"its input and which output is the vector (docs/models.md has one to copy)"
        )
    raise ModelError(f"there is no model file {path}")


def adapter_file(card: Card, adapter: Adapter) -> Path:
    """The file of an adapter, checked against its hash.

    Raises:
        ModelError: it is not beside the card, or is not the one the card describes.
    """
    path = card.path.parent / adapter.file
    if not path.is_file():
        raise ModelError(f"model {card.name!r}: {path} is missing")
    if not is_file(path, adapter.sha256):
        raise _another(path, adapter.sha256)
    return path


def learned_by(card: Card) -> npt.NDArray[np.int64]:
    """The numbers of the pictures that a model has learned from, ascending, (n,) int64; none when that is
    not known.

    Raises:
        ModelError: the file with them is not beside the card, or is not the one the card describes.
    """
    return _seen(card)[: card.seen.learned if card.seen else 0]


def held_out_by(card: Card) -> npt.NDArray[np.int64]:
    """The numbers of the pictures that were held out when a model learned, ascending, (n,) int64.

    Raises:
        ModelError: as `learned_by`.
    """
    return _seen(card)[card.seen.learned if card.seen else 0 :]


def _seen(card: Card) -> npt.NDArray[np.int64]:
    import numpy as np

    if card.seen is None:
        return np.zeros(0, np.int64)
    path = card.path.parent / card.seen.file
    if not path.is_file():
        raise ModelError(
            f"model {card.name!r}: {path}, the list of what it has learned from, is missing: copy it there, "
            f"or take the section [seen] out of {card.path}, and it counts as having learned from everything"
        )
    if not is_file(path, card.seen.sha256) or path.stat().st_size % 8:
        raise _another(path, card.seen.sha256)
    return np.frombuffer(path.read_bytes(), "<i8").astype(np.int64)


def network_of(card: Card) -> Card:
    """The model whose network one with an adapter has; the model itself when it has none, or when no other
    model is known that has this network."""
    if not any(output.adapter for output in card.outputs.values()):
        return card
    others = [other for other in available() if other.sha256 == card.sha256]
    return next((other for other in others if not any(o.adapter for o in other.outputs.values())), card)


def onnx_file(card: Card) -> Path:
    """The card's ONNX file, checked against its hash: another one may have the same name.

    Raises:
        ModelError: the file is not there (the message says how to fetch it) or is not the
            one the card describes.
    """
    there = [path for path in _places(card) if path.is_file()]
    for path in there:
        if is_file(path, card.sha256):
            return path
    if there:
        raise _another(there[0], card.sha256)
    if card.hub:
        what = card.name if card.path.parent == models_folder() else card.path
        raise ModelError(
            f"model {card.name!r} is not on this machine yet: run `lookalike models fetch {what}` "
            f"while there is a network, or copy {card.file} to {models_folder()}"
        )
    raise ModelError(f"model {card.name!r}: {card.path.parent / card.file} is missing")


def _another(path: Path, sha256: str) -> ModelError:
    """That a file does not have this hash."""
    return ModelError(
        f"{path} is not the file its card describes (sha256 {file_sha256(path)[:12]}…, not {sha256[:12]}…): "
        f"fetch or copy it again"
    )


def _places(card: Card) -> list[Path]:
    """Where a card's ONNX file may be: an adapter's card stands beside no network of its own."""
    return [folder / card.file for folder in (card.path.parent, models_folder(), BUILT_IN)]


def is_file(path: Path, sha256: str) -> bool:
    """Whether there is a file of this hash: a name alone says nothing."""
    return path.is_file() and file_sha256(path) == sha256


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
