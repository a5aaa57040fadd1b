"""The API over a real connection: what it answers, and how it refuses."""

from __future__ import annotations

import json
import math
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lookalike.collection import Collection
from lookalike.results import as_json
from serving import Server


@pytest.fixture(scope="module")
def query(server: Server) -> bytes:
    return (server.folder / "query.jpg").read_bytes()


def paths(found: dict) -> list[str]:
    return [hit["path"].rpartition("/")[2] for hit in found["results"]]


# --- searching --------------------------------------------------------------------------------


def test_a_search_answers_what_the_library_answers(server: Server, query: bytes) -> None:
    with Collection.open(server.folder / "collection") as collection:
        true = as_json(collection.search(query, 3, where="in_stock"))
    found = server.post("/v1/search", ("picture", query), ("k", "3"), ("where", "in_stock"))
    assert found.status == 200
    assert found.json == {**true, "query": "picture.jpg"}
    raw = server.ask("POST", "/v1/search?k=3&where=in_stock", query, {"Content-Type": "image/jpeg"})
    assert raw.json == {**true, "query": "<body>"}


def test_a_search_by_id_leaves_the_picture_out(server: Server) -> None:
    body = json.dumps({"id": 3, "k": 4, "include_self": False}).encode()
    found = server.ask("POST", "/v1/search", body, {"Content-Type": "application/json"}).json
    assert found["query"] == "#3"
    assert 3 not in [hit["id"] for hit in found["results"]]
    assert server.get("/v1/pictures/3/similar?k=4").json == found
    own = server.get("/v1/pictures/3/similar?k=1&include_self=true").json["results"][0]
    assert (own["id"], own["similarity"], own["distance"]) == (3, 1.0, 0.0)


def test_for_against_region_and_threshold(server: Server, query: bytes) -> None:
    blue = (server.folder / "pictures" / "blue-square.jpg").read_bytes()
    with Collection.open(server.folder / "collection") as collection:
        true = collection.search(
            query, 5, also=[2], against=[blue], region="0.1,0.1,0.8,0.8", threshold=0.1, exact=True
        )
    found = server.post(
        "/v1/search?exact=true",
        ("picture", query),
        ("also_id", "2"),
        ("against", blue),
        ("region", "0.1,0.1,0.8,0.8"),
        ("threshold", "0.1"),
        ("k", "5"),
    )
    assert found.json["results"] == as_json(true)["results"]


def test_a_batch_answers_line_by_line_in_order(server: Server, query: bytes) -> None:
    answer = server.post(
        "/v1/search/batch?k=1", *[("picture", query)] * 5, ("picture", b"no picture"), ("picture", query)
    )
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert len(lines) == 7
    assert lines[5]["error"]["code"] == "picture"
    one = server.post("/v1/search", ("picture", query), ("k", "1")).json
    assert all(line == one for line in lines[:5] + lines[6:])


def test_comparing(server: Server, query: bytes) -> None:
    same = server.post("/v1/compare", ("first", query), ("second", query)).json
    assert (same["verdict"], same["similarity"], same["distance"]) == ("same file", 1.0, 0.0)
    body = b'{"first_id": 1, "second_id": 2}'
    other = server.ask("POST", "/v1/compare", body, {"Content-Type": "application/json"}).json
    assert other["similarity"] < 1


