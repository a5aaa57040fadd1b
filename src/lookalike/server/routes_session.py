"""Who one is, and what one may do: for the web page, whose pictures cannot show a token."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from lookalike.errors import RequestError
from lookalike.server import openapi, schemas
from lookalike.server.auth import COOKIE, SESSION_SECONDS
from lookalike.server.envelope import Json
from lookalike.server.intake import object_of
from lookalike.server.service import service_of

router = APIRouter(prefix="/v1/session", tags=["service"])


@router.get("", responses=openapi.answers(schemas.Session))
async def session(request: Request) -> Response:
    """What whoever asks may do. Needs no token."""
    return Json(_described(request, service_of(request).auth.rights(request)))


@router.post(
    "",
    responses=openapi.answers(schemas.Session, body=True),
    openapi_extra=openapi.json_body(schemas.Login.model_json_schema(), {"token": "a-token-of-this-server"}),
)
async def begin(request: Request) -> Response:
    """Exchange a token for a cookie, with which a page may do for twelve hours what the token allows."""
    service = service_of(request)
    try:
        shown = schemas.Login.model_validate(object_of(await service.body(request))).token
    except ValidationError:
        raise RequestError('give the token as JSON: {"token": "…"}', 422, "usage") from None
    rights = service.auth.rights_of(shown)
    if not service.auth.required:
        return Json(_described(request, "write"))
    if rights is None:
        raise RequestError("this is no token of this server", 401, "unauthorized")
    answer = Json(_described(request, rights))
    answer.set_cookie(
        COOKIE,
        service.auth.session(shown),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        # A proxy may speak TLS for us; the page's own address tells.
        secure=urlsplit(request.headers.get("origin", "")).scheme == "https",
    )
    return answer


@router.delete("", responses=openapi.answers(schemas.Session))
async def end(request: Request) -> Response:
    """Forget the cookie. Needs no token."""
    answer = Json(_described(request, None if service_of(request).auth.required else "write"))
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def _described(request: Request, rights: str | None) -> dict[str, object]:
    service = service_of(request)
    settings = service.settings
    return {
        "required": service.auth.required,
        "rights": "read" if rights == "write" and settings.read_only else rights,
        "originals": settings.originals,
        "max_k": settings.max_k,
        "max_picture_bytes": settings.max_picture_bytes,
    }
