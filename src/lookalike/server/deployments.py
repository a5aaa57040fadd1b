"""Collections under names, switched from one moment to the next without a request that fails.

A request uses the collection that its deployment's name meant when it began, to its end. A new one is
opened, and its model and index loaded, before the name means it; the old one is closed when its last
request has ended.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from lookalike.collection import Collection
from lookalike.embedder import reference_picture
from lookalike.errors import CollectionError, LookalikeError, RequestError
from lookalike.images import Limits
from lookalike.results import Clusters
from lookalike.server.settings import Source

T = TypeVar("T")

_KEPT_SECONDS = 60.0  # so coarse may be the times of files by which writing is noticed
_MOST_KEPT = 100

_log = logging.getLogger("lookalike.server")


class Served:
    """One collection, open with one model and, where asked for, with others.

    Args:
        source: where it is.
        limits: what a picture that is asked about may cost.
    """

    def __init__(self, source: Source, limits: Limits) -> None:
        self.source = source
        self.collection = Collection.open(
            source.collection,
            model=source.model,
            output=source.output,
            runtime=source.runtime,
            limits=limits,
        )
        self.writes = threading.Lock()
        self._others: dict[str, Collection] = {}
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._kept_of, self._kept_since = "", 0.0
        self._clusters: tuple[bytes, Clusters | None] | None = None
        self._users = 0
        self._retired = False

    def warm(self) -> None:
        """Load what the first request would wait for. Raises what is wrong with the collection."""
        self.collection.search(reference_picture(), 1)

    def with_model(self, model: str | None, output: str | None, runtime: str | None) -> Collection:
        """The same collection with the vectors of another of its models; None means any.

        Raises:
            RequestError: 404, it has none of that model. A name is only ever compared with those that
                the collection knows, and never taken for a path.
        """
        if model is None and output is None and runtime is None:
            return self.collection
        for space in self.collection.gallery.spaces():
            if (
                model in (None, space.model)
                and output in (None, space.output)
                and runtime in (None, space.runtime)
            ):
                return self._other(space.identity, space.model, space.output, space.runtime)
        raise RequestError("this deployment has no vectors of that model: see /v1/info", 404, "no_such_model")

    def _other(self, identity: str, model: str, output: str, runtime: str) -> Collection:
        if identity == self.collection.space.identity:
            return self.collection
        with self._lock:
            if identity not in self._others:
                self._others[identity] = Collection.open(
                    self.source.collection,
                    model=model,
                    output=output,
                    runtime=runtime,
                    limits=self.collection.limits,
                )
            return self._others[identity]

    def clusters(self) -> Clusters | None:
        """The clusters that are kept with the collection, described once for each set of them."""
        partition = self.collection.gallery.partition()
        if partition is None:
            return None
        parts = (partition.ids.tobytes(), partition.clusters.tobytes(), partition.about.encode())
        key = hashlib.sha256(b"".join([self.collection.space.identity.encode(), *parts])).digest()
        with self._lock:
            if self._clusters is not None and self._clusters[0] == key:
                return self._clusters[1]
        found = self.collection.kept_clusters()
        with self._lock:
            self._clusters = key, found
        return found

    def kept(self, asked: Hashable, make: Callable[[Collection], T]) -> T:
        """What is made of the collection, kept until something is written, or for a minute.

        Args:
            asked: what that depends on besides the collection.
            make: makes it.
        """
        stamp, now = self.collection.gallery.stamp(), time.monotonic()
        with self._lock:
            if stamp != self._kept_of or now - self._kept_since > _KEPT_SECONDS:
                self._kept.clear()
                self._kept_of, self._kept_since = stamp, now
            if asked in self._kept:
                self._kept.move_to_end(asked)
                kept: T = self._kept[asked]
                return kept
        made = make(self.collection)
        with self._lock:
            if stamp == self._kept_of:  # nothing was written meanwhile
                self._kept[asked] = made
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return made

    # --- its end ---------------------------------------------------------------------------------

    def enter(self) -> None:
        """One more request uses it."""
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        """One request less uses it."""
        with self._lock:
            self._users -= 1
            last = self._retired and not self._users
        if last:
            self._close()

    def retire(self) -> None:
        """Close it as soon as nobody uses it any more."""
        with self._lock:
            first, self._retired = not self._retired, True
            unused = first and not self._users
        if unused:
            self._close()

    def _close(self) -> None:
        for collection in (self.collection, *self._others.values()):
            collection.close()


class Deployments:
    """What is served, by name. Safe to use from several threads.

    Args:
        limits: what a picture that is asked about may cost.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._named: dict[str, Served] = {}

    def load(self, sources: Mapping[str, Source]) -> None:
        """Serve these from now on, and nothing else. All or, when one cannot be opened, nothing changes.

        Raises:
            CollectionError: what is wrong with one of them, with its name.
        """
        opened: dict[str, Served] = {}
        try:
            for name, source in sources.items():
                opened[name] = Served(source, self._limits)
                opened[name].warm()
        except LookalikeError as error:
            for served in opened.values():
                served.retire()
            raise CollectionError(f"deployment {list(opened)[-1]}: {error}") from error
        with self._lock:
            before, self._named = self._named, opened
        _retire_unused(before, opened)

    def switch(self, name: str, to: str) -> None:
        """Let a name mean what another one means, from this moment on.

        Raises:
            RequestError: 404, one of them is unknown.
        """
        with self._lock:
            self._get(name)
            after = {**self._named, name: self._get(to)}
            before, self._named = self._named, after
        _log.info("deployment %s is now what %s is", name, to)
        _retire_unused(before, after)

    def enter(self, name: str) -> Served:
        """What a name means now, open until `leave` is called.

        Raises:
            RequestError: 404, there is no such deployment.
        """
        with self._lock:
            served = self._get(name)
            served.enter()
            return served

    def enter_all(self) -> dict[str, Served]:
        """What every name means now, in the names' order, each open until `leave` is called."""
        with self._lock:
            now = dict(sorted(self._named.items()))
            for served in now.values():
                served.enter()
            return now

    def names(self) -> list[str]:
        """The names, in order."""
        with self._lock:
            return sorted(self._named)

    def _get(self, name: str) -> Served:
        if name not in self._named:
            raise RequestError(
                f"there is no deployment {name!r}: see /v1/deployments", 404, "no_such_deployment"
            )
        return self._named[name]

    def close(self) -> None:
        """Close all, each when its last request has ended."""
        with self._lock:
            before, self._named = self._named, {}
        _retire_unused(before, {})


def _retire_unused(before: Mapping[str, Served], after: Mapping[str, Served]) -> None:
    kept = {id(served) for served in after.values()}
    for served in before.values():
        if id(served) not in kept:
            served.retire()