def test_a_similarity_is_explained(server: Server, query: bytes) -> None:
    hits = server.post("/v1/search", ("picture", query), ("k", "3")).json["results"]
    for hit in hits:
        told = server.post("/v1/explain", ("picture", query), ("found_id", str(hit["id"]))).json
        assert told["similarity"] == pytest.approx(hit["similarity"], abs=1e-6)
        for heat in (told["queries"][0], told["found"]):
            assert sum(map(sum, heat["shares"])) == pytest.approx(hit["similarity"], abs=1e-4)
        assert (told["queries"][0]["picture"], told["found"]["picture"]) == ("picture.jpg", f"#{hit['id']}")
        assert np.array(told["pairs"]).sum() == pytest.approx(hit["similarity"], abs=2e-3)
    guided = [("region", "0,0,0.5,0.5"), ("also_id", "2"), ("against_id", "3"), ("against", query)]
    hit = server.post("/v1/search", ("picture", query), *guided).json["results"][0]
    told = server.post("/v1/explain", ("picture", query), ("found_id", str(hit["id"])), *guided).json
    assert told["similarity"] == pytest.approx(hit["similarity"], abs=1e-6)
    assert [heat["picture"] for heat in told["queries"]] == ["picture.jpg", "#2", "picture.jpg", "#3"]
    assert told["pairs"] is None
    by_ids = server.ask(
        "POST", "/v1/explain", b'{"id": 1, "found_id": 2}', {"Content-Type": "application/json"}
    )
    assert by_ids.json["similarity"] < 1
    assert server.post("/v1/explain", ("picture", query)).code == "usage"
    without = [("id", "1"), ("found_id", "2"), ("output", "texture")]
    assert server.post("/v1/explain", *without).code == "no_such_model"


def test_a_copy_is_found(server: Server, query: bytes) -> None:
    data = (server.folder / "pictures" / "red-circle.jpg").read_bytes()
    found = server.post("/v1/duplicates", ("picture", data)).json
    assert found["copies"][0]["kind"] == "exact"
    assert found["copies"][0]["path"].endswith("red-circle.jpg")
    assert found["compared"] == 12


# --- pictures ---------------------------------------------------------------------------------


def test_pages_hold_every_picture_once(server: Server) -> None:
    seen, after = [], 0
    while after is not None:
        page = server.get(f"/v1/pictures?limit=5&after={after}").json
        assert len(page["pictures"]) <= 5
        seen += [one["id"] for one in page["pictures"]]
        after = page["next"]
    with Collection.open(server.folder / "collection") as collection:
        assert seen == [row.id for row in collection.gallery.pictures()]
    circles = server.get('/v1/pictures?where=category%20==%20"circle"').json
    assert [one["metadata"]["category"] for one in circles["pictures"]] == ["circle"] * 4
    assert (circles["next"], circles["matching"]) == (None, 4)
    later = server.get('/v1/pictures?skip=1&limit=2&where=category%20==%20"circle"').json
    assert later["pictures"] == circles["pictures"][1:3]
    assert (later["next"], later["matching"]) == (later["pictures"][-1]["id"], 4)
    assert server.get("/v1/pictures?skip=99").json == {"pictures": [], "matching": len(seen), "next": None}


