"""Broken files and odd requests: each is refused with a reason, and the server is as it was."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import psutil
import pytest

from serving import Server

GROWTH = 150 << 20  # bytes; one decoder's memory and what the first pictures load


def memory(server: Server) -> int:
    return psutil.Process(server.process.pid).memory_info().rss


def files_in(folder: Path) -> int:
    uploads = folder / "collection" / "uploads"
    return sum(1 for _ in uploads.iterdir()) if uploads.exists() else 0


def test_every_malformed_file_gets_a_picture_or_a_reason(server: Server, shared_data: Path) -> None:
    files = sorted(path for path in (shared_data / "malformed").rglob("*") if path.is_file())
    assert len(files) > 500
    query = (server.folder / "query.jpg").read_bytes()
    server.post("/v1/search", ("picture", query))
    seen: Counter[int] = Counter()
    before = memory(server)
    for file in files:
        answer = server.ask("POST", "/v1/search", file.read_bytes(), {"Content-Type": "image/jpeg"})
        assert answer.status == 200 or answer.json["error"]["message"], file
        seen[answer.status] += 1
    assert set(seen) <= {200, 400, 413, 422}, seen
    assert seen[422] > 300
    assert memory(server) - before < GROWTH
    assert files_in(server.folder) == 0
    assert server.post("/v1/search", ("picture", query)).status == 200


@pytest.mark.parametrize("path", ["/v1/search", "/v1/pictures", "/v1/duplicates"])
def test_no_picture_is_kept_of_what_is_none(server: Server, path: str) -> None:
    before = files_in(server.folder)
    answer = server.post(path, ("picture", b"\x89PNG\r\n\x1a\n" + bytes(1000)))
    assert (answer.status, answer.code) == (422, "picture")
    assert files_in(server.folder) == before
