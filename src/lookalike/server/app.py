"""The application: all parts put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request

from lookalike.server import (
    docs_page,
    envelope,
    openapi,
    page,
    peltarion,
    routes_duplicates,
    routes_pictures,
    routes_search,
    routes_service,
    routes_session,
)
from lookalike.server.envelope import Json
from lookalike.server.frame import EXPOSED, Frame
from lookalike.server.service import Service


def create(service: Service) -> FastAPI:
    """The application of a service.

    Args:
        service: its parts; they are closed when the application ends.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await service.close()

    # The framework's own pages load scripts from elsewhere: ours is in `docs_page`.
    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.service = service
    envelope.install(app, page.nowhere if service.settings.page else None)
    parts = (
        routes_search,
        routes_duplicates,
        routes_pictures,
        routes_session,
        routes_service,
        peltarion,
    )
    for part in parts:
        app.include_router(part.router)
    openapi.describe(app, version("lookalike"), secured=service.auth.required)
    if service.settings.page:
        app.include_router(page.router)
    else:
        app.add_api_route("/", page.for_programs, include_in_schema=False)
    if service.settings.docs:
        app.add_api_route("/openapi.json", _openapi, include_in_schema=False)
        app.add_api_route("/docs", _docs, include_in_schema=False)
    if service.settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(service.settings.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"],
            expose_headers=EXPOSED,
        )
    app.add_middleware(Frame, service=service)
    return app


async def _openapi(request: Request) -> Response:
    return Json(request.app.openapi())


async def _docs(request: Request) -> Response:
    page, policy = docs_page.page(request.app.openapi())
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": policy})
