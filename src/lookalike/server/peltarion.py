"""The endpoint that clients of the Peltarion platform call: their code works unchanged.

`POST /deployment/similarity/{deployment_id}` with the token as user name of Basic and an empty password,
the picture in any one field of a multipart form. The nearest picture comes first; `index` is its id.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from lookalike.collection import Collection
from lookalike.errors import RequestError
from lookalike.results import Hit
from lookalike.server import openapi
from lookalike.server.auth import reading
from lookalike.server.deployments import Served
from lookalike.server.envelope import Json
from lookalike.server.routes_pictures import thumbnail_of
from lookalike.server.schemas import answers, questions
from lookalike.server.service import Service, service_of

router = APIRouter(tags=["compatible"], dependencies=[Depends(reading)])
SIDE = 320  # pixels of the pictures in the answer


@router.post(
    "/deployment/similarity/{deployment_id}",
    responses=openapi.answers(answers.PeltarionAnswer, body=True),
    openapi_extra=openapi.body(
        questions.Nearest,
        {"image": "The picture; the field may have any name."},
        needed=("image",),
        raw=False,
    ),
)
async def similarity(
    request: Request, deployment_id: questions.DeploymentName, query: Annotated[questions.Nearest, Query()]
) -> Response:
    """What looks like a picture, as the Peltarion platform answered it."""
    service = service_of(request)
    form = await service.form(request)
    if len(form.files) != 1:
        raise RequestError(f"give one picture as a file of the form; got {len(form.files)}", 422, "usage")

    def work(served: Served) -> list[dict[str, Any]]:
        collection = served.collection
        found = collection.search(form.files[0].data, query.k, include_self=True)
        return [_hit(service, collection, hit) for hit in found.results]

    return Json({"similarities": await service.ask(deployment_id, work)})


def _hit(service: Service, collection: Collection, hit: Hit) -> dict[str, Any]:
    try:
        image = thumbnail_of(service, collection, collection.picture(hit.id), SIDE)
    except RequestError:  # its file is gone: it is a result all the same
        image = b""
    return {
        "index": hit.id,
        "distance": hit.distance,
        "features": {"image": base64.b64encode(image).decode()},
    }
