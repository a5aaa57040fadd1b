"""The lines that a server writes of its requests."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from serving import Server


@pytest.mark.parametrize("asked", [True, False])
def test_a_line_for_each_request(
    shop: Path, serving: Callable[..., Server], tmp_path: Path, asked: bool
) -> None:
    log = tmp_path / "access.log"
    with log.open("w") as out:
        server = serving(*(["--access-log"] if asked else []), out=out)
        picture = (shop / "query.jpg").read_bytes()
        assert server.post("/v1/search", ("picture", picture), ("where", "price > 1")).status == 200
        assert server.ask("HEAD", "/v1/pictures?where=price", None, {"X-Request-ID": "mine-1"}).status == 200
        assert server.ask("GET", "/v1/health", None, {"Host": "other.example"}).status == 421
        assert server.get("/nothing%0Ahere").status == 404
        assert server.stop() == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    if not asked:
        assert lines == []
        return
    told = [(line["method"], line["path"], line["status"]) for line in lines]
    assert sorted(told) == [
        ("GET", "/nothing\nhere", 404),
        ("GET", "/v1/health", 421),
        ("HEAD", "/v1/pictures", 200),
        ("POST", "/v1/search", 200),
    ]
    assert "price" not in log.read_text()
    assert {line["client"] for line in lines} == {"127.0.0.1"}
    assert [line["path"] for line in lines if line["id"] == "mine-1"] == ["/v1/pictures"]
    assert all(line["seconds"] >= 0 for line in lines)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{12}\+00:00", line["time"]) for line in lines)


@pytest.mark.parametrize("gone", [True, False])
def test_nobody_who_reads_it_not_holds_up_a_request(serving: Callable[..., Server], gone: bool) -> None:
    """Either the reader has gone, or it does not read, and the pipe is full after some hundred lines."""
    reading, writing = os.pipe()
    server = serving("--access-log", out=writing)
    os.close(writing)
    if gone:
        os.close(reading)
    assert {server.get("/v1/health").status for _ in range(1000)} == {200}
    assert server.stop() == 0
    if not gone:
        os.close(reading)
