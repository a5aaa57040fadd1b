"""A collection on a server, with the methods of `Collection`."""

from __future__ import annotations

import json
import os
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from lookalike.client import answers
from lookalike.client.connection import Connection
from lookalike.client.sending import Asked, fields, files_first, name_of, picture_part
from lookalike.errors import RequestError
from lookalike.progress import Stages
from lookalike.results import (
    Calibration,
    Cluster,
    CollectionInfo,
    Comparison,
    Copies,
    Duplicates,
    Explanation,
    Facets,
    Failure,
    Grouping,
    MapPoint,
    Metadata,
    ModelInfo,
    SearchResult,
    StoredPicture,
)

POLL_SECONDS = 0.5
"""How often a long search is asked how far it is."""


class Client:
    """A collection that a server answers for. Safe to use from several threads; each has its connection.

    Args:
        url: of the server, e.g. `http://127.0.0.1:8000`.
        token: what it wants to see; None for none.
        deployment: which of its collections.
        timeout: seconds to wait for an answer.
        context: how certificates are checked with https; None for the system's way.

    Raises:
        UsageError: the address is no http or https one.

    All methods raise `RequestError` when the server cannot be reached or refuses, and the errors of
    `Collection` for what these are about.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        deployment: str = "default",
        timeout: float = 60.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._server = Connection(url, token, deployment, timeout, context)

    # --- searching ---------------------------------------------------------------------------

    def search(
        self,
        picture: Asked,
        k: int = 10,
        *,
        also: Iterable[Asked] = (),
        against: Iterable[Asked] = (),
        region: object = None,
        where: str | None = None,
        threshold: float | None = None,
        exact: bool = False,
        include_self: bool = False,
        model: str | None = None,
    ) -> SearchResult:
        """The pictures that look most like this one; see `Collection.search`.

        Args:
            picture: a path, bytes, or the id of an indexed picture. A path is read here.
            k: how many at most.
            also: further pictures the results should look like.
            against: pictures they should not look like.
            region: the part of `picture` that matters, a `Region` or text.
            where: a filter expression.
            threshold: least similarity.
            exact: forbid approximation.
            include_self: keep the query pictures themselves.
            model: another model of the deployment.
        """
        asked = {"k": k, "where": where, "threshold": threshold, "model": model}
        asked |= {"region": None if region is None else str(region)}
        parts = [
            *picture_part("picture", "id", picture),
            *(part for one in also for part in picture_part("also", "also_id", one)),
            *(part for one in against for part in picture_part("against", "against_id", one)),
            *fields({**asked, "exact": exact or None, "include_self": include_self or None}),
        ]
        return answers.search_result(self._server.form("/v1/search", parts), name_of(picture))

    def search_many(
        self, pictures: Sequence[str | os.PathLike[str] | bytes], k: int = 10, *, where: str | None = None
    ) -> Iterator[SearchResult | Failure]:
        """Many searches in one request, in the order of the pictures; a picture that cannot be used gives a
        `Failure` in its place."""
        parts = [part for one in pictures for part in picture_part("picture", "", one)]
        answer = self._server.post("/v1/search/batch", [*parts, *fields({"k": k, "where": where})])
        for one, line in zip(pictures, answer.splitlines(), strict=True):
            found = json.loads(line)
            if "error" in found:
                yield Failure(name_of(one), found["error"]["message"])
            else:
                yield answers.search_result(found, name_of(one))

    def compare(self, first: Asked, second: Asked) -> Comparison:
        """How alike two pictures are, and whether one is a copy of the other."""
        parts = [
            *picture_part("first", "first_id", first),
            *picture_part("second", "second_id", second),
        ]
        found = self._server.form("/v1/compare", parts)
        return Comparison(
            found["similarity"],
            found["verdict"],
            found["probability"],
            found["overlap"],
            answers.rows(found["transform"]),
        )

    def explain(
        self,
        query: Asked,
        picture: Asked,
        *,
        also: Iterable[Asked] = (),
        against: Iterable[Asked] = (),
        region: object = None,
        model: str | None = None,
    ) -> Explanation:
        """Which parts of the pictures make them as alike as `search` says; see `Collection.explain`.

        Of several pictures for, or against, those given by id are told last.

        Args:
            query: a path, bytes, or the id of an indexed picture. A path is read here.
            picture: likewise: what was found.
            also: as for `search`.
            against: as for `search`.
            region: as for `search`.
            model: another model of the deployment.
        """
        also, against = list(also), list(against)
        parts = [
            *picture_part("picture", "id", query),
            *picture_part("found", "found_id", picture),
            *(part for one in also for part in picture_part("also", "also_id", one)),
            *(part for one in against for part in picture_part("against", "against_id", one)),
            *fields({"region": None if region is None else str(region), "model": model}),
        ]
        found = self._server.form("/v1/explain", parts)
        names = [name_of(one) for one in [query, *files_first(also), *files_first(against)]]
        return Explanation(
            found["similarity"],
            tuple(answers.heat(one, name) for one, name in zip(found["queries"], names, strict=True)),
            answers.heat(found["found"], name_of(picture)),
            answers.rows(found["pairs"]),
        )

    def copies(self, picture: Asked, *, precision: float = 0.99, candidates: int = 20) -> Copies:
        """Which pictures of the collection one picture is a copy of; see `Collection.copies`."""
        asked = fields({"precision": precision, "candidates": candidates})
        found = self._server.form("/v1/duplicates", [*picture_part("picture", "id", picture), *asked])
        return Copies(
            name_of(picture),
            tuple(answers.copy(one) for one in found["copies"]),
            found["compared"],
            tuple(Failure(**one) for one in found["failed"]),
        )

    def duplicates(self, *, progress: Stages | None = None) -> Duplicates:
        """The copies in the collection: looked for anew, which takes a while; see `Collection.duplicates`.

        Args:
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            RequestError: it failed, or somebody has stopped it.
        """
        state = self._server.json("POST", "/v1/duplicates/search")
        while state["state"] == "running":
            if progress:
                progress(state["stage"], state["done"], state["total"])
            time.sleep(POLL_SECONDS)
            state = self._server.json("GET", "/v1/duplicates/search")
        if state["state"] != "done":
            raise RequestError(f"the search for copies {state['state']}: {state['message']}".rstrip(": "))
        found = self.found_duplicates()
        if found is None:
            raise RequestError("the copies that were found are not there any more: look for them again")
        return found

    def found_duplicates(self) -> Duplicates | None:
        """The copies that were found last, as far as they are still there; None when nobody has looked."""
        try:
            page = self._server.json("GET", "/v1/duplicates", limit=1000)
        except RequestError as error:
            if error.code == "no_duplicates":
                return None
            raise
        groups = [answers.group(one) for one in page["groups"]]
        while page["next"] is not None:
            page = self._server.json("GET", "/v1/duplicates", limit=1000, after=page["next"])
            groups += [answers.group(one) for one in page["groups"]]
        return Duplicates(
            tuple(groups),
            page["images"],
            page["seconds"],
            page["precision"],
            page["compared"],
            page["graph_recall"],
            failed=tuple(Failure(**one) for one in page["failed"]),
        )

    def plan(self) -> bytes:
        """The plan that removes the copies that were found last, the file that `lookalike duplicates apply`
        takes. The server removes nothing."""
        return self._server.get("/v1/duplicates/plan")

    def distinct(self, pictures: Sequence[int], *, forget: bool = False) -> int:
        """Remember that none of these pictures is a duplicate of another one; see `Collection.distinct`."""
        told = {"ids": [int(one) for one in pictures], "forget": forget}
        return int(self._server.tell("POST", "/v1/duplicates/distinct", told)["pairs"])

    # --- pictures ----------------------------------------------------------------------------

    def add(
        self,
        pictures: Asked | Iterable[str | os.PathLike[str] | bytes],
        *,
        metadata: Metadata | Sequence[Metadata] | None = None,
    ) -> list[StoredPicture | Failure]:
        """Upload pictures and add them. The same bytes are one picture, however often they are added.

        Args:
            pictures: a path or bytes, or several.
            metadata: what is known about all of them, or about each.

        Returns:
            For each picture, in order, what the collection has of it, or why it cannot be used.
        """
        several = [pictures] if isinstance(pictures, (str, bytes, os.PathLike)) else list(pictures)  # type: ignore[arg-type]
        told = [metadata] if isinstance(metadata, Mapping) else list(metadata or ())
        parts = [part for one in several for part in picture_part("picture", "", one)]
        parts += [("metadata", json.dumps(dict(one)), None) for one in told]
        found = self._server.form("/v1/pictures", parts)
        good, bad = iter(found["pictures"]), {one["index"]: one for one in found["failed"]}
        return [
            Failure(name_of(one), bad[place]["reason"]) if place in bad else answers.stored(next(good))
            for place, one in enumerate(several)
        ]

    def picture(self, id: int) -> StoredPicture:
        """What is known about a picture."""
        return answers.stored(self._server.json("GET", f"/v1/pictures/{int(id)}"))

    def pictures(self, where: str | None = None) -> Iterator[StoredPicture]:
        """The pictures by ascending id, fetched page by page."""
        after: int | None = 0
        while after is not None:
            page = self._server.json("GET", "/v1/pictures", limit=1000, after=after, where=where)
            yield from (answers.stored(one) for one in page["pictures"])
            after = page["next"]

    def facets(
        self, columns: Sequence[str] | None = None, *, where: str | None = None, values: int = 20
    ) -> Facets:
        """Which values pictures have, and how many have each; see `Collection.facets`."""
        found = self._server.json("GET", "/v1/facets", column=columns, where=where, values=values)
        return Facets(found["pictures"], tuple(answers.facet(one) for one in found["facets"]))

    def set_metadata(self, id: int, metadata: Metadata, *, replace: bool = False) -> StoredPicture:
        """Change what is known about a picture: None forgets a value, and what is not named stays unless
        `replace` is true."""
        path = f"/v1/pictures/{int(id)}/metadata"
        return answers.stored(self._server.tell("PUT" if replace else "PATCH", path, dict(metadata)))

    def remove(self, pictures: Iterable[int] = (), *, where: str | None = None) -> list[str]:
        """Take pictures out of the collection, by id and by a filter; files are never touched. Gives their
        paths."""
        ids = [*pictures, *((one.id for one in list(self.pictures(where))) if where is not None else ())]
        paths: list[str] = []
        for one in sorted(set(ids)):
            paths += self._server.json("DELETE", f"/v1/pictures/{int(one)}")["removed"]
        return paths

    def thumbnail(self, id: int, side: int = 320) -> bytes | None:
        """A small JPEG of a picture; None when its file is gone."""
        try:
            return self._server.get(f"/v1/pictures/{int(id)}/thumbnail", side=side)
        except RequestError as error:
            if error.code == "no_original":
                return None
            raise

    def original(self, id: int) -> bytes:
        """The file of a picture, byte for byte."""
        return self._server.get(f"/v1/pictures/{int(id)}/original")

    def kept_clusters(self, *, members: int = 8) -> list[Cluster] | None:
        """The clusters that `lookalike cluster` kept last, the largest first; None when there are none.

        Args:
            members: how many of the most typical pictures of each are told, at most 200. They, and the
                medoid, are told as `#ID`.
        """
        found: list[Cluster] = []
        after: int | None = 0
        while after is not None:
            try:
                page = self._server.json("GET", "/v1/clusters", limit=200, after=after, members=members)
            except RequestError as error:
                if error.code == "no_clusters":
                    return None
                raise
            found += [answers.cluster(one) for one in page["clusters"]]
            after = page["next"]
        return found

    def map(self) -> tuple[MapPoint, ...] | None:
        """Where the pictures lie in the plane, near to each other what looks alike; None when
        `lookalike map map.html` has not laid them out."""
        try:
            found = self._server.json("GET", "/v1/map")
        except RequestError as error:
            if error.code == "no_map_yet":
                return None
            raise
        ids, places, folder = (
            answers.unpacked(one) for one in (found["ids"], found["places"], found["paths"]["folder"])
        )
        folders, names = found["paths"]["folders"], found["paths"]["names"]
        return tuple(
            MapPoint(int(id), folders[folder[i]] + name, places[2 * i] / 65535, 1 - places[2 * i + 1] / 65535)
            for i, (id, name) in enumerate(zip(ids, names, strict=True))
        )

    @property
    def calibration(self) -> Calibration | None:
        """The curve that makes chances of similarities; None until `lookalike calibrate` has fitted one."""
        curve = self._server.json("GET", "/v1/calibration")["calibration"]
        return None if curve is None else Calibration(**curve)

    # --- the server --------------------------------------------------------------------------

    def info(self) -> CollectionInfo:
        """What is in the collection."""
        found = self._server.json("GET", "/v1/info")
        models = tuple(ModelInfo(**one) for one in found.pop("models"))
        kept = found.pop("clusters")
        derived = ("bytes_per_image", "smaller")
        return CollectionInfo(
            models=models,
            clusters=Grouping(**kept) if kept else None,
            **{name: value for name, value in found.items() if name not in derived},
        )

    def switch(self, to: str) -> None:
        """Let the client's deployment mean, from now on, what another one means."""
        body = json.dumps({"to": to}).encode()
        path = f"/v1/deployments/{quote(self.deployment, safe='')}"
        self._server.request("PUT", path, body, {"Content-Type": "application/json"})

    def is_ready(self) -> bool:
        """Whether the server answers, and can."""
        try:
            self._server.request("GET", "/v1/ready")
        except RequestError:
            return False
        return True

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._server.url

    @property
    def deployment(self) -> str:
        """Which of its collections."""
        return self._server.deployment

    def close(self) -> None:
        """Close the connections. Closing twice is harmless."""
        self._server.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
