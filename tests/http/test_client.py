"""The client answers what the collection answers, and raises what it raises."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from lookalike.client import Client
from lookalike.client.connection import Connection
from lookalike.collection import Collection
from lookalike.errors import NotInCollection, PictureError, RequestError, UsageError
from lookalike.query import Region
from lookalike.results import Failure, StoredPicture
from serving import Server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def collection(server: Server) -> Iterator[Collection]:
    with Collection.open(server.folder / "collection") as collection:
        yield collection


def test_searching(server: Server, client: Client, collection: Collection) -> None:
    query = str(server.folder / "query.jpg")
    other = str(server.folder / "pictures" / "blue-square.jpg")
    assert client.search(query, 4) == collection.search(query, 4)
    assert client.search(3, 2) == collection.search(3, 2)
    asked = {
        "also": [2, other],
        "against": [5],
        "region": Region(0.1, 0.1, 0.5, 0.5),
        "where": 'price < 5 and category != "stripes"',
        "threshold": -0.5,
        "exact": True,
        "include_self": True,
    }
    data = (server.folder / "query.jpg").read_bytes()
    assert client.search(data, 3, **asked) == collection.search(data, 3, **asked)


def test_facets(client: Client, collection: Collection) -> None:
    assert client.facets() == collection.facets()
    asked = {"where": "in_stock", "values": 2}
    found = client.facets(["price", "category"], **asked)
    assert found == collection.facets(["price", "category"], **asked)
    assert [one.column for one in found.facets] == ["price", "category"]
    with pytest.raises(UsageError, match="there is no column categroy; did you mean category"):
        client.facets(["categroy"])


def test_many_searches(server: Server, client: Client, collection: Collection) -> None:
    query = server.folder / "query.jpg"
    one, bad, two = client.search_many([query, b"no picture", query.read_bytes()], 2)
    assert one == collection.search(query, 2)
    assert isinstance(bad, Failure)
    assert two.results == one.results


def test_comparing_and_copies(server: Server, client: Client, collection: Collection) -> None:
    query = server.folder / "query.jpg"
    assert client.compare(query, query).verdict == "same file"
    path = server.folder / "pictures" / "red-circle.jpg"
    assert client.copies(1).copies == collection.copies(1).copies
    found = client.copies(path)
    assert found == collection.copies(path)
    assert found.copies[0].kind == "exact"


def test_explaining(server: Server, client: Client, collection: Collection) -> None:
    query, other = server.folder / "query.jpg", server.folder / "pictures" / "blue-square.jpg"
    there, here = client.explain(query, 3), collection.explain(query, 3)
    assert (there.similarity, there.found.picture) == (pytest.approx(here.similarity, abs=1e-6), "#3")
    np.testing.assert_allclose(there.queries[0].shares, here.queries[0].shares, atol=1e-6)
    np.testing.assert_allclose(there.pairs, here.pairs, atol=1e-6)  # type: ignore[arg-type]
    guided = {"also": [2, other], "against": [5], "region": Region(0.1, 0.1, 0.5, 0.5)}
    there, here = client.explain(1, 3, **guided), collection.explain(1, 3, **guided)
    assert there.similarity == pytest.approx(here.similarity, abs=1e-6)
    assert [heat.picture for heat in there.queries] == ["#1", str(other), "#2", "#5"]
    np.testing.assert_allclose(there.queries[2].shares, here.queries[1].shares, atol=1e-6)


def test_pictures(server: Server, client: Client, collection: Collection) -> None:
    data = (server.folder / "query.jpg").read_bytes()
    added, failed = client.add([data, b"nonsense"], metadata={"name": "q"})
    assert isinstance(added, StoredPicture)
    assert (added.added, added.metadata) == (True, {"name": "q"})
    assert isinstance(failed, Failure)
    assert client.picture(added.id).content == added.content
    assert client.set_metadata(added.id, {"price": 1}).metadata == {"name": "q", "price": 1}
    assert client.set_metadata(added.id, {}, replace=True).metadata == {}
    assert client.original(added.id) == data
    assert client.thumbnail(added.id, side=64).startswith(b"\xff\xd8\xff")
    assert [one.id for one in client.pictures()] == [row.id for row in collection.gallery.pictures()]
    assert client.info() == collection.info()
    assert client.remove([added.id]) == [added.path]
    assert len(list(client.pictures(where="price < 4"))) == collection.gallery.count(
        collection.filter("price < 4")
    )


def test_errors_are_those_of_the_collection(client: Client) -> None:
    with pytest.raises(NotInCollection, match="999"):
        client.picture(999)
    with pytest.raises(PictureError, match="not a picture"):
        client.search(b"nothing")
    with pytest.raises(UsageError, match="price <"):
        client.search(1, where="price <")
    with pytest.raises(RequestError) as caught:
        client.search(1, model="other")
    assert (caught.value.status, caught.value.code) == (404, "no_such_model")
    with pytest.raises(RequestError, match="cannot be reached"):
        Client("http://127.0.0.1:9").info()
    with pytest.raises(UsageError, match="url"):
        Client("ftp://127.0.0.1")


def test_from_many_threads(client: Client, collection: Collection) -> None:
    true = collection.search(3, 5)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(client.search(3, 5))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [true] * 8


def test_copies_that_are_lost_again_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with Client("http://127.0.0.1:1") as client:
        monkeypatch.setattr(Connection, "request", lambda *_: b'{"state": "done"}')
        monkeypatch.setattr(client, "found_duplicates", lambda: None)
        with pytest.raises(RequestError, match="look for them again"):
            client.duplicates()
