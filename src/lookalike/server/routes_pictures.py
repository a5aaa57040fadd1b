"""The pictures of a collection: listing, adding, changing, removing; thumbnails and originals."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from lookalike.collection import Collection
from lookalike.errors import PictureError, RequestError, UsageError
from lookalike.gallery.base import Picture
from lookalike.metadata import checked
from lookalike.results import Metadata
from lookalike.server import openapi, uploads
from lookalike.server.asking import asked, only
from lookalike.server.auth import reading, writing
from lookalike.server.deployments import Served
from lookalike.server.envelope import Json
from lookalike.server.intake import Form, Upload, object_of
from lookalike.server.originals import TYPES, original
from lookalike.server.schemas import answers, questions
from lookalike.server.service import Service, service_of

router = APIRouter(prefix="/v1/pictures", tags=["pictures"])
READ, WRITE = [Depends(reading)], [Depends(writing)]
KEY = Header(max_length=200, description="The same key gets the same answer, and adds nothing.")
_METADATA = {
    "metadata": {
        "type": "string",
        "description": "A JSON object for all pictures, or one such field for each picture, in their order.",
        "examples": ['{"name": "Gala apple", "price": 0.45}'],
    }
}


def row(picture: Picture) -> dict[str, Any]:
    """A picture as answers show it."""
    return {
        "id": picture.id,
        "path": picture.path,
        "width": picture.width,
        "height": picture.height,
        "bytes": picture.file.size,
        "format": picture.format,
        "content": picture.content,
        "missing": picture.missing,
        "truncated": picture.truncated,
        "metadata": dict(picture.metadata),
        "cluster": picture.cluster,
    }


@router.get("", dependencies=READ, responses=openapi.answers(answers.Pictures))
async def listing(request: Request, page: Annotated[questions.Page, Query()]) -> Response:
    """The pictures by ascending id, page by page; `skip` goes to any place among them."""

    def work(served: Served) -> tuple[list[Picture], int]:
        gallery = served.collection.gallery
        where = served.collection.filter(page.where) if page.where else None
        found = gallery.pictures(where, after=page.after, skip=page.skip)
        matching = served.kept(("count", page.where), lambda _: gallery.count(where))
        return list(itertools.islice(found, page.limit + 1)), matching

    found, matching = await service_of(request).ask(page.deployment, work)
    more = len(found) > page.limit
    shown = found[: page.limit]
    rows = [row(one) for one in shown]
    return Json({"pictures": rows, "matching": matching, "next": shown[-1].id if more else None})


@router.post(
    "",
    status_code=201,
    dependencies=WRITE,
    responses={
        **openapi.answers(answers.AddAnswer, 201, body=True),
        200: {"model": answers.AddAnswer, "description": "The collection had all of them already."},
    },
    openapi_extra=openapi.body(
        questions.Chosen,
        {"picture": "What to add."},
        several=("picture",),
        needed=("picture",),
        extra=_METADATA,
    ),
)
async def add(
    request: Request,
    query: Annotated[questions.Chosen, Query()],
    idempotency_key: Annotated[str | None, KEY] = None,
) -> Response:
    """Add pictures. The same bytes are one picture, however often they come.

    The answer comes when they are written: what it names is not lost, whatever happens to the server.
    """
    service = service_of(request)
    form = await service.form(request)
    only(form, "picture")
    told = form.fields.get("metadata", [])
    chosen = asked(questions.Chosen, query, {n: v for n, v in form.fields.items() if n != "metadata"})
    pictures = _pictures(form, service)
    if not idempotency_key:
        return await _add(service, chosen.deployment, pictures, told)
    key, content = (chosen.deployment, idempotency_key), form.digest()
    before = service.answers.get(key, content)
    if before is not None:
        return before
    answer = await _add(service, chosen.deployment, pictures, told)
    service.answers.keep(key, content, answer)
    return answer


def _pictures(form: Form, service: Service) -> list[Upload]:
    found = [*form.named("picture"), *form.named("body")]
    if not 1 <= len(found) <= service.settings.max_batch:
        raise RequestError(
            f"give 1 to {service.settings.max_batch} files in the field 'picture', got {len(found)}",
            422,
            "usage",
        )
    return found


async def _add(service: Service, deployment: str, pictures: list[Upload], told: list[Any]) -> Response:
    metadata = _metadata(told, len(pictures))
    data = [one.data for one in pictures]
    outcomes = await service.change(deployment, lambda served: uploads.add(served, data, metadata))
    failed = [
        {"index": place, "path": one.name, "reason": outcome.reason}
        for place, (one, outcome) in enumerate(zip(pictures, outcomes, strict=True))
        if outcome.picture is None
    ]
    if len(failed) == len(pictures):
        raise PictureError("; ".join(f"{one['path']}: {one['reason']}" for one in failed[:10]))
    added = [{**row(o.picture), "added": o.added} for o in outcomes if o.picture is not None]
    return Json({"pictures": added, "failed": failed}, 201 if any(one["added"] for one in added) else 200)


def _metadata(told: list[Any], pictures: int) -> list[Metadata | None]:
    """What was told about each picture; None for nothing."""
    if not told:
        return [None] * pictures
    rows = [object_of(one, "metadata") if isinstance(one, str) else one for one in told]
    if not all(isinstance(one, dict) for one in rows) or len(rows) not in (1, pictures):
        raise UsageError(f"metadata must be one JSON object, or one for each of the {pictures} pictures")
    known = [checked(one, "metadata") for one in rows]
    return [*known] if len(known) == pictures else [known[0]] * pictures


@router.get("/{id}", dependencies=READ, responses=openapi.answers(answers.Picture))
async def one(
    request: Request, id: questions.PathId, chosen: Annotated[questions.Chosen, Query()]
) -> Response:
    """What is known about a picture."""
    found = await service_of(request).ask(chosen.deployment, lambda served: served.collection.picture(id))
    return Json(row(found))


async def _change(request: Request, id: int, deployment: str, *, replace: bool) -> Response:
    service = service_of(request)
    told = checked(object_of(await service.body(request)), "metadata")
    changed = await service.change(
        deployment, lambda served: uploads.change_metadata(served, id, told, replace=replace)
    )
    return Json(row(changed))


@router.patch(
    "/{id}/metadata",
    dependencies=WRITE,
    responses=openapi.answers(answers.Picture, body=True),
    openapi_extra=openapi.json_body(openapi.METADATA, {"price": 0.4, "promotion": None}),
)
async def change(
    request: Request, id: questions.PathId, chosen: Annotated[questions.Chosen, Query()]
) -> Response:
    """Change some of a picture's metadata; `null` forgets a value (JSON merge patch)."""
    return await _change(request, id, chosen.deployment, replace=False)


