"""What the server is and how it does: info, deployments, health, metrics."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ValidationError

from lookalike import overview
from lookalike.collection import Collection
from lookalike.errors import LookalikeError, RequestError
from lookalike.gallery.base import Picture
from lookalike.results import Cluster, as_json
from lookalike.server import openapi
from lookalike.server.auth import reading, writing
from lookalike.server.deployments import Served
from lookalike.server.envelope import Json, to_json
from lookalike.server.intake import object_of
from lookalike.server.metrics import CONTENT_TYPE
from lookalike.server.schemas import answers, questions
from lookalike.server.service import service_of

router = APIRouter(tags=["service"])
READ, WRITE = [Depends(reading)], [Depends(writing)]


@router.get("/v1/info", dependencies=READ, responses=openapi.answers(answers.Info))
async def info(request: Request, chosen: Annotated[questions.Chosen, Query()]) -> Response:
    """What is in a collection: pictures, models, metadata columns."""
    found = await service_of(request).ask(chosen.deployment, lambda served: served.collection.info())
    return Json(as_json(found))


ORDERS: dict[str, Callable[[Cluster], Any]] = {
    "size": lambda cluster: (-cluster.size, cluster.id),
    "cohesion": lambda cluster: (-cluster.cohesion, cluster.id),
    "label": lambda cluster: (not cluster.label, cluster.label.lower(), cluster.id),
}
"""By what clusters are sorted."""


@router.get("/v1/clusters", dependencies=READ, responses=openapi.answers(answers.ClusterList))
async def clusters(request: Request, part: Annotated[questions.ClustersPart, Query()]) -> Response:
    """The clusters that `lookalike cluster` kept last, each with the picture that stands for it and its most
    typical ones; 404 when there are none.

    All pictures of one: `/v1/pictures?where=cluster == ID`.
    """

    def work(served: Served) -> dict[str, object]:
        found = served.clusters()
        if found is None:
            said = overview.no_clusters(served.collection.gallery, served.collection.space)
            raise RequestError(said, 404, "no_clusters")
        wanted = [
            cluster
            for cluster in sorted(found.clusters, key=ORDERS[part.order])
            if part.id in (None, cluster.id) and (part.label or "").lower() in cluster.label.lower()
        ]
        shown = wanted[part.after : part.after + part.limit]
        end = part.after + len(shown)
        paths = [path for one in shown for path in one.members[: max(1, part.members)]]
        rows = served.collection.gallery.at_paths(paths)
        return {
            "clusters": [_cluster(one, rows, part.members) for one in shown],
            "matching": len(wanted),
            "total": len(found.clusters),
            "noise": len(found.noise),
            "images": found.images,
            "method": found.method,
            "level": found.level,
            "next": end if end < len(wanted) else None,
        }

    return Json(await service_of(request).ask(part.deployment, work))


def _cluster(cluster: Cluster, rows: Mapping[str, Picture], members: int) -> dict[str, Any]:
    """A cluster with the numbers of its most typical pictures in place of the paths of all."""
    ids = [rows[path].id for path in cluster.members[: max(1, members)] if path in rows]
    told: dict[str, Any] = as_json(replace(cluster, members=(), medoid=""))
    return told | {"medoid": ids[0] if ids else None, "members": ids[:members]}


@router.get("/v1/map", dependencies=READ, responses=openapi.answers(answers.MapAnswer))
async def picture_map(request: Request, chosen: Annotated[questions.Chosen, Query()]) -> Response:
    """Where the pictures lie in the plane, near to each other what looks alike; 404 when
    `lookalike map map.html` has not laid them out. Pictures that came later are not in it."""

    def make(collection: Collection) -> tuple[bytes, str] | None:
        found = collection.stored_map()
        if found is None:
            return None
        data = to_json(found)
        return data, f'"{hashlib.sha256(data).hexdigest()[:32]}"'

    def work(served: Served) -> tuple[bytes, str]:
        made = served.kept("map", make)
        if made is None:
            said = overview.no_map(served.collection.gallery, served.collection.space)
            raise RequestError(said, 404, "no_map_yet")
        return made

    data, tag = await service_of(request).ask(chosen.deployment, work)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="application/json", headers=headers)


@router.get("/v1/deployments", dependencies=READ, responses=openapi.answers(answers.DeploymentList))
async def deployments(request: Request) -> Response:
    """All that is served, by name."""
    return Json({"deployments": await service_of(request).ask_all(_described)})


def _described(name: str, served: Served) -> dict[str, str | int]:
    space = served.collection.space
    return {
        "name": name,
        "images": served.collection.gallery.count(),
        "model": space.model,
        "output": space.output,
        "runtime": space.runtime,
    }


@router.put(
    "/v1/deployments/{name}",
    dependencies=WRITE,
    responses=openapi.answers(answers.Deployment, body=True),
    openapi_extra=openapi.json_body(questions.Switch.model_json_schema(), {"to": "candidate"}),
)
async def switch(request: Request, name: questions.DeploymentName) -> Response:
    """Let a name mean, from this moment on, what another one means. Requests in work end as they began."""
    service = service_of(request)
    try:
        wanted = questions.Switch.model_validate(object_of(await service.body(request)))
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise RequestError(said, 422, "usage") from None
    service.deployments.switch(name, wanted.to)
    service.metrics.switches.inc()
    return Json(await service.ask(name, partial(_described, name)))


@router.get("/v1/health", responses={200: {"model": answers.Health}})
async def health() -> Response:
    """Whether the server lives. Needs no token."""
    return Json({"status": "ok"})


@router.get("/v1/ready", responses={200: {"model": answers.Health}, 503: {"model": answers.Envelope}})
async def ready(request: Request) -> Response:
    """Whether the server can answer now: its collections are open. Needs no token."""
    if not service_of(request).ready:
        raise RequestError("the server is starting or ending", 503, "not_ready", retry_after=1)
    return Json({"status": "ready"})


@router.get(
    "/metrics",
    dependencies=READ,
    response_class=Response,
    responses={
        **openapi.answers(None),
        200: {"content": {"text/plain": {}}, "description": "Prometheus's text."},
    },
)
async def metrics(request: Request) -> Response:
    """Counters and times for Prometheus."""
    service = service_of(request)
    service.metrics.in_work.set(service.pool.in_work + service.writer.in_work + service.fetches.in_work)
    service.metrics.open.set(service.open.used)
    service.metrics.held.set(service.held.used)
    counts: list[tuple[str, int]] = []
    with suppress(LookalikeError):  # overloaded: the other figures are worth having
        counts = await service.ask_all(lambda name, served: (name, served.collection.gallery.count()))
    return Response(service.metrics.page(counts), media_type=CONTENT_TYPE)