def test_thumbnails_and_originals(server: Server) -> None:
    with Collection.open(server.folder / "collection") as collection:
        path = collection.picture(2).path
    original = server.get("/v1/pictures/2/original")
    assert original.headers["content-type"] == "image/jpeg"
    with open(path, "rb") as file:
        assert original.body == file.read()
    small = server.get("/v1/pictures/2/thumbnail?side=64")
    assert small.body.startswith(b"\xff\xd8\xff")
    again = server.get("/v1/pictures/2/thumbnail?side=64", **{"If-None-Match": small.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_a_thumbnail_that_is_known_is_not_made(server: Server) -> None:
    with Collection.open(server.folder / "collection") as collection:
        picture = collection.picture(2)
    tag = f'"{picture.content[:32]}-57"'
    before = Path(picture.path).read_bytes()
    os.remove(picture.path)
    try:
        assert server.get("/v1/pictures/2/thumbnail?side=57").code == "no_original"
        known = server.get("/v1/pictures/2/thumbnail?side=57", **{"If-None-Match": tag})
    finally:
        Path(picture.path).write_bytes(before)
    assert (known.status, known.headers["etag"]) == (304, tag)


def test_facets_are_of_what_is_there_now(server: Server) -> None:
    before = server.get("/v1/facets?column=name").json
    body = json.dumps({"name": "quite another name"}).encode()
    old = server.get("/v1/pictures/3").json["metadata"]["name"]
    assert server.ask("PATCH", "/v1/pictures/3/metadata", body).status == 200
    after = server.get("/v1/facets?column=name").json
    assert after != before
    body = json.dumps({"name": old}).encode()
    assert server.ask("PATCH", "/v1/pictures/3/metadata", body).status == 200
    assert server.get("/v1/facets?column=name").json == before


@pytest.mark.parametrize(
    "path",
    ["/", "/search", "/duplicates", "/docs", "/v1/ready", "/v1/pictures/1", "/v1/pictures/1/original"],
)
def test_what_can_be_read_can_be_asked_for_its_head(server: Server, path: str) -> None:
    whole = server.get(path, Accept="text/html")
    answer = server.ask("HEAD", path, None, {"Accept": "text/html"})
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(len(whole.body))
    assert answer.headers["content-type"] == whole.headers["content-type"]
    assert answer.headers.get("etag") == whole.headers.get("etag")
    assert server.ask("HEAD", "/v1/pictures/999").status == 404


def test_adding_changing_and_removing(server: Server) -> None:
    data = picture(1)
    metadata = json.dumps({"name": "new", "price": 3})
    added = server.post("/v1/pictures", ("picture", data), ("metadata", metadata))
    assert added.status == 201
    (one,) = added.json["pictures"]
    assert (one["added"], one["metadata"]) == (True, {"name": "new", "price": 3})
    again = server.post("/v1/pictures", ("picture", data))
    assert again.status == 200
    assert again.json["pictures"] == [{**one, "added": False}]
    url = f"/v1/pictures/{one['id']}"
    changed = server.ask("PATCH", f"{url}/metadata", b'{"price": 4, "name": null}')
    assert changed.json["metadata"] == {"price": 4}
    assert server.ask("PUT", f"{url}/metadata", b'{"a": true}').json["metadata"] == {"a": True}
    assert server.get(url).json["metadata"] == {"a": True}
    found = server.post("/v1/search?include_self=true&k=1", ("picture", data)).json["results"][0]
    assert (found["id"], found["similarity"]) == (one["id"], 1.0)
    file = one["path"]
    assert server.ask("DELETE", url).json == {"removed": [file]}
    assert server.get(url).code == "not_in_collection"
    with open(file, "rb") as kept:  # the file is never touched
        assert kept.read() == data


@pytest.mark.parametrize(
    ("path", "field", "said"),
    [
        ("/v1/search", "kk", "kk: there is no such field; did you mean k?"),
        ("/v1/search?deploymnt=x", "k", "deploymnt: there is no such field; did you mean deployment?"),
        ("/v1/pictures", "xyz", "xyz: there is no such field; there are deployment"),
    ],
)
def test_an_unknown_field_is_refused_with_what_may_be_meant(
    server: Server, query: bytes, path: str, field: str, said: str
) -> None:
    answer = server.post(path, ("picture", query), (field, "3"))
    assert (answer.status, answer.code) == (422, "usage")
    assert answer.json["error"]["message"] == said


def test_all_mistakes_of_a_request_are_told(server: Server) -> None:
    answer = server.ask("PUT", "/v1/deployments/default", b'{"too": "a\\u0000"}')
    said = "to: Field required; too: there is no such field; did you mean to?"
    assert answer.json["error"]["message"] == said
    answer = server.get("/v1/pictures?limit=0&were=x&where=%00")
    assert [one.partition(":")[0] for one in answer.json["error"]["message"].split("; ")] == [
        "where", "limit", "were", "did you mean where?",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "said"),
    [("{name: 1}", "metadata: this is no JSON"), ("[1]", "metadata: the JSON must be an obj")],
)
def test_metadata_that_is_no_json_is_named(server: Server, told: str, said: str) -> None:
    answer = server.post("/v1/pictures", ("picture", picture(1)), ("metadata", told))
    assert (answer.status, answer.code) == (400, "bad_json")
    assert answer.json["error"]["message"].startswith(said)


def test_a_key_adds_once(server: Server) -> None:
    key = {"Idempotency-Key": "order-17"}
    first = server.post("/v1/pictures", ("picture", picture(2)), **key)
    assert first.status == 201
    again = server.post("/v1/pictures", ("picture", picture(3)), **key)
    assert (again.status, again.code) == (422, "key_reused")
    raw = {"Content-Type": "image/png", "Idempotency-Key": "order-18"}
    one = server.ask("POST", "/v1/pictures", picture(3), raw)
    two = server.ask("POST", "/v1/pictures", picture(3), raw)
    assert (one.status, one.json["pictures"][0]["added"]) == (201, True)
    assert (two.status, two.body) == (one.status, one.body)
    assert two.headers["x-request-id"] != one.headers["x-request-id"]


def test_a_key_knows_a_request_that_was_made_anew(server: Server) -> None:
    """Whoever tries again writes the form again, with another boundary."""
    told = ("metadata", '{"name": "again"}')
    key = {"Idempotency-Key": "order-19"}
    one = server.post("/v1/pictures", ("picture", picture(5)), told, **key)
    two = server.post("/v1/pictures", ("picture", picture(5)), told, **key)
    assert (one.status, one.json["pictures"][0]["added"]) == (201, True)
    assert (two.status, two.body) == (one.status, one.body)
    for other in ([("picture", picture(5))], [("picture", picture(5)), ("metadata", "{}")]):
        assert server.post("/v1/pictures", *other, **key).code == "key_reused"


def test_some_pictures_of_many_fail(server: Server) -> None:
    answer = server.post("/v1/pictures", ("picture", picture(4)), ("picture", b"nonsense"))
    assert answer.status == 201
    assert len(answer.json["pictures"]) == 1
    assert answer.json["failed"] == [
        {"index": 1, "path": "picture.jpg", "reason": answer.json["failed"][0]["reason"]}
    ]


def picture(seed: int) -> bytes:
    """A small PNG of its own for each seed."""
    rows = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">LLBBBBB", 32, 32, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


# --- the service ------------------------------------------------------------------------------


def test_info_health_and_metrics(server: Server) -> None:
    info = server.get("/v1/info").json
    assert info["columns"]["price"] == "number"
    assert server.get("/v1/health").json == {"status": "ok"}
    assert server.get("/v1/ready").json == {"status": "ready"}
    (one,) = server.get("/v1/deployments").json["deployments"]
    assert (one["name"], one["model"]) == ("default", "efficientnet-lite0")
    metrics = server.get("/metrics").body.decode()
    assert f'lookalike_pictures{{deployment="default"}} {info["images"]}.0' in metrics
    assert 'lookalike_requests_total{method="GET",route="/v1/info",status="200"}' in metrics
    assert "process_resident_memory_bytes " in metrics


def test_a_failure_of_the_server_is_in_its_log(serving: Callable[..., Server], shop: Path) -> None:
    server = serving()
    (shop / "collection" / "uploads").write_text("a file where the folder should be")
    answer = server.ask("POST", "/v1/pictures", picture(6), {"Content-Type": "image/png"})
    assert (answer.status, answer.code) == (500, "collection")
    assert server.get("/v1/pictures/999").status == 404
    server.process.terminate()
    assert server.process.stderr is not None
    said = server.process.stderr.read()
    assert f"{answer.headers['x-request-id']} failed: the upload cannot be kept" in said
    assert "999" not in said


def test_the_docs_load_nothing_from_elsewhere(server: Server) -> None:
    page = server.get("/docs")
    text = page.body.decode()
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")
    for path, methods in server.get("/openapi.json").json["paths"].items():
        assert f"<code>{path}</code>" in text
        for operation in methods.values():
            assert operation["description"]
            assert (
                {"401", "422", "429"} <= operation["responses"].keys() or "health" in path or "ready" in path
            )


def test_every_answer_is_described_with_an_example(server: Server) -> None:
    described = server.get("/openapi.json").json
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
                    shown = {**content, **described["components"]["schemas"].get(name, {})}
                    is_text = kind.endswith("json")
                    assert "example" in shown or not is_text, (method, path, status, kind)


ERRORS = [
    ("GET", "/nothing", 404, "not_found"),
    ("DELETE", "/v1/search", 405, "method_not_allowed"),
    ("GET", "/v1/pictures/999", 404, "not_in_collection"),
    ("GET", "/v1/pictures/0", 422, "usage"),
    ("GET", "/v1/pictures/99999999999999999999", 422, "usage"),
    ("GET", "/v1/pictures/x", 422, "usage"),
    ("GET", "/v1/pictures?wehre=a", 422, "usage"),
    ("GET", "/v1/pictures?where=price%20<", 422, "filter"),
    ("GET", "/v1/pictures?where=%00", 422, "usage"),
    ("GET", "/v1/info?deployment=other", 404, "no_such_deployment"),
    ("GET", "/v1/pictures/1/similar?model=/etc/passwd", 404, "no_such_model"),
    ("GET", "/v1/pictures/1/similar?k=1000000", 422, "usage"),
    ("GET", "/v1/pictures/1/similar?region=2,2,1", 422, "usage"),
    ("GET", "/v1/pictures/1/thumbnail?side=100000", 422, "usage"),
    ("POST", "/v1/search", 415, "unsupported_type"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), ERRORS)
def test_every_refusal_has_one_shape(server: Server, method: str, path: str, status: int, code: str) -> None:
    answer = server.ask(method, path)
    assert (answer.status, answer.code) == (status, code)
    error = answer.json["error"]
    assert set(error) <= {"status", "code", "message", "request_id", "details"}
    assert error["status"] == status
    assert error["message"]
    assert error["request_id"] == answer.headers["x-request-id"]


ALLOWED = [
    ("/v1/search", "POST"),
    ("/v1/info", "GET, HEAD"),
    ("/v1/pictures", "GET, HEAD, POST"),
    ("/v1/pictures/1", "GET, HEAD, DELETE"),
    ("/v1/pictures/1/metadata", "PUT, PATCH"),
]


@pytest.mark.parametrize(("path", "allowed"), ALLOWED)
def test_a_method_that_is_not_allowed_is_told_which_are(server: Server, path: str, allowed: str) -> None:
    answer = server.ask("OPTIONS", path)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert answer.json["error"]["message"] == f"this method is not allowed here; allowed: {allowed}"


BODIES = [
    ("multipart/form-data; boundary=x", b"nonsense", 400),
    ("multipart/form-data", b"nonsense", 400),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--", 400),
    ("application/json", b"{", 400),
    ("application/json", b"[1]", 400),
    ("application/json", b'{"id": NaN}', 400),
    ("application/json", b"[" * 100_000, 400),
    ("application/json", b'{"id": 1, "id2": 1}', 422),
    ("application/json", b'{"id": "\\ud800"}', 422),
    ("application/json", b'{"id": 1, "where": "\\ud800"}', 422),
    ("application/json", b'{"id": [1, 2]}', 422),
    ("application/json", b"{}", 422),
    ("image/jpeg", b"", 422),
    ("text/plain", b"x", 415),
    ("image/jpeg", b"\xff\xd8\xff" + bytes(100), 422),
]


@pytest.mark.parametrize(("kind", "body", "status"), BODIES)
def test_bodies_that_cannot_be_used(server: Server, kind: str, body: bytes, status: int) -> None:
    answer = server.ask("POST", "/v1/search", body, {"Content-Type": kind})
    assert answer.status == status, answer.body
    assert answer.json["error"]["message"]


def test_another_model_of_the_collection_answers(server: Server, query: bytes) -> None:
    with Collection.open(server.folder / "collection", output="plain") as plain:
        plain.add(server.folder / "pictures")
        true = as_json(plain.search(query, 3))["results"]
    found = server.post("/v1/search?k=3", ("picture", query), ("output", "plain"))
    assert found.json["results"] == true
    other = server.get("/v1/pictures/1/similar?output=texture")
    assert (other.status, other.code) == (404, "no_such_model")


def test_while_another_process_writes_searching_goes_on(server: Server, query: bytes) -> None:
    with Collection.open(server.folder / "collection") as collection, collection.gallery.writing():
        assert server.post("/v1/search", ("picture", query)).status == 200
        busy = server.ask("PATCH", "/v1/pictures/1/metadata", b'{"a": 1}')
        assert (busy.status, busy.code) == (503, "collection_busy")
        assert int(busy.headers["retry-after"]) >= 1
    assert server.ask("PATCH", "/v1/pictures/1/metadata", b'{"a": 1}').status == 200


def test_clusters_that_were_kept_are_listed(server: Server) -> None:
    assert server.get("/v1/clusters").code == "no_clusters"
    with Collection.open(server.folder / "collection") as collection:
        collection.clusters(k=3)
        kept = collection.info().clusters
    first = server.get("/v1/clusters?limit=2").json
    rest = server.get(f"/v1/clusters?after={first['next']}").json
    clusters = first["clusters"] + rest["clusters"]
    assert (len(clusters), rest["next"]) == (kept.clusters, None)
    with Collection.open(server.folder / "collection") as collection:
        told = collection.kept_clusters()
        assert told is not None
        paths = {row.id: row.path for row in collection.gallery.pictures()}
    for ours, true in zip(clusters, told.clusters, strict=True):
        assert paths[ours["medoid"]] == true.medoid
        assert [paths[id] for id in ours["members"]] == list(true.members[:8])
        same = {key: ours[key] for key in ("id", "label", "size", "cohesion", "share", "column", "parent")}
        assert same == {key: value for key, value in as_json(true).items() if key in same}
    few = server.get(f"/v1/clusters?id={clusters[1]['id']}&members=0").json
    assert (few["matching"], few["total"], few["clusters"][0]["members"]) == (1, 3, [])
    assert few["clusters"][0]["medoid"] == clusters[1]["medoid"]
    by_cohesion = [one["cohesion"] for one in server.get("/v1/clusters?order=cohesion").json["clusters"]]
    assert by_cohesion == sorted(by_cohesion, reverse=True)
    assert server.get("/v1/clusters?label=no+such+label").json["matching"] == 0
    sizes = [one["size"] for one in clusters]
    assert (sizes, sum(sizes)) == (sorted(sizes, reverse=True), kept.images)
    members = server.get(f"/v1/pictures?where=cluster=={clusters[0]['id']}").json["pictures"]
    assert len(members) == sizes[0]
    assert {one["cluster"] for one in members} == {clusters[0]["id"]}
    with server.client() as client:
        assert client.info().clusters == kept
        mine = client.kept_clusters(members=2)
        assert mine is not None
        assert [one.id for one in mine] == [one.id for one in told.clusters]
        assert mine[0].members == tuple(f"#{id}" for id in clusters[0]["members"][:2])
        assert mine[0].nearest == told.clusters[0].nearest


def test_calibration_is_told_when_there_is_one(serving: Callable[..., Server], shop: Path) -> None:
    server = serving()
    assert server.get("/v1/calibration").json == {"calibration": None}
    with server.client() as client:
        assert client.calibration is None
    with Collection.open(shop / "collection") as collection:
        collection.calibrate()
        fitted = collection.calibration
    with server.client() as client:
        assert client.calibration == fitted is not None
    curve = server.get("/v1/calibration").json["calibration"]
    hit = server.get("/v1/pictures/1/similar?k=1").json["results"][0]
    score = curve["slope"] * hit["similarity"] + curve["intercept"]
    assert hit["probability"] == pytest.approx(1 / (1 + math.exp(-score)), abs=1e-4)