@router.put(
    "/{id}/metadata",
    dependencies=WRITE,
    responses=openapi.answers(answers.Picture, body=True),
    openapi_extra=openapi.json_body(openapi.METADATA, {"name": "Gala apple", "price": 0.45}),
)
async def replace(
    request: Request, id: questions.PathId, chosen: Annotated[questions.Chosen, Query()]
) -> Response:
    """Replace a picture's metadata."""
    return await _change(request, id, chosen.deployment, replace=True)


@router.delete("/{id}", dependencies=WRITE, responses=openapi.answers(answers.Removed))
async def remove(
    request: Request, id: questions.PathId, chosen: Annotated[questions.Chosen, Query()]
) -> Response:
    """Take a picture out of the collection. Its file is never touched."""
    removed = await service_of(request).change(chosen.deployment, lambda served: uploads.remove(served, [id]))
    return Json({"removed": removed})


# --- what it looks like -----------------------------------------------------------------------


@router.get(
    "/{id}/thumbnail",
    dependencies=READ,
    response_class=Response,
    responses=openapi.media("image/jpeg", "A small JPEG."),
)
async def thumbnail(
    request: Request, id: questions.PathId, asked: Annotated[questions.Small, Query()]
) -> Response:
    """A small JPEG of a picture."""
    service = service_of(request)

    def work(served: Served) -> tuple[str, bytes]:
        picture = served.collection.picture(id)
        tag = f"{picture.content[:32]}-{asked.side}"
        if _is_known(request, tag):  # before the work of making it
            return tag, b""
        return tag, thumbnail_of(service, served.collection, picture, asked.side)

    tag, data = await service.ask(asked.deployment, work)
    return _cached(request, data, "image/jpeg", tag)


def thumbnail_of(service: Service, collection: Collection, picture: Picture, side: int) -> bytes:
    """The thumbnail of a picture, kept or made.

    Raises:
        RequestError: 404, its file is not available.
    """

    def make() -> bytes:
        made = collection.thumbnail(original(collection, picture), side)
        if made is None:
            raise RequestError("the file of this picture cannot be decoded any more", 404, "no_original")
        return made

    return service.thumbnails.get(picture.content, side, make)


@router.get(
    "/{id}/original",
    dependencies=READ,
    response_class=Response,
    responses=openapi.media("image/*", "The file, as it was indexed."),
)
async def original_file(
    request: Request, id: questions.PathId, chosen: Annotated[questions.Chosen, Query()]
) -> Response:
    """The file of a picture, byte for byte."""
    service = service_of(request)
    if not service.settings.originals:
        raise RequestError("this server gives out no originals, only thumbnails", 403, "no_originals")

    def work(served: Served) -> tuple[Picture, bytes]:
        picture = served.collection.picture(id)
        return picture, original(served.collection, picture)

    picture, data = await service.ask(chosen.deployment, work)
    return _cached(request, data, TYPES.get(picture.format, "application/octet-stream"), picture.content[:32])


def _cached(request: Request, data: bytes, kind: str, tag: str) -> Response:
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, max-age=300"}
    if _is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=kind, headers=headers)


def _is_known(request: Request, tag: str) -> bool:
    return f'"{tag}"' in request.headers.get("if-none-match", "")
