"""Searching, comparing, looking for copies."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from lookalike.collection import Collection
from lookalike.comparing import compare
from lookalike.errors import LookalikeError, RequestError
from lookalike.reports.explanation import shortened
from lookalike.results import as_json
from lookalike.server import openapi
from lookalike.server.asking import asked, name_of, one_picture, only, searching, source, whose
from lookalike.server.auth import reading
from lookalike.server.deployments import Served
from lookalike.server.envelope import Json, body_of, to_json
from lookalike.server.intake import Form, Upload
from lookalike.server.originals import original
from lookalike.server.schemas import answers, examples, questions
from lookalike.server.service import Service, service_of

router = APIRouter(prefix="/v1", tags=["search"], dependencies=[Depends(reading)])
PICTURE = {"picture": "What to search for."}
SIDES = {"also": "Results should look like these as well.", "against": "Results should not look like these."}


@router.post(
    "/search",
    responses=openapi.answers(answers.SearchAnswer, body=True),
    openapi_extra=openapi.body(
        questions.SearchForm,
        PICTURE | SIDES,
        several=("also", "against"),
        either={"picture": ("id", "url")},
        examples={
            "by id": {"id": 3, "k": 3, "where": "in_stock"},
            "by URL": {"url": "https://shop.example/apple.jpg", "k": 3},
        },
    ),
)
async def search(request: Request, query: Annotated[questions.Search, Query()]) -> Response:
    """What looks like a picture: a file, the whole body, the `id` of an indexed one, or a `url`."""
    service = service_of(request)
    form = await service.form(request)
    wanted = asked(questions.SearchForm, query, form.fields)
    only(form, "picture", "also", "against")
    picture = await _fetched(request, one_picture(form, wanted.id, wanted.url))
    return await _answer(service, wanted, picture, form)


async def _fetched(request: Request, picture: Upload | int | str) -> Upload | int:
    """A picture that is asked about, fetched if it is a URL."""
    return await service_of(request).fetched(request, picture) if isinstance(picture, str) else picture


@router.get("/pictures/{id}/similar", responses=openapi.answers(answers.SearchAnswer))
async def similar(
    request: Request, id: questions.PathId, query: Annotated[questions.Question, Query()]
) -> Response:
    """What looks like an indexed picture."""
    wanted = questions.Search.model_validate(query.model_dump(exclude_unset=True))
    return await _answer(service_of(request), wanted, id, Form())


async def _answer(service: Service, wanted: questions.Search, picture: Upload | int, form: Form) -> Response:
    search = _search(service, wanted, picture, form)

    def work(served: Served) -> bytes:
        found = as_json(search(served.with_model(*whose(wanted))))
        return to_json({**found, "query": name_of(picture)})

    done = await service.ask(wanted.deployment, work)
    return Response(done, media_type="application/json")


def _search(
    service: Service, wanted: questions.Guided, picture: Upload | int, form: Form | None = None
) -> Callable[[Collection], Any]:
    also, against = (form.named("also"), form.named("against")) if form else ([], [])
    return searching(wanted, picture, also, against, service.settings.max_k)


@router.get("/facets", responses=openapi.answers(answers.Facets))
async def facets(request: Request, asked: Annotated[questions.Columns, Query()]) -> Response:
    """What one can choose pictures by: the values of columns, and how many pictures have each."""

    def work(served: Served) -> bytes:
        columns = tuple(asked.column)

        def make(collection: Collection) -> bytes:
            found = collection.facets(columns or None, where=asked.where, values=asked.values)
            return to_json(as_json(found))

        return served.kept(("facets", columns, asked.where, asked.values), make)

    done = await service_of(request).ask(asked.deployment, work)
    return Response(done, media_type="application/json")


@router.get("/calibration", responses=openapi.answers(answers.CalibrationAnswer))
async def calibration(request: Request, where: Annotated[questions.Where, Query()]) -> Response:
    """How similarities become probabilities; null until `lookalike calibrate` has found out."""

    def work(served: Served) -> Any:
        return as_json(served.with_model(*whose(where)).calibration)

    return Json({"calibration": await service_of(request).ask(where.deployment, work)})


@router.post(
    "/search/batch",
    response_class=StreamingResponse,
    responses={
        **openapi.answers(None, body=True),
        200: {
            "description": "One line of JSON a picture, in the order of the pictures, as soon as it "
            "is known: an answer as of /v1/search, or `query` and `error`.",
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}, "example": examples.LINES},
            },
        },
    },
    openapi_extra=openapi.body(
        questions.Guided,
        {"picture": "What to search for, one search each."},
        several=("picture",),
        needed=("picture",),
        raw=False,
    ),
)
async def search_batch(request: Request, query: Annotated[questions.Question, Query()]) -> Response:
    """Many searches in one request; the answers are streamed."""
    service = service_of(request)
    form = await service.form(request)
    wanted = asked(questions.Guided, query, form.fields)
    only(form, "picture")
    pictures = [*form.named("picture"), *form.named("body")]
    if not 1 <= len(pictures) <= service.settings.max_batch:
        raise RequestError(
            f"give 1 to {service.settings.max_batch} files in the field 'picture', got {len(pictures)}",
            422,
            "usage",
        )
    searches = [(one.name, _search(service, wanted, one)) for one in pictures]
    served = service.deployments.enter(wanted.deployment)
    told = partial(line, service, served, request.scope["request_id"])
    lines = [partial(told, name, partial(_found, wanted, name, search)) for name, search in searches]
    request.scope["until_end"].callback(served.leave)
    # What is wrong with all of them is said at once.
    await service.ask(wanted.deployment, lambda served: served.with_model(*whose(wanted)))
    return StreamingResponse(_in_order(service, lines), media_type="application/x-ndjson")


async def _in_order(
    service: Service, lines: Sequence[Callable[[], Coroutine[Any, Any, bytes]]]
) -> AsyncIterator[bytes]:
    """The lines in order, while the next ones are worked on."""
    ahead = service.pool.threads + 1
    tasks: deque[asyncio.Task[bytes]] = deque()
    rest = iter(lines)
    try:
        while True:
            for begin in islice(rest, ahead - len(tasks)):
                tasks.append(asyncio.ensure_future(begin()))
            if not tasks:
                return
            yield await tasks.popleft()
    finally:
        for task in tasks:
            task.cancel()


async def line(
    service: Service, served: Served, request_id: str, name: str, work: Callable[[Served], bytes]
) -> bytes:
    """The line of one picture of a batch: its answer, or why there is none. The others go on.

    Args:
        service: does the work.
        served: the collection.
        request_id: of the batch.
        name: what the answer calls the picture.
        work: gives its answer.
    """
    try:
        return await service.ask_in_turn(served, work)
    except LookalikeError as error:
        return to_json({"query": name, **body_of(error, request_id)}) + b"\n"


def _found(wanted: questions.Guided, name: str, search: Callable[[Collection], Any], served: Served) -> bytes:
    found = as_json(search(served.with_model(*whose(wanted))))
    return to_json({**found, "query": name}) + b"\n"


@router.post(
    "/compare",
    responses=openapi.answers(answers.Comparison, body=True),
    openapi_extra=openapi.body(
        questions.PairForm,
        {"first": "One picture.", "second": "Another one."},
        either={"first": ("first_id", "first_url"), "second": ("second_id", "second_url")},
        raw=False,
        examples={
            "by id": {"first_id": 1, "second_id": 2},
            "by URL": {"first_url": "https://shop.example/apple.jpg", "second_id": 2},
        },
    ),
)
async def compare_two(request: Request, query: Annotated[questions.Pair, Query()]) -> Response:
    """How alike two pictures are, and whether one is a copy of the other."""
    service = service_of(request)
    form = await service.form(request)
    wanted = asked(questions.PairForm, query, form.fields)
    only(form, "first", "second")
    given = (
        one_picture(form, wanted.first_id, wanted.first_url, "first"),
        one_picture(form, wanted.second_id, wanted.second_url, "second"),
    )
    pair = [await _fetched(request, one) for one in given]

    def work(served: Served) -> Any:
        collection = served.with_model(*whose(wanted))
        first, second = (_bytes(collection, one) for one in pair)
        return compare(first, second, embedder=collection.embedder, limits=collection.limits)

    return Json(as_json(await service.ask(wanted.deployment, work)))


@router.post(
    "/explain",
    responses=openapi.answers(answers.Explanation, body=True),
    openapi_extra=openapi.body(
        questions.ExplainForm,
        PICTURE | {"found": "What was found."} | SIDES,
        several=("also", "against"),
        either={"picture": ("id", "url"), "found": ("found_id", "found_url")},
        raw=False,
        examples={
            "by id": {"id": 1, "found_id": 2},
            "by URL": {"url": "https://shop.example/apple.jpg", "found_id": 2},
        },
    ),
)
async def explain(request: Request, query: Annotated[questions.Explain, Query()]) -> Response:
    """Which parts of two pictures make them alike: their similarity, split over the places of both.

    With `also`, `against` and `region` it is the similarity that a search with these finds.
    """
    service = service_of(request)
    form = await service.form(request)
    wanted = asked(questions.ExplainForm, query, form.fields)
    only(form, "picture", "found", "also", "against")
    asked_about = (
        one_picture(form, wanted.id, wanted.url),
        one_picture(form, wanted.found_id, wanted.found_url, "found"),
    )
    picture, found = [await _fetched(request, one) for one in asked_about]
    also: list[Upload | int] = [*form.named("also"), *wanted.also_id]
    against: list[Upload | int] = [*form.named("against"), *wanted.against_id]

    def work(served: Served) -> bytes:
        collection = served.with_model(*whose(wanted))
        if not collection.embedder.has_map:
            raise RequestError("the model has no feature map: nothing can be explained", 422, "no_map")
        given = [picture, *also, *against]
        asked_for = [_bytes(collection, one) for one in given]
        explained = collection.explain(
            asked_for[0],
            _bytes(collection, found),
            also=asked_for[1 : len(also) + 1],
            against=asked_for[len(also) + 1 :],
            region=wanted.region,
        )
        named = zip([*given, found], [*explained.queries, explained.found], strict=True)
        heats = [replace(heat, picture=name_of(one)) for one, heat in named]
        return to_json(shortened(as_json(replace(explained, queries=tuple(heats[:-1]), found=heats[-1]))))

    return Response(await service.ask(wanted.deployment, work), media_type="application/json")


def _bytes(collection: Collection, picture: Upload | int) -> bytes:
    if isinstance(picture, Upload):
        return picture.data
    return original(collection, collection.picture(picture))


@router.post(
    "/duplicates",
    responses=openapi.answers(answers.Copies, body=True),
    openapi_extra=openapi.body(
        questions.KnownForm,
        {"picture": "Is this one there already?"},
        either={"picture": ("id", "url")},
        examples={"by id": {"id": 3}, "by URL": {"url": "https://shop.example/apple.jpg"}},
    ),
)
async def duplicates(request: Request, query: Annotated[questions.Known, Query()]) -> Response:
    """Which pictures of the collection a picture is a copy of: the same bytes or pixels, or edited."""
    service = service_of(request)
    form = await service.form(request)
    wanted = asked(questions.KnownForm, query, form.fields)
    only(form, "picture")
    picture = await _fetched(request, one_picture(form, wanted.id, wanted.url))

    def work(served: Served) -> Any:
        collection = served.with_model(*whose(wanted))
        return collection.copies(source(picture), precision=wanted.precision, candidates=wanted.candidates)

    return Json({**as_json(await service.ask(wanted.deployment, work)), "query": name_of(picture)})
