"""The body of a request: read within limits, and taken apart into pictures and fields."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from lookalike.errors import RequestError
from lookalike.server.limits import Share
from lookalike.server.settings import Settings

MAX_FIELDS = 100
MAX_FIELD_BYTES = 256 << 10


@dataclass(frozen=True)
class Upload:
    """A file of a request.

    Attributes:
        field: the name of its field; `body` when it was the whole body.
        name: what the sender calls it; for showing only, never a path.
        data: its bytes.
    """

    field: str
    name: str
    data: bytes


@dataclass(frozen=True)
class Form:
    """What a request brought.

    Attributes:
        files: in the order in which they came.
        fields: the other fields by name, each with all its values.
    """

    files: tuple[Upload, ...] = ()
    fields: Mapping[str, list[Any]] = field(default_factory=dict)

    def named(self, name: str) -> list[Upload]:
        """The files of one field."""
        return [file for file in self.files if file.field == name]

    def digest(self) -> str:
        """A hash of what it says, in hexadecimal: the same however it was written, as the boundary of a form
        is another one each time."""
        files = [(one.field, one.name, hashlib.sha256(one.data).hexdigest()) for one in self.files]
        said = json.dumps([files, dict(self.fields)], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()


async def form(request: Request, settings: Settings, share: Share) -> Form:
    """What a request brought: multipart, JSON, or a picture as the whole body.

    Raises:
        RequestError: 400 what cannot be understood, 408 too slow, 413 too large, 415 of another type.
    """
    body = await read(request, settings, share)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _parts(request, body, settings)
    if kind == "application/json":
        return Form((), _listed(object_of(body)))
    if kind.startswith("image/") or kind == "application/octet-stream":
        _check_picture(len(body), settings)
        return Form((Upload("body", "<body>", body),))
    raise RequestError(
        f"content type {kind[:80]!r} is not understood: send multipart/form-data, a picture as image/…, or "
        "application/json",
        415,
        "unsupported_type",
    )


async def read(request: Request, settings: Settings, share: Share, limit: int | None = None) -> bytes:
    """The body.

    Args:
        request: the request.
        settings: of the server.
        share: of the memory for all bodies.
        limit: so many bytes at most; None for what the settings allow.

    Raises:
        RequestError: 400, 408, 413, or 429 when bodies take too much memory already.
    """
    try:
        async with asyncio.timeout(settings.upload_seconds):
            return await _all_of(request, limit or settings.max_body_bytes, share)
    except TimeoutError:
        raise RequestError(
            f"the request took longer than {settings.upload_seconds:g} s to arrive", 408, "too_slow"
        ) from None
    except ClientDisconnect:
        raise RequestError("the client went away", 400, "disconnected") from None


async def _all_of(request: Request, limit: int, share: Share) -> bytes:
    declared = request.headers.get("content-length", "")
    parts: list[bytes] = []
    size = 0
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        share.take(len(part))
        parts.append(part)
    return b"".join(parts)


def _too_large(limit: int) -> RequestError:
    return RequestError(f"the request is too large: the limit is {limit} bytes", 413, "too_large")


async def _parts(request: Request, body: bytes, settings: Settings) -> Form:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(
        request.headers,
        whole(),
        max_files=settings.max_batch + 32,
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    parser.spool_max_size = settings.max_body_bytes  # the body is in memory: no file is written
    try:
        parsed = await parser.parse()
    except (MultiPartException, FormParserError, ValueError, KeyError) as error:
        message = getattr(error, "message", "") or str(error)
        raise RequestError(
            f"the multipart body cannot be read: {message[:200]}", 400, "bad_multipart"
        ) from None
    files: list[Upload] = []
    fields: dict[str, list[Any]] = {}
    for name, value in parsed.multi_items():
        if isinstance(value, UploadFile):
            data = await value.read()
            _check_picture(len(data), settings)
            files.append(Upload(name, value.filename or f"<{name}>", data))
        else:
            fields.setdefault(name, []).append(value)
    await parsed.close()
    return Form(tuple(files), fields)


def _check_picture(size: int, settings: Settings) -> None:
    if size > settings.max_picture_bytes:
        raise RequestError(
            f"the picture is too large: {size} bytes, the limit is {settings.max_picture_bytes}",
            413,
            "too_large",
        )


def object_of(body: bytes | str, field: str = "") -> dict[str, Any]:
    """A JSON object.

    Args:
        body: its text.
        field: of the form in which it came, for messages; "" for none.

    Raises:
        RequestError: 400, it is none.
    """
    place = f"{field}: " if field else ""
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{place}this is no JSON: {str(error)[:200]}", 400, "bad_json") from None
    if not isinstance(value, dict):
        raise RequestError(f"{place}the JSON must be an object: {{…}}", 400, "bad_json")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _listed(fields: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
