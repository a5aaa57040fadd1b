"""The lines that a server writes of its requests."""

from __future__ import annotations

import json
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
    assert told == [
        ("POST", "/v1/search", 200),
        ("HEAD", "/v1/pictures", 200),
        ("GET", "/v1/health", 421),
        ("GET", "/nothing\nhere", 404),
    ]
    assert "price" not in log.read_text()
    assert {line["client"] for line in lines} == {"127.0.0.1"}
    assert lines[1]["id"] == "mine-1"
    assert all(line["seconds"] > 0 for line in lines)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{12}\+00:00", line["time"]) for line in lines)
