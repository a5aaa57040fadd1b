"""Fetching model files from the Hugging Face hub, only when asked to.

What comes is written to a temporary file, compared with the hash in the card and only then
given its name, so that a broken download never looks like a model (idea: pooch).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import IO

from lookalike.errors import FetchError, ModelError
from lookalike.models.cards import Card
from lookalike.models.registry import models_folder

HUB = "https://huggingface.co"
TIMEOUT_SECONDS = 30
CHUNK = 1 << 20
# A model file is at most this large; a server that sends more is not trusted.
MAX_BYTES = 8 << 30


def fetch(card: Card, progress: Callable[[int, int | None], None] | None = None) -> Path:
    """Download a card's ONNX file to the user's model folder and verify it.

    The hub's address can be changed with `HF_ENDPOINT`; a token in `HF_TOKEN` is sent along.

    Args:
        card: a card with a `[hub]` section.
        progress: called with bytes so far and bytes in all (None when the server does not say).

    Returns:
        The verified file.

    Raises:
        ModelError: the card has no `[hub]` section.
        FetchError: the hub cannot be reached, refuses, or sends something else.
    """
    if card.hub is None:
        raise ModelError(f"model {card.name!r} has no [hub] section in its card that says where to fetch it")
    folder = models_folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / card.file
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{card.file}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            digest = _download(_address(card), file, card, progress)
        if digest != card.sha256:
            raise FetchError(
                f"what {_address(card)} sent is not model {card.name!r}: sha256 {digest[:12]}…, "
                f"expected {card.sha256[:12]}…; nothing was kept"
            )
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    if card.path.parent != folder:
        shutil.copyfile(card.path, folder / card.path.name)
    return target


def _address(card: Card) -> str:
    assert card.hub is not None
    base = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
    parts = (card.hub.repository, "resolve", card.hub.revision, card.hub.file)
    return base + "/" + "/".join(urllib.parse.quote(part) for part in parts)


def _download(
    address: str, file: IO[bytes], card: Card, progress: Callable[[int, int | None], None] | None
) -> str:
    """Stream the address into the file; the SHA-256 of what came, hexadecimal."""
    headers = {"User-Agent": "lookalike"}
    if token := os.environ.get("HF_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    digest, done = hashlib.sha256(), 0
    with _mapped_errors(address, card):
        request = urllib.request.Request(address, headers=headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            length = answer.headers.get("Content-Length")
            total = int(length) if length else None
            while chunk := answer.read(CHUNK):
                done += len(chunk)
                if done > MAX_BYTES:
                    raise FetchError(f"{address} sends more than {MAX_BYTES >> 30} GiB: stopped")
                file.write(chunk)
                digest.update(chunk)
                if progress:
                    progress(done, total)
    return digest.hexdigest()


@contextlib.contextmanager
def _mapped_errors(address: str, card: Card) -> Iterator[None]:
    """Turn what urllib raises into FetchError."""
    try:
        yield
    except urllib.error.HTTPError as error:
        refused = error.code in (401, 403)
        hint = "set HF_TOKEN to a token that may read it" if refused else "check the card's [hub] section"
        raise FetchError(f"the hub answered {error.code} for {address}: {hint}") from error
    except (urllib.error.URLError, OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise FetchError(
            f"{address} cannot be reached ({reason}): connect to a network, or copy {card.file} "
            f"to {models_folder()} by hand; what is there is used without a network"
        ) from error
