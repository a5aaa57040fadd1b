"""Names are switched while requests go on, and none of them fails."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.collection import Collection
from lookalike.errors import CollectionError
from lookalike.images import Limits
from lookalike.models import DEFAULT_MODEL
from lookalike.server.deployments import Deployments
from lookalike.server.settings import Source
from serving import Server


def test_a_switch_drops_nothing_and_is_complete(serving: Callable[..., Server], tmp_path: Path) -> None:
    with Collection.open(tmp_path / "other") as other:
        other.add([tmp_path / "pictures" / name for name in ("red-circle.jpg", "blue-square.jpg")])
    server = serving("--deployment", "other=other", "--deployment", "first=collection")
    data = (tmp_path / "query.jpg").read_bytes()
    counts: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answer = server.post("/v1/search?k=12", ("picture", data))
            counts.append(len(answer.json["results"]) if answer.status == 200 else -answer.status)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for name in ("other", "first") * 5:
        body = f'{{"to": "{name}"}}'.encode()
        answer = server.ask("PUT", "/v1/deployments/default", body)
        images = 2 if name == "other" else 12
        assert (answer.status, answer.json["images"]) == (200, images)
        # Who asks now gets the new one.
        assert len(server.post("/v1/search?k=12", ("picture", data)).json["results"]) == images
    stop.set()
    for thread in threads:
        thread.join()
    assert set(counts) == {2, 12}
    assert server.ask("PUT", "/v1/deployments/nobody", b'{"to": "first"}').code == "no_such_deployment"
    assert server.ask("PUT", "/v1/deployments/default", b'{"to": 1}').code == "usage"


def test_listing_while_deployments_come_and_go(serving: Callable[..., Server], tmp_path: Path) -> None:
    config = tmp_path / "serve.toml"
    config.write_text("")
    server = serving("--config", str(config))
    text = f'[deployments.new]\ncollection = "{tmp_path / "collection"}"\n'
    for turn in range(12):
        config.write_text(text if turn % 2 else "")
        server.process.send_signal(signal.SIGHUP)
        for _ in range(20):
            answer = server.get("/v1/deployments")
            assert answer.status == 200, answer
            assert server.get("/metrics").status == 200


def test_sighup_reads_the_file_again(serving: Callable[..., Server], tmp_path: Path) -> None:
    config = tmp_path / "serve.toml"
    config.write_text("")
    server = serving("--config", str(config))
    text = f'[deployments.new]\ncollection = "{tmp_path / "collection"}"\n'
    for written in (text, text.replace('collection"\n', 'gone"\n')):  # the second cannot be opened
        config.write_text(written)
        server.process.send_signal(signal.SIGHUP)
        assert within(lambda: known(server) == ["default", "new"])
    config.write_text("")
    server.process.send_signal(signal.SIGHUP)
    assert within(lambda: known(server) == ["default"])


def test_another_process_changes_the_model(serving: Callable[..., Server], shop: Path) -> None:
    server = serving()
    data = (shop / "query.jpg").read_bytes()
    before = similarities(server, data)
    for output in ("plain", "embedding"):
        with Collection.open(shop / "collection") as other:
            other.use(DEFAULT_MODEL, output)
            expected = [hit.similarity for hit in other.search(data, 12).results]
        assert similarities(server, data) == expected
        assert server.get("/v1/deployments").json["deployments"][0]["output"] == output
        assert server.post("/v1/duplicates", ("picture", data)).status == 200
    assert expected == before


def test_a_deployment_with_a_model_of_its_own_keeps_it(serving: Callable[..., Server], shop: Path) -> None:
    server = serving("--output", "embedding")
    data = (shop / "query.jpg").read_bytes()
    before = similarities(server, data)
    with Collection.open(shop / "collection") as other:
        other.use(DEFAULT_MODEL, "plain")
    assert similarities(server, data) == before


def test_what_another_model_has_is_said_to_be_missing_of_this_one(
    serving: Callable[..., Server], shop: Path
) -> None:
    clusters, drawn = "`lookalike cluster", "`lookalike map map.html"
    server, pinned = serving(), serving("--output", "embedding")
    assert f"there are no clusters yet: {clusters}` finds" in message(server, "/v1/clusters")
    assert f"there is no map yet: {drawn}` lays" in message(server, "/v1/map")
    with Collection.open(shop / "collection") as other:
        other.use(DEFAULT_MODEL, "plain")
        other.clusters(k=3)
        other.map()
    named = f" --model {DEFAULT_MODEL}"
    assert f"there are no clusters of this model yet: {clusters}{named}`" in message(pinned, "/v1/clusters")
    assert f"there is no map of this model yet: {drawn}{named}`" in message(pinned, "/v1/map")
    with Collection.open(shop / "collection") as other:
        other.use(DEFAULT_MODEL, "embedding")
    assert f"there are no clusters of this model yet: {clusters}`" in message(server, "/v1/clusters")
    assert f"there is no map of this model yet: {drawn}`" in message(server, "/v1/map")


def message(server: Server, path: str) -> str:
    return str(server.get(path).json["error"]["message"])


def similarities(server: Server, data: bytes) -> list[float]:
    return [hit["similarity"] for hit in server.post("/v1/search?k=12", ("picture", data)).json["results"]]


def known(server: Server) -> list[str]:
    return [one["name"] for one in server.get("/v1/deployments").json["deployments"]]


def within(happens: Callable[[], bool]) -> bool:
    for _ in range(1200):
        if happens():
            return True
        time.sleep(0.05)
    return False


def test_an_old_one_is_closed_by_its_last_user(shop: Path) -> None:
    source = Source(collection=shop / "collection")
    sources = {"default": source, "same": source}
    deployments = Deployments(Limits())
    deployments.load(sources)
    old, again = deployments.enter("default"), deployments.enter("default")
    assert old is again
    deployments.switch("default", "same")
    new = deployments.enter("default")
    assert new is not old
    gallery = old.collection.gallery
    old.leave()
    assert len(old.collection.search(1, 3).results) == 3
    again.leave()
    with pytest.raises(CollectionError, match="closed"):
        gallery.count()
    new.leave()
    assert new.collection.gallery.count() == 12
    deployments.close()


def test_what_was_made_is_kept_until_something_is_written(shop: Path) -> None:
    deployments = Deployments(Limits())
    deployments.load({"default": Source(collection=shop / "collection")})
    served = deployments.enter("default")
    counts: list[int] = []

    def count(collection: Collection) -> int:
        counts.append(collection.gallery.count())
        return counts[-1]

    assert [served.kept("a", count), served.kept("a", count)] == [12, 12]
    assert served.kept(("b", 1), count) == 12
    assert len(counts) == 2
    served.collection.remove([1])
    assert [served.kept("a", count), served.kept("a", count)] == [11, 11]
    assert len(counts) == 3
    for number in range(1000):  # not everything that was ever asked
        served.kept(number, count)
    before = len(counts)
    served.kept(999, count)
    assert len(counts) == before
    served.kept(0, count)
    assert len(counts) == before + 1
    served.leave()
    deployments.close()
