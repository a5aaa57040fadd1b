"""Model cards: what a network expects, what it gives, where it comes from.

A model is an ONNX file and a card beside it (TOML, same name). The card holds everything that
shapes a vector: preprocessing, outputs, pooling. The hash over all of that is the identity of
a vector; vectors with different identities are never compared.

Names are looked up in three places: a path to a card or ONNX file, the user's own model
folder (`LOOKALIKE_MODELS`, by default `~/.local/share/lookalike/models`), and the cards that
come with lookalike. Nothing is downloaded unless `fetch` is called.
"""

from lookalike.models.cards import Adapter, Card, Hub, Output, Preprocessing, Seen, read_card
from lookalike.models.hub import fetch
from lookalike.models.registry import (
    BUILT_IN,
    DEFAULT_MODEL,
    adapter_file,
    available,
    find,
    held_out_by,
    learned_by,
    models_folder,
    network_of,
    onnx_file,
)

__all__ = [
    "BUILT_IN",
    "DEFAULT_MODEL",
    "Adapter",
    "Card",
    "Hub",
    "Output",
    "Preprocessing",
    "Seen",
    "adapter_file",
    "available",
    "fetch",
    "find",
    "held_out_by",
    "learned_by",
    "models_folder",
    "network_of",
    "onnx_file",
    "read_card",
]
