"""Who one is, and what one may do: for the web page, whose pictures cannot show a token."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from lookalike.errors import RequestError
from lookalike.server import openapi
from lookalike.server.auth import SESSION_SECONDS, cookie_name
from lookalike.server.envelope import Json
from lookalike.server.intake import object_of
from lookalike.server.schemas import answers, questions
from lookalike.server.service import service_of

router = APIRouter(prefix="/v1/session", tags=["service"])
LONGEST_BODY = 4096
"""Bytes in which a token comes: whoever sends it has shown nothing yet."""


@router.get("", responses=openapi.answers(answers.Session))
async def session(request: Request) -> Response:
    """What whoever asks may do. Needs no token."""
    return Json(_described(request, service_of(request).auth.rights(request)))


@router.post(
    "",
    responses=openapi.answers(answers.Session, body=True),
    openapi_extra=openapi.json_body(questions.Login.model_json_schema(), {"token": "a-token-of-this-server"}),
)
async def begin(request: Request) -> Response:
    """Exchange a token for a cookie, with which a page may do for twelve hours what the token allows."""
    service = service_of(request)
    try:
        shown = questions.Login.model_validate(object_of(await service.body(request, LONGEST_BODY))).token
    except ValidationError:
        raise RequestError('give the token as JSON: {"token": "…"}', 422, "usage") from None
    rights = service.auth.rights_of(shown)
    if not service.auth.required:
        return Json(_described(request, "write"))
    if rights is None:
        raise RequestError("this is no token of this server", 401, "unauthorized")
    answer = Json(_described(request, rights))
    secure = _is_secure(request)
    answer.set_cookie(
        cookie_name(request, secure=secure),
        service.auth.session(shown),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=secure,
    )
    return answer


@router.delete("", responses=openapi.answers(answers.Session))
async def end(request: Request) -> Response:
    """Forget the cookie. Needs no token."""
    answer = Json(_described(request, None if service_of(request).auth.required else "write"))
    secure = _is_secure(request)
    answer.delete_cookie(cookie_name(request, secure=secure), httponly=True, samesite="strict", secure=secure)
    return answer


def _is_secure(request: Request) -> bool:
    """Whether the page came by TLS: a proxy may speak it for us, but the page's own address tells."""
    return urlsplit(request.headers.get("origin", "")).scheme == "https"


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
