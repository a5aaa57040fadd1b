"""Fetching model files from the Hugging Face hub, only when asked to.

What comes is written to a temporary file, compared with the hash in the card and only then
given its name, so that a broken download never looks like a model (idea: pooch).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Iterator
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.request import Request

from lookalike.errors import FetchError, ModelError
from lookalike.models.cards import Card
from lookalike.models.registry import is_file, models_folder
from lookalike.models.storing import files, is_own, others_than, set_aside

HUB = "https://huggingface.co"
TIMEOUT_SECONDS = 30
CHUNK = 1 << 20
# A model file is at most this large; a server that sends more is not trusted.
MAX_BYTES = 8 << 30


def fetch(card: Card, progress: Callable[[int, int | None], None] | None = None) -> Path:
    """Download a card's ONNX file to the user's model folder and verify it.

    The hub's address can be changed with `HF_ENDPOINT`; a token in `HF_TOKEN` is sent to
    it, and to no other host that it redirects to. When the file is there already nothing is
    downloaded. Another file or card of its name, as a damaged or an older one, is moved to the
    folder `removed` in the model folder.

    Args:
        card: a card with a `[hub]` section.
        progress: called with bytes so far and bytes in all (None when the server does not say).

    Returns:
        The verified file.

    Raises:
        ModelError: the card has no `[hub]` section, or the name of its file is taken by another
            model's.
        FetchError: the hub cannot be reached, refuses, or sends something else; or the model
            folder cannot be written to.
    """
    if card.hub is None:
        raise ModelError(f"model {card.name!r} has no [hub] section in its card that says where to fetch it")
    folder = models_folder()
    _check_free(card)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / card.file
        if not is_file(target, card.sha256):
            _download(card, target, progress)
        if not card.path.parent.samefile(folder):
            _copy_card(card, folder / card.path.name)
    except OSError as error:
        raise FetchError(f"{folder} cannot be written to: {error.strerror or error}") from error
    return target


def _check_free(card: Card) -> None:
    """Refuse to put a file where that of another model is."""
    for other in others_than(card):
        if is_own(other) and card.file in files(other) and other.sha256 != card.sha256:
            raise ModelError(
                f"{other.path.with_name(card.file)} is the file of model {other.name!r}: write another "
                f"name as `file` into the card of {card.name!r}"
            )


def _copy_card(card: Card, target: Path) -> None:
    if target.is_file() and target.read_bytes() != card.path.read_bytes():
        set_aside(card.name, [target])
    shutil.copyfile(card.path, target)


def _download(card: Card, target: Path, progress: Callable[[int, int | None], None] | None) -> None:
    """Download, verify, and only then give the file its name."""
    address = _address(card)
    temporary = target.with_name(f".{card.file}.{secrets.token_hex(4)}")
    digest, done = hashlib.sha256(), 0
    try:
        with temporary.open("xb") as file, contextlib.closing(_chunks(address, card)) as chunks:
            for chunk, total in chunks:
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                if progress:
                    progress(done, total)
        if digest.hexdigest() != card.sha256:
            raise FetchError(
                f"what {address} sent is not model {card.name!r}: sha256 {digest.hexdigest()[:12]}…, "
                f"expected {card.sha256[:12]}…; nothing was kept"
            )
        if target.exists():
            set_aside(card.name, [target])
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _address(card: Card) -> str:
    assert card.hub is not None
    base = (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    parts = (card.hub.repository, "resolve", card.hub.revision, card.hub.file)
    return base + "/" + "/".join(urllib.parse.quote(part) for part in parts)


def _chunks(address: str, card: Card) -> Generator[tuple[bytes, int | None], None, None]:
    """What the address sends, piece by piece, each with the bytes in all (None: not said)."""
    headers = {"User-Agent": "lookalike"}
    if token := os.environ.get("HF_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    done = 0
    with _mapped_errors(address, card):
        request = Request(address, headers=headers)
        opener = urllib.request.build_opener(_Redirects)
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            length = answer.headers.get("Content-Length")
            total = int(length) if length else None
            while chunk := answer.read(CHUNK):
                done += len(chunk)
                if done > MAX_BYTES:
                    raise FetchError(f"{address} sends more than {MAX_BYTES >> 30} GiB: stopped")
                yield chunk, total
    if total is not None and done < total:
        raise FetchError(f"{address} broke off after {done} of {total} bytes: try again")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but shows the token to nobody but the hub: it redirects downloads to
    servers of others, and urllib would send it along."""

    def redirect_request(
        self, request: Request, file: IO[bytes], code: int, message: str, headers: HTTPMessage, address: str
    ) -> Request | None:
        follow = super().redirect_request(request, file, code, message, headers, address)
        if follow and _host(follow) != _host(request):
            follow.remove_header("Authorization")
        return follow


def _host(request: Request) -> tuple[str, str]:
    return request.type, request.host


@contextlib.contextmanager
def _mapped_errors(address: str, card: Card) -> Iterator[None]:
    """Turn what urllib raises into FetchError."""
    try:
        yield
    except urllib.error.HTTPError as error:
        hint = "check the card's [hub] section"
        if error.code in (401, 403):
            hint = "set HF_TOKEN to a token that may read it"
        elif error.code == 429 or error.code >= 500:
            hint = "try again later"
        error.close()
        raise FetchError(f"the hub answered {error.code} for {address}: {hint}") from error
    except (urllib.error.URLError, OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise FetchError(
            f"{address} cannot be reached ({reason}): connect to a network, or copy {card.file} "
            f"to {models_folder()} by hand; what is there is used without a network"
        ) from error
