"""A collection on a server, with the methods of `Collection`: the standard library is all it needs.

from lookalike.client import Client

with Client("http://127.0.0.1:8000", token="…") as shop:
    for hit in shop.search("query.jpg", k=3, where="in_stock").results:
        print(hit.rank, hit.id, hit.similarity)
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import struct
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from lookalike import files
from lookalike.errors import (
    CollectionBusy,
    CollectionError,
    CollectionNotFound,
    LookalikeError,
    ModelError,
    NotInCollection,
    PictureError,
    RequestError,
    UsageError,
)
from lookalike.progress import Stages
from lookalike.results import (
    Calibration,
    Cluster,
    CollectionInfo,
    Comparison,
    Copies,
    Copy,
    DuplicateGroup,
    Duplicates,
    Explanation,
    Facet,
    Facets,
    Failure,
    Grouping,
    Heat,
    Hit,
    MapPoint,
    Metadata,
    ModelInfo,
    NearCluster,
    PictureFacts,
    SearchResult,
    StoredPicture,
    ValueCount,
)

Asked = str | os.PathLike[str] | bytes | int
"""A picture: a path, the bytes of a file, or the id of an indexed one."""

POLL_SECONDS = 0.5
"""How often a long search is asked how far it is."""

MAX_BYTES = 512 << 20
_ERRORS: dict[str, type[LookalikeError]] = {
    "filter": UsageError,
    "usage": UsageError,
    "picture": PictureError,
    "not_in_collection": NotInCollection,
    "collection": CollectionError,
    "collection_busy": CollectionBusy,
    "collection_not_found": CollectionNotFound,
    "model": ModelError,
}
_Part = tuple[str, "bytes | str", "str | None"]


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
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"url must be like http://127.0.0.1:8000, got {url!r}")
        self.url, self.deployment = url.rstrip("/"), deployment
        self._parts, self._timeout, self._context = parts, timeout, context
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._local = threading.local()
        self._open: list[http.client.HTTPConnection] = []

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
            *_picture("picture", "id", picture),
            *(part for one in also for part in _picture("also", "also_id", one)),
            *(part for one in against for part in _picture("against", "against_id", one)),
            *_fields({**asked, "exact": exact or None, "include_self": include_self or None}),
        ]
        return _search_result(self._form("/v1/search", parts), _name(picture))

    def search_many(
        self, pictures: Sequence[str | os.PathLike[str] | bytes], k: int = 10, *, where: str | None = None
    ) -> Iterator[SearchResult | Failure]:
        """Many searches in one request, in the order of the pictures; a picture that cannot be used gives a
        `Failure` in its place."""
        parts = [part for one in pictures for part in _picture("picture", "", one)]
        body, kind = _multipart([*parts, *_fields({"k": k, "where": where})])
        answer = self._request("POST", self._path("/v1/search/batch"), body, {"Content-Type": kind})
        for one, line in zip(pictures, answer.splitlines(), strict=True):
            found = json.loads(line)
            if "error" in found:
                yield Failure(_name(one), found["error"]["message"])
            else:
                yield _search_result(found, _name(one))

    def compare(self, first: Asked, second: Asked) -> Comparison:
        """How alike two pictures are, and whether one is a copy of the other."""
        parts = [*_picture("first", "first_id", first), *_picture("second", "second_id", second)]
        found = self._form("/v1/compare", parts)
        return Comparison(
            found["similarity"],
            found["verdict"],
            found["probability"],
            found["overlap"],
            _rows(found["transform"]),
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
            *_picture("picture", "id", query),
            *_picture("found", "found_id", picture),
            *(part for one in also for part in _picture("also", "also_id", one)),
            *(part for one in against for part in _picture("against", "against_id", one)),
            *_fields({"region": None if region is None else str(region), "model": model}),
        ]
        found = self._form("/v1/explain", parts)
        names = [_name(one) for one in [query, *_files_first(also), *_files_first(against)]]
        return Explanation(
            found["similarity"],
            tuple(_heat(one, name) for one, name in zip(found["queries"], names, strict=True)),
            _heat(found["found"], _name(picture)),
            _rows(found["pairs"]),
        )

    def copies(self, picture: Asked, *, precision: float = 0.99, candidates: int = 20) -> Copies:
        """Which pictures of the collection one picture is a copy of; see `Collection.copies`."""
        asked = _fields({"precision": precision, "candidates": candidates})
        found = self._form("/v1/duplicates", [*_picture("picture", "id", picture), *asked])
        return Copies(
            _name(picture),
            tuple(_copy(one) for one in found["copies"]),
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
        state = json.loads(self._request("POST", self._path("/v1/duplicates/search")))
        while state["state"] == "running":
            if progress:
                progress(state["stage"], state["done"], state["total"])
            time.sleep(POLL_SECONDS)
            state = self._json("GET", "/v1/duplicates/search")
        if state["state"] != "done":
            raise RequestError(f"the search for copies {state['state']}: {state['message']}".rstrip(": "))
        found = self.found_duplicates()
        if found is None:
            raise RequestError("the copies that were found are not there any more: look for them again")
        return found

    def found_duplicates(self) -> Duplicates | None:
        """The copies that were found last, as far as they are still there; None when nobody has looked."""
        try:
            page = self._json("GET", "/v1/duplicates", limit=1000)
        except RequestError as error:
            if error.code == "no_duplicates":
                return None
            raise
        groups = [_group(one) for one in page["groups"]]
        while page["next"] is not None:
            page = self._json("GET", "/v1/duplicates", limit=1000, after=page["next"])
            groups += [_group(one) for one in page["groups"]]
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
        return self._request("GET", self._path("/v1/duplicates/plan"))

    def distinct(self, pictures: Sequence[int], *, forget: bool = False) -> int:
        """Remember that none of these pictures is a duplicate of another one; see `Collection.distinct`."""
        body = json.dumps({"ids": [int(one) for one in pictures], "forget": forget}).encode()
        path = self._path("/v1/duplicates/distinct")
        answer = self._request("POST", path, body, {"Content-Type": "application/json"})
        return int(json.loads(answer)["pairs"])

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
        parts = [part for one in several for part in _picture("picture", "", one)]
        parts += [("metadata", json.dumps(dict(one)), None) for one in told]
        found = self._form("/v1/pictures", parts)
        good, bad = iter(found["pictures"]), {one["index"]: one for one in found["failed"]}
        return [
            Failure(_name(one), bad[place]["reason"]) if place in bad else _stored(next(good))
            for place, one in enumerate(several)
        ]

    def picture(self, id: int) -> StoredPicture:
        """What is known about a picture."""
        return _stored(self._json("GET", f"/v1/pictures/{int(id)}"))

    def pictures(self, where: str | None = None) -> Iterator[StoredPicture]:
        """The pictures by ascending id, fetched page by page."""
        after: int | None = 0
        while after is not None:
            page = self._json("GET", "/v1/pictures", limit=1000, after=after, where=where)
            yield from (_stored(one) for one in page["pictures"])
            after = page["next"]

    def facets(
        self, columns: Sequence[str] | None = None, *, where: str | None = None, values: int = 20
    ) -> Facets:
        """Which values pictures have, and how many have each; see `Collection.facets`."""
        found = self._json("GET", "/v1/facets", column=columns, where=where, values=values)
        return Facets(found["pictures"], tuple(_facet(one) for one in found["facets"]))

    def set_metadata(self, id: int, metadata: Metadata, *, replace: bool = False) -> StoredPicture:
        """Change what is known about a picture: None forgets a value, and what is not named stays unless
        `replace` is true."""
        body = json.dumps(dict(metadata)).encode()
        method, path = "PUT" if replace else "PATCH", self._path(f"/v1/pictures/{int(id)}/metadata")
        return _stored(json.loads(self._request(method, path, body, {"Content-Type": "application/json"})))

    def remove(self, pictures: Iterable[int] = (), *, where: str | None = None) -> list[str]:
        """Take pictures out of the collection, by id and by a filter; files are never touched. Gives their
        paths."""
        ids = [*pictures, *((one.id for one in list(self.pictures(where))) if where is not None else ())]
        paths: list[str] = []
        for one in sorted(set(ids)):
            paths += self._json("DELETE", f"/v1/pictures/{int(one)}")["removed"]
        return paths

    def thumbnail(self, id: int, side: int = 320) -> bytes | None:
        """A small JPEG of a picture; None when its file is gone."""
        try:
            return self._request("GET", self._path(f"/v1/pictures/{int(id)}/thumbnail", side=side))
        except RequestError as error:
            if error.code == "no_original":
                return None
            raise

    def original(self, id: int) -> bytes:
        """The file of a picture, byte for byte."""
        return self._request("GET", self._path(f"/v1/pictures/{int(id)}/original"))

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
                page = self._json("GET", "/v1/clusters", limit=200, after=after, members=members)
            except RequestError as error:
                if error.code == "no_clusters":
                    return None
                raise
            found += [_cluster(one) for one in page["clusters"]]
            after = page["next"]
        return found

    def map(self) -> tuple[MapPoint, ...] | None:
        """Where the pictures lie in the plane, near to each other what looks alike; None when
        `lookalike map map.html` has not laid them out."""
        try:
            found = self._json("GET", "/v1/map")
        except RequestError as error:
            if error.code == "no_map_yet":
                return None
            raise
        ids, places, folder = (
            _unpacked(one) for one in (found["ids"], found["places"], found["paths"]["folder"])
        )
        folders, names = found["paths"]["folders"], found["paths"]["names"]
        return tuple(
            MapPoint(int(id), folders[folder[i]] + name, places[2 * i] / 65535, 1 - places[2 * i + 1] / 65535)
            for i, (id, name) in enumerate(zip(ids, names, strict=True))
        )

    @property
    def calibration(self) -> Calibration | None:
        """The curve that makes chances of similarities; None until `lookalike calibrate` has fitted one."""
        curve = self._json("GET", "/v1/calibration")["calibration"]
        return None if curve is None else Calibration(**curve)

    # --- the server --------------------------------------------------------------------------

    def info(self) -> CollectionInfo:
        """What is in the collection."""
        found = self._json("GET", "/v1/info")
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
        self._request("PUT", path, body, {"Content-Type": "application/json"})

    def is_ready(self) -> bool:
        """Whether the server answers, and can."""
        try:
            self._request("GET", "/v1/ready")
        except RequestError:
            return False
        return True

    # --- requests ----------------------------------------------------------------------------

    def _path(self, path: str, **query: Any) -> str:
        given = {"deployment": self.deployment, **query}
        told = {name: value for name, value in given.items() if value is not None}
        return f"{path}?{urlencode(told, doseq=True)}"

    def _json(self, method: str, path: str, **query: Any) -> Any:
        return json.loads(self._request(method, self._path(path, **query)))

    def _form(self, path: str, parts: Sequence[_Part]) -> Any:
        body, kind = _multipart(parts)
        return json.loads(self._request("POST", self._path(path), body, {"Content-Type": kind}))

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        for last in (False, True):
            connection = self._connection()
            try:
                connection.request(
                    method, self._parts.path + path, body, {**self._headers, **(headers or {})}
                )
                answer = connection.getresponse()
                data = answer.read()
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                # The server may have closed a connection that was not used for a while; every request may
                # be repeated, adding included. (A removal done already is then told as NotInCollection.)
                if last or isinstance(error, TimeoutError):
                    reason = str(error) or type(error).__name__
                    raise RequestError(f"{self.url} cannot be reached: {reason}") from error
                continue
            if answer.status >= 400:
                raise _error(answer, data)
            return data
        raise AssertionError

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            host, port = self._parts.hostname or "", self._parts.port
            if self._parts.scheme == "https":
                connection = http.client.HTTPSConnection(
                    host, port, timeout=self._timeout, context=self._context
                )
            else:
                connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
            self._local.connection = connection
            self._open.append(connection)
        return connection

    def close(self) -> None:
        """Close the connections. Closing twice is harmless."""
        for connection in self._open:
            connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _error(answer: http.client.HTTPResponse, data: bytes) -> LookalikeError:
    try:
        said = json.loads(data)["error"]
        code, message = str(said["code"]), str(said["message"])
    except (ValueError, KeyError, TypeError):
        code, message = "", f"the server answered {answer.status} {answer.reason}"
    kind = _ERRORS.get(code)
    if kind is not None:
        return kind(message)
    if answer.status == 401:  # what the server says is for those who write the header themselves
        message = 'the server wants to see a valid token: Client(url, token="…")'
    after = answer.headers.get("Retry-After", "")
    return RequestError(message, answer.status, code, int(after) if after.isdecimal() else None)


# --- what is sent -----------------------------------------------------------------------------


def _picture(file: str, number: str, picture: Asked) -> list[_Part]:
    if isinstance(picture, int):
        return [(number, str(picture), None)]
    if isinstance(picture, bytes):
        return [(file, picture, "picture")]
    return [(file, files.read(picture, max_bytes=MAX_BYTES), os.path.basename(os.fspath(picture)))]


def _files_first(pictures: Iterable[Asked]) -> list[Asked]:
    """Pictures in the order in which a server takes them from a form."""
    return sorted(pictures, key=lambda one: isinstance(one, int))


def _fields(values: Mapping[str, Any]) -> list[_Part]:
    return [(name, str(value), None) for name, value in values.items() if value is not None]


def _multipart(parts: Sequence[_Part]) -> tuple[bytes, str]:
    """The body and its content type (RFC 7578)."""
    boundary = uuid.uuid4().hex
    lines: list[bytes] = []
    for name, value, file in parts:
        shown = "" if file is None else f'; filename="{_quoted(file)}"'
        kind = b"" if file is None else b"Content-Type: application/octet-stream\r\n"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n'.encode()
        lines += [head, kind, b"\r\n", value if isinstance(value, bytes) else value.encode(), b"\r\n"]
    return b"".join([*lines, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def _quoted(name: str) -> str:
    shown = files.printable(name)
    return shown.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _name(picture: Asked) -> str:
    if isinstance(picture, bytes):
        return "<bytes>"
    return f"#{picture}" if isinstance(picture, int) else files.printable(os.fspath(picture))


# --- what comes back --------------------------------------------------------------------------


def _search_result(found: Any, query: str) -> SearchResult:
    return SearchResult(query, tuple(Hit(**_without(hit, "distance")) for hit in found["results"]))


def _facet(found: Any) -> Facet:
    listed = {"values": tuple(ValueCount(**one) for one in found["values"]), "bins": tuple(found["bins"])}
    return Facet(**{**found, **listed})


def _copy(found: Any) -> Copy:
    picture = PictureFacts(**found["picture"])
    values = _without(found, "picture", "path", "remove", "stays", "placement", "how", "details")
    for name in ("box", "box_copy"):
        values[name] = tuple(values[name]) if values[name] else None
    return Copy(picture=picture, **{**values, "transform": _rows(values["transform"])})


def _cluster(found: Any) -> Cluster:
    return Cluster(
        **{
            **found,
            "medoid": "" if found["medoid"] is None else f"#{found['medoid']}",
            "members": tuple(f"#{id}" for id in found["members"]),
            "nearest": tuple(NearCluster(**one) for one in found["nearest"]),
        }
    )


def _group(found: Any) -> DuplicateGroup:
    members = tuple(_copy(member) for member in found["members"])
    return DuplicateGroup(PictureFacts(**found["kept"]), found["reason"], members)


def _heat(found: Any, name: str) -> Heat:
    return Heat(**{**found, "picture": name, "shares": _rows(found["shares"]), "box": tuple(found["box"])})


def _rows(matrix: Any) -> Any:
    return None if matrix is None else tuple(tuple(row) for row in matrix)


_TYPES = {"Uint8": "B", "Int8": "b", "Uint16": "H", "Uint32": "I", "Int32": "i", "Float64": "d"}


def _unpacked(packed: Any) -> tuple[Any, ...]:
    """The numbers of a typed array of JavaScript in base64."""
    data = base64.b64decode(packed["data"])
    letter = _TYPES[packed["type"].removesuffix("Array")]
    return struct.unpack(f"<{len(data) // struct.calcsize('<' + letter)}{letter}", data)


def _stored(found: Any) -> StoredPicture:
    return StoredPicture(**found)


def _without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
