"""The copies in a whole collection: looking for them, going through them, deciding. No file is ever removed
here: the plan is for `lookalike duplicates apply`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ValidationError

from lookalike.collection import Collection
from lookalike.duplicates import plan as plans
from lookalike.duplicates.stored import MADE, Stored
from lookalike.errors import RequestError
from lookalike.gallery.base import patiently
from lookalike.reports.alignment import described, placement
from lookalike.reports.details import Detail, compared, own
from lookalike.results import DuplicateGroup, as_json
from lookalike.server import openapi
from lookalike.server.auth import reading, writing
from lookalike.server.deployments import Served
from lookalike.server.envelope import Json
from lookalike.server.intake import object_of
from lookalike.server.schemas import answers, questions
from lookalike.server.service import service_of

router = APIRouter(prefix="/v1/duplicates", tags=["duplicates"])
MOST_FAILED = 1000
"""Files that could not be used, of which an answer tells."""
READ, WRITE = [Depends(reading)], [Depends(writing)]


def _stored(served: Served) -> tuple[Stored, tuple[str, ...]]:
    """The copies that were found last and the folders they are in, read once for all pages of them."""

    def make(collection: Collection) -> tuple[Stored, tuple[str, ...]] | None:
        stored = collection.found_duplicates()
        return None if stored is None else (stored, collection.plan(stored.found).roots)

    found = served.kept("duplicates", make)
    if found is None:
        raise RequestError(
            "copies have not been looked for yet: `lookalike duplicates` or POST /v1/duplicates/search does",
            404,
            "no_duplicates",
        )
    return found


def _is_wanted(group: DuplicateGroup, part: questions.GroupsPart) -> bool:
    """Whether a group has a copy that is asked for."""
    pictures = {group.kept.id, *(member.picture.id for member in group.members)}
    return (part.id is None or part.id in pictures) and any(
        (not part.kind or member.kind in part.kind)
        and (not part.doubtful or plans.proposed(member).doubt is not None)
        for member in group.members
    )


def _told(group: DuplicateGroup) -> dict[str, Any]:
    """A group with what a plan proposes, and in words how its copies differ from the picture kept."""
    told: dict[str, Any] = as_json(group)
    told["details"] = _details(own(group.kept))
    for member, copy in zip(group.members, told["members"], strict=True):
        planned = plans.proposed(member)
        copy |= {
            "remove": planned.remove,
            "stays": planned.doubt,
            "placement": placement(group.kept, member),
            "how": described(member),
            "details": _details(compared(group.kept, member)),
        }
    return told


def _details(details: Iterable[Detail]) -> list[dict[str, str]]:
    names = ("name", "value", "comparison", "rank")
    return [dict(zip(names, detail, strict=True)) for detail in details]


@router.get("", dependencies=READ, responses=openapi.answers(answers.DuplicateGroups))
async def groups(request: Request, part: Annotated[questions.GroupsPart, Query()]) -> Response:
    """The copies that were found last in the collection, group by group; 404 when nobody has looked for them.

    What has gone, changed, or was decided to be no duplicate since is left out.
    """

    def work(served: Served) -> dict[str, Any]:
        stored, roots = _stored(served)
        found = stored.found
        wanted = [group for group in found.groups if _is_wanted(group, part)]
        shown = wanted[part.after : part.after + part.limit]
        end = part.after + len(shown)
        going = [copy for group in found.groups for copy in map(plans.proposed, group.members) if copy.remove]
        ids = served.collection.gallery.hashes()[0]
        return {
            "groups": [_told(group) for group in shown],
            "matching": len(wanted),
            "total": len(found.groups),
            "copies": sum(len(group.members) for group in found.groups),
            "kinds": Counter(member.kind for group in found.groups for member in group.members),
            "removals": len(going),
            "bytes": sum(copy.bytes for copy in going),
            "images": found.images,
            "seconds": found.seconds,
            "precision": found.precision,
            "compared": found.compared,
            "graph_recall": found.graph_recall,
            "failed": as_json(found.failed[:MOST_FAILED]),
            "made": stored.made,
            "new": int(np.count_nonzero(ids > stored.last)),
            "roots": roots,
            "next": end if end < len(wanted) else None,
        }

    return Json(await service_of(request).ask(part.deployment, work))


@router.get(
    "/plan",
    dependencies=READ,
    responses={
        **openapi.answers(answers.Plan),
        200: {"model": answers.Plan, "description": "What `lookalike duplicates apply` takes."},
    },
)
async def plan(request: Request, chosen: Annotated[questions.Chosen, Query()]) -> Response:
    """The plan that removes every copy that nothing speaks against, for `lookalike duplicates apply`.

    Its groups are those of `/v1/duplicates`, in their order. Set `remove` to false for what should stay.
    """

    def work(served: Served) -> str:
        return plans.dumps(served.collection.plan(_stored(served)[0].found))

    text = await service_of(request).ask(chosen.deployment, work)
    headers = {"Content-Disposition": 'attachment; filename="plan.json"'}
    return Response(text, media_type="application/json", headers=headers)


@router.get("/search", dependencies=READ, responses=openapi.answers(answers.Looking))
async def looking(request: Request, chosen: Annotated[questions.Chosen, Query()]) -> Response:
    """Whether copies are being looked for, how far that is, and when they were found last."""
    service = service_of(request)
    made = await service.ask(chosen.deployment, lambda served: served.collection.gallery.note(MADE))
    return Json({**asdict(service.looking.state), "made": made})


@router.post(
    "/search",
    status_code=202,
    dependencies=WRITE,
    responses={
        **openapi.answers(answers.Looking, 202),
        409: {"model": answers.Envelope, "description": "Another deployment is looked through."},
    },
)
async def look(request: Request, chosen: Annotated[questions.Chosen, Query()]) -> Response:
    """Begin to look for copies in all of the collection: long work, which goes on after the answer.

    One search at a time is done; while it is, the same request only tells how far it is.
    """
    return Json({**asdict(service_of(request).look_for_copies(chosen.deployment)), "made": None}, 202)


@router.delete("/search", dependencies=WRITE, responses=openapi.answers(answers.Looking))
async def stop(request: Request) -> Response:
    """Stop looking. What was found out about single pictures is kept; the next time goes on from there."""
    return Json({**asdict(service_of(request).looking.stop()), "made": None})


@router.post(
    "/distinct",
    dependencies=WRITE,
    responses=openapi.answers(answers.Decided, body=True),
    openapi_extra=openapi.json_body(questions.Distinct.model_json_schema(), {"ids": [1, 2]}),
)
async def distinct(request: Request, chosen: Annotated[questions.Chosen, Query()]) -> Response:
    """Remember that none of some pictures is a duplicate of another one of them, or forget it."""
    service = service_of(request)
    try:
        wanted = questions.Distinct.model_validate(object_of(await service.body(request)))
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise RequestError(said, 422, "usage") from None

    def work(served: Served) -> int:
        with served.writes:
            return patiently(lambda: served.collection.distinct(wanted.ids, forget=wanted.forget))

    return Json({"pairs": await service.change(chosen.deployment, work)})
