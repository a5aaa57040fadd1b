"""The copies of a whole collection over HTTP: looked for beside the requests, gone through, planned."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.collection import Collection
from lookalike.duplicates import plan as plans
from lookalike.errors import RequestError
from lookalike.results import as_json
from serving import Server, start

WRITE, READ = "write-0123456789abcdef", "read-0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path, photo: Callable[..., np.ndarray]) -> Path:
    """`in/` with four photos, each with a smaller copy, and a collection of them."""
    (tmp_path / "in").mkdir()
    for number in range(4):
        image = Image.fromarray(photo(number, (480, 360)))
        image.save(tmp_path / "in" / f"{number}.jpg", quality=92)
        image.resize((320, 240)).save(tmp_path / "in" / f"{number}-small.jpg")
    with Collection.open(tmp_path / "collection") as collection:
        collection.add(tmp_path / "in")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    running = start(folder)
    yield running
    running.stop()


def plain(groups: list[Any]) -> list[Any]:
    """Groups without what is said of them for people and for a plan."""
    more = {"remove", "stays", "placement", "how", "details"}
    return [
        {**{key: value for key, value in group.items() if key != "details"}}
        | {"members": [{k: v for k, v in one.items() if k not in more} for one in group["members"]]}
        for group in groups
    ]


def ended(server: Server) -> Any:
    end = time.monotonic() + 60
    while (state := server.get("/v1/duplicates/search").json)["state"] == "running":
        assert time.monotonic() < end, state
        time.sleep(0.05)
    return state


def stage_is(server: Server, stage: str) -> None:
    end = time.monotonic() + 60
    while (state := server.get("/v1/duplicates/search").json)["stage"] != stage:
        assert time.monotonic() < end, state
        assert state["state"] == "running", state
        time.sleep(0.05)


def test_looking_finds_what_the_library_finds(server: Server, folder: Path) -> None:
    assert server.get("/v1/duplicates").code == "no_duplicates"
    assert server.get("/v1/duplicates/plan").code == "no_duplicates"
    assert server.get("/v1/duplicates/search").json["state"] == "idle"
    begun = server.ask("POST", "/v1/duplicates/search")
    assert (begun.status, begun.json["state"], begun.json["deployment"]) == (202, "running", "default")
    assert server.get("/v1/pictures/1/similar").status == 200  # requests go on
    assert ended(server)["state"] == "done"
    told = server.get("/v1/duplicates").json
    with Collection.open(folder / "collection") as collection:
        true = collection.duplicates(threads=1)
    assert plain(told["groups"]) == as_json(true)["groups"]
    assert (told["kinds"], told["removals"]) == ({"near": 4}, 4)
    assert told["bytes"] == sum(path.stat().st_size for path in (folder / "in").glob("*-small.jpg"))
    first = told["groups"][0]
    assert [one["name"] for one in first["details"]] == ["Size", "File", "Date"]
    assert {"name": "Size", "value": "320 × 240", "comparison": "56 % fewer pixels", "rank": "worse"} in (
        first["members"][0]["details"]
    )
    assert np.array(first["members"][0]["placement"]) == pytest.approx(
        np.array([[1.5, 0, 0], [0, 1.5, 0]]), abs=0.5
    )
    assert (told["total"], told["copies"], told["images"], told["new"]) == (4, 4, 8, 0)


def test_page_by_page(server: Server, folder: Path) -> None:
    with Collection.open(folder / "collection") as collection:
        whole = as_json(collection.duplicates(threads=1))["groups"]
    found, after, pages = [], 0, 0
    while after is not None:
        page = server.get(f"/v1/duplicates?limit=3&after={after}").json
        found += page["groups"]
        after, pages = page["next"], pages + 1
    assert (plain(found), pages) == (whole, 2)
    only = server.get(f"/v1/duplicates?id={whole[2]['members'][0]['picture']['id']}").json
    assert (plain(only["groups"]), only["matching"], only["total"]) == ([whole[2]], 1, 4)
    assert server.get("/v1/duplicates?kind=edited&kind=burst").json["matching"] == 0
    assert server.get("/v1/duplicates?kind=edited&kind=near").json["matching"] == 4
    assert server.get("/v1/duplicates?doubtful=true").json["matching"] == 0
    assert server.get("/v1/duplicates?kind=other").code == "usage"


def test_the_plan_is_applied_as_it_is(server: Server, folder: Path) -> None:
    with Collection.open(folder / "collection") as collection:
        true = collection.plan(collection.duplicates(threads=1))
    answer = server.get("/v1/duplicates/plan")
    assert answer.headers["content-disposition"] == 'attachment; filename="plan.json"'
    (folder / "plan.json").write_bytes(answer.body)
    plan = plans.read(folder / "plan.json")
    assert plan.groups == true.groups
    assert plan.removals == 4
    with Collection.open(folder / "collection") as collection:
        report = collection.apply(plan, to=folder / "gone")
        assert len(report.applied) == 4
    assert len(list((folder / "in").iterdir())) == 4
    assert server.get("/v1/duplicates").json["groups"] == []


def test_decisions(server: Server, folder: Path) -> None:
    with Collection.open(folder / "collection") as collection:
        collection.duplicates(threads=1)
    group = server.get("/v1/duplicates").json["groups"][0]
    pair = {"ids": [group["kept"]["id"], group["members"][0]["picture"]["id"]]}

    def decide(asked: object) -> Any:
        body = json.dumps(asked).encode()
        return server.ask("POST", "/v1/duplicates/distinct", body, {"Content-Type": "application/json"})

    assert decide(pair).json == {"pairs": 1}
    assert server.get("/v1/duplicates").json["total"] == 3
    assert len(json.loads(server.get("/v1/duplicates/plan").body)["groups"]) == 3
    assert decide({**pair, "forget": True}).json == {"pairs": 1}
    assert server.get("/v1/duplicates").json["groups"][0] == group
    for wrong in ({"ids": [1]}, {"ids": [1, 1]}, {"ids": [1, 2], "more": 1}, {}):
        assert decide(wrong).code == "usage"
    assert decide({"ids": [1, 999]}).code == "not_in_collection"


def test_pictures_that_come_later_are_counted(server: Server, folder: Path) -> None:
    with Collection.open(folder / "collection") as collection:
        collection.duplicates(threads=1)
        shutil.copy(folder / "in" / "0.jpg", folder / "in" / "later.jpg")
        collection.add(folder / "in")
    assert server.get("/v1/duplicates").json["new"] == 1


def test_what_was_found_waits_for_another_writer(folder: Path) -> None:
    server = start(folder)
    with Collection.open(folder / "collection") as other, other.gallery.writing():
        server.ask("POST", "/v1/duplicates/search")
        stage_is(server, "keeping what was found")
        assert server.get("/v1/duplicates").code == "no_duplicates"
    assert ended(server)["state"] == "done"
    assert server.get("/v1/duplicates").json["total"] == 4
    assert server.stop() == 0


def test_the_end_of_the_server_does_not_wait_for_another_writer(folder: Path) -> None:
    server = start(folder)
    with Collection.open(folder / "collection") as other, other.gallery.writing():
        server.ask("POST", "/v1/duplicates/search")
        stage_is(server, "keeping what was found")
        assert server.stop() == 0


def test_who_may_only_read_decides_nothing(folder: Path) -> None:
    with Collection.open(folder / "collection") as collection:
        collection.duplicates(threads=1)
    server = start(folder, "--token", WRITE, "--read-token", READ)
    reading = {"Authorization": f"Bearer {READ}"}
    assert server.get("/v1/duplicates", **reading).json["total"] == 4
    assert server.get("/v1/duplicates/plan", **reading).status == 200
    for method, path, body in (
        ("POST", "/v1/duplicates/search", None),
        ("DELETE", "/v1/duplicates/search", None),
        ("POST", "/v1/duplicates/distinct", b'{"ids": [1, 2]}'),
    ):
        assert server.ask(method, path, body, reading).code == "forbidden"
    assert server.get("/v1/duplicates").code == "unauthorized"
    assert server.stop() == 0


def test_the_end_of_the_server_ends_the_search(folder: Path, photo: Callable[..., np.ndarray]) -> None:
    for number in range(10, 34):
        Image.fromarray(photo(number, (320, 240))).save(folder / "in" / f"{number}.jpg")
    with Collection.open(folder / "collection") as collection:
        collection.add(folder / "in")
    server = start(folder)
    assert server.ask("POST", "/v1/duplicates/search").json["state"] == "running"
    assert server.ask("POST", "/v1/duplicates/search").status == 202  # it is at it already
    assert server.stop(signal.SIGTERM) == 0
    server = start(folder)
    assert server.get("/v1/duplicates/search").json["state"] == "idle"
    server.ask("POST", "/v1/duplicates/search")
    server.ask("DELETE", "/v1/duplicates/search")
    assert ended(server)["state"] in ("stopped", "done")
    server.ask("POST", "/v1/duplicates/search")
    assert ended(server)["state"] == "done"
    assert server.get("/v1/duplicates").json["total"] == 4
    assert server.stop() == 0


def test_one_search_at_a_time(folder: Path) -> None:
    server = start(folder, "--deployment", f"other={folder / 'collection'}")
    with Collection.open(folder / "collection") as writer, writer.gallery.writing():  # so that it cannot end
        server.ask("POST", "/v1/duplicates/search")
        refused = server.ask("POST", "/v1/duplicates/search?deployment=other")
        assert (refused.status, refused.code) == (409, "running")
    assert ended(server)["deployment"] == "default"
    assert server.ask("POST", "/v1/duplicates/search?deployment=other").status == 202
    assert ended(server) == {**ended(server), "state": "done", "deployment": "other"}
    assert server.stop() == 0


def test_from_python(server: Server, folder: Path) -> None:
    with server.client() as client, Collection.open(folder / "collection") as collection:
        assert client.found_duplicates() is None
        stages: list[str] = []
        found = client.duplicates(progress=lambda stage, done, total: stages.append(stage))
        assert stages
        stored = collection.found_duplicates()
        assert stored is not None
        assert found == stored.found
        (folder / "plan.json").write_bytes(client.plan())
        assert plans.read(folder / "plan.json").removals == 4
        pair = [found.groups[0].kept.id, found.groups[0].members[0].picture.id]
        assert client.distinct(pair) == 1
        again = client.found_duplicates()
        assert again is not None
        assert again.groups == found.groups[1:]
    with server.client(deployment="nowhere") as lost, pytest.raises(RequestError, match="no deployment"):
        lost.found_duplicates()
