"""All parts of one server, for its routes."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from fastapi import Request
from starlette.responses import Response

from lookalike.collection import default_threads
from lookalike.errors import LookalikeError, RequestError
from lookalike.server import intake
from lookalike.server.access_log import AccessLog
from lookalike.server.auth import Auth
from lookalike.server.deployments import Deployments, Served
from lookalike.server.fetching import Fetcher
from lookalike.server.limits import Budget, Share, WorkPool
from lookalike.server.looking import Looking, State
from lookalike.server.metrics import Metrics
from lookalike.server.settings import Settings
from lookalike.server.thumbnails import Thumbnails

T = TypeVar("T")
STANDARD_OUTPUT = 1
KEYS_KEPT = 10_000
KEPT_BYTES = 32 << 20
"""Idempotency keys that are remembered, and bytes of their answers."""

FETCHES = 8
"""Pictures fetched from URLs at once, by threads of their own: a slow server elsewhere holds up no search."""

LOOKING_SECONDS = 10.0
"""How long the end of the server waits for a search for copies to stop."""

_log = logging.getLogger("lookalike.server")


class Service:
    """The parts that the routes of one server share.

    Args:
        settings: what it was told.
        auth: who may do what.
    """

    def __init__(self, settings: Settings, auth: Auth) -> None:
        self.settings, self.auth = settings, auth
        threads = settings.threads or default_threads()
        self.pool = WorkPool("work", threads, settings.waiting, settings.request_seconds)
        # One at a time: a collection takes one writer.
        self.writer = WorkPool("write", 1, settings.waiting, max(60.0, settings.request_seconds))
        self.fetches = WorkPool("fetch", FETCHES, settings.waiting, settings.request_seconds)
        self.fetcher = Fetcher(settings.max_picture_bytes, settings.fetch_seconds)
        self.open = Budget(settings.max_open)
        self.held = Budget(settings.max_held_bytes)
        self.deployments = Deployments(settings.limits)
        self.metrics = Metrics()
        self.access_log = AccessLog(STANDARD_OUTPUT) if settings.access_log else None
        self.thumbnails = Thumbnails()
        self.looking = Looking(max(1, threads // 2))
        self.answers = Answers()
        self.ready = False
        self._reloading = asyncio.Lock()

    async def form(self, request: Request) -> intake.Form:
        """What a request brought; its bytes count until it has been answered."""
        share = request.scope["until_end"].enter_context(self.held.share())
        return await intake.form(request, self.settings, share)

    async def body(self, request: Request, limit: int | None = None) -> bytes:
        """The bytes a request brought; they count until it has been answered.

        Args:
            request: the request.
            limit: so many bytes at most; None for what the settings allow.
        """
        share = request.scope["until_end"].enter_context(self.held.share())
        return await intake.read(request, self.settings, share, limit)

    async def fetched(self, request: Request, url: str) -> intake.Upload:
        """The picture at a URL; its bytes count as if the request had brought them.

        Raises:
            RequestError: 403, this server fetches none; and as `Fetcher.fetch` and `WorkPool.run` do.
        """
        if not self.settings.fetch_urls:
            raise RequestError(
                "this server fetches no URLs: send the picture itself, or switch it on with --fetch-urls "
                "(setting fetch_urls)",
                403,
                "no_fetching",
            )
        coming = Share(self.held)  # the thread's, which may go on when nobody waits for it any more
        data = await self.fetches.run(partial(self.fetcher.fetch, url, coming.take), coming.give_back)
        request.scope["until_end"].enter_context(self.held.share()).take(len(data))
        return intake.Upload("url", url, data)

    async def ask(self, deployment: str, work: Callable[[Served], T]) -> T:
        """What a piece of work gives that reads a collection, done by a thread of the pool."""
        served = self.deployments.enter(deployment)
        return await self.pool.run(partial(work, served), served.leave)

    async def ask_all(self, work: Callable[[str, Served], T]) -> list[T]:
        """What a piece of work gives for each deployment there is at this moment, in the order of names.

        All are entered at once, so that one that is switched away meanwhile still answers.
        """
        entered = self.deployments.enter_all()

        def all_of_it() -> list[T]:
            return [work(name, served) for name, served in entered.items()]

        def leave() -> None:
            for served in entered.values():
                served.leave()

        return await self.pool.run(all_of_it, leave)

    async def change(self, deployment: str, work: Callable[[Served], T]) -> T:
        """What a piece of work gives that writes to a collection, done by the thread that writes."""
        served = self.deployments.enter(deployment)
        return await self.writer.run(partial(work, served), served.leave)

    async def ask_in_turn(self, served: Served, work: Callable[[Served], T]) -> T:
        """As `ask`, for the parts of a large request, which has entered the collection."""
        served.enter()
        return await self.pool.run_in_turn(partial(work, served), served.leave)

    def look_for_copies(self, deployment: str) -> State:
        """Begin to look for copies in all of a collection, if nobody has begun; see `Looking.begin`."""
        served = self.deployments.enter(deployment)
        return self.looking.begin(deployment, served, served.leave)

    def load(self) -> None:
        """Open all that is served.

        Raises:
            CollectionError: one cannot be opened.
        """
        import cv2

        cv2.setNumThreads(1)  # requests are worked on side by side; threads inside each get in the way
        self.deployments.load(self.settings.deployments)
        self.ready = True

    async def reload(self, read: Callable[[], Settings]) -> None:
        """Serve the deployments that the settings name now, each opened anew; on an error nothing changes."""
        async with self._reloading:  # in the order they were asked for, so that the last settings win
            try:
                settings = await asyncio.to_thread(read)
                await asyncio.to_thread(self.deployments.load, settings.deployments)
                self.metrics.switches.inc()
                _log.info("reloaded: %s", ", ".join(self.deployments.names()))
            except LookalikeError as error:
                _log.error("nothing was reloaded: %s", error)

    async def close(self) -> None:
        """Finish what is in work and close the collections."""
        self.ready = False
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self.looking.stop()
        self.fetches.close()
        self.pool.close()
        self.writer.close()
        self.looking.close(LOOKING_SECONDS)
        self.deployments.close()
        if self.access_log:
            self.access_log.close()


class Answers:
    """The answers to requests that carried an Idempotency-Key: the same key gets the same answer."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[str, Response]] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[str, str], content: str) -> Response | None:
        """The answer that was given before; None when there was none.

        Args:
            key: what the key belongs to, and the key.
            content: hash of what the request says.

        Raises:
            RequestError: 422, the key came with another request.
        """
        if key not in self._kept:
            return None
        before, answer = self._kept[key]
        if before != content:
            raise RequestError("this Idempotency-Key came with another request before", 422, "key_reused")
        return answer

    def keep(self, key: tuple[str, str], content: str, answer: Response) -> None:
        """Remember an answer."""
        if key in self._kept:  # the same request came twice at once
            return
        self._kept[key] = content, answer
        self._bytes += len(answer.body)
        while len(self._kept) > KEYS_KEPT or self._bytes > KEPT_BYTES:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._bytes -= len(dropped.body)


def service_of(request: Request) -> Service:
    """The service that answers a request."""
    service: Service = request.app.state.service
    return service
