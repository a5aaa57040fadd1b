"""The parts of OpenAPI that the framework cannot know: bodies, errors, examples, who may ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from lookalike.server.schemas.answers import Envelope

BINARY = {"type": "string", "format": "binary"}
PICTURE_TYPES = "image/jpeg, image/png, image/gif, image/webp, image/tiff, image/bmp, image/avif, image/heic"
ABOUT = """What looks like this? Search by picture in the collections of this server.

Pictures are sent as multipart form data, or as the whole body with a type such as `image/jpeg`. Every error
has the same shape: `{"error": {"status", "code", "message", "request_id"}}`."""

_REASONS = {
    400: "The request cannot be understood.",
    401: "A token is needed.",
    403: "The token, or this server, does not allow it.",
    404: "There is no such thing.",
    408: "The request took too long to arrive.",
    413: "The request or picture is too large.",
    415: "A body of this type is not understood.",
    421: "The server is not known under this name.",
    422: "Something in the request is wrong; the message says what.",
    429: "There is too much to do; `Retry-After` says when to try again.",
    503: "Not now: it took too long, or another process is writing; see `Retry-After`.",
}
_ALWAYS = (400, 401, 403, 404, 421, 422, 429, 503)
_WITH_BODY = (408, 413, 415)


def answers(kind: type[BaseModel] | None, status: int = 200, *, body: bool = False) -> dict[int | str, Any]:
    """The `responses` of a route: its success, and all that can go wrong.

    Args:
        kind: what a success holds; None when the route says it itself.
        status: of a success.
        body: whether the route takes one.
    """
    errors = (*_ALWAYS, *(_WITH_BODY if body else ()))
    found: dict[int | str, Any] = {
        code: {"model": Envelope, "description": _REASONS[code]} for code in sorted(errors)
    }
    if kind is not None:
        found[status] = {"model": kind, "description": "Done."}
    return found


def media(kind: str, what: str, status: int = 200) -> dict[int | str, Any]:
    """The `responses` of a route whose success is no JSON."""
    return {**answers(None), status: {"content": {kind: {"schema": BINARY}}, "description": what}}


def body(
    fields: type[BaseModel],
    files: Mapping[str, str],
    *,
    several: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
    needed: Sequence[str] = (),
    either: Mapping[str, Sequence[str]] | None = None,
    raw: bool = True,
    examples: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """A `requestBody` with pictures.

    Args:
        fields: the other fields.
        files: fields that are files, with what each is.
        several: those that may come more than once.
        extra: further fields, as JSON Schema.
        needed: those that must come.
        either: of each file and its fields, such as the number of an indexed picture, one must come; without
            files, the same may come as JSON.
        raw: one picture may be the whole body, the fields then being in the query.
        examples: of the JSON, by name.
    """
    known = fields.model_json_schema()["properties"]
    parts = {
        name: {"type": "array", "items": BINARY, "minItems": int(name in needed), "description": what}
        if name in several
        else {**BINARY, "description": what}
        for name, what in files.items()
    }
    schema: dict[str, Any] = {"type": "object", "properties": {**parts, **known, **(extra or {})}}
    schema["additionalProperties"] = fields.model_config.get("extra") != "forbid"
    if needed:
        schema["required"] = list(needed)
    if either:
        schema["allOf"] = [_one_of((file, *others)) for file, others in either.items()]
    types = {name: {"contentType": PICTURE_TYPES} for name in files}
    content: dict[str, Any] = {"multipart/form-data": {"schema": schema, "encoding": types}}
    if either:
        content["application/json"] = {
            "schema": {
                "type": "object",
                "properties": known,
                "additionalProperties": False,
                "allOf": [_one_of(others) for others in either.values()],
            },
            "examples": {name: {"value": dict(value)} for name, value in (examples or {}).items()},
        }
    if raw:
        content |= {
            kind: {"schema": BINARY} for kind in ("image/jpeg", "image/png", "application/octet-stream")
        }
    return {"requestBody": {"required": True, "content": content}}


def _one_of(names: Sequence[str]) -> dict[str, Any]:
    """A schema: exactly one of these fields is there."""
    return {"oneOf": [{"required": [name]} for name in names]}


def json_body(schema: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    """A `requestBody` of JSON."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": dict(schema), "example": dict(example)}},
        }
    }


METADATA = {
    "type": "object",
    "propertyNames": {"minLength": 1},
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}


def describe(app: FastAPI, version: str, *, secured: bool) -> None:
    """Let the application describe itself, once."""

    def schema() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title="lookalike", version=version, description=ABOUT, routes=app.routes)
            if secured:
                made["components"]["securitySchemes"] = {
                    "bearer": {"type": "http", "scheme": "bearer"},
                    "basic": {
                        "type": "http",
                        "scheme": "basic",
                        "description": "Token as user, no password.",
                    },
                }
                made["security"] = [{"bearer": []}, {"basic": []}]
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = schema  # type: ignore[method-assign]
