"""Schemathesis asks what the OpenAPI description allows, and what it does not: no answer is a fault."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lookalike.collection import Collection
from serving import Server, make_collection, start

# Not `positive_data_acceptance`: that a form has one picture or one id cannot be said in its schema.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
CHECKS += ",response_headers_conformance,unsupported_method,missing_required_header"

# The same requests each time, and nothing that depends on how busy the machine is.
STEADY = ["--generation-deterministic", "--seed", "1", "--suppress-health-check", "all"]
STEADY += ["--request-timeout", "60", "--max-examples", "5"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, draw_shop: Callable[[Path], Path]) -> Iterator[Server]:
    """What the examples of the description name is there: clusters, and a deployment `candidate`."""
    folder = tmp_path_factory.mktemp("described")
    make_collection(folder, draw_shop(folder / "pictures"))
    with Collection.open(folder / "collection") as collection:
        collection.clusters(3)
        collection.duplicates(threads=1)
        collection.map()
    running = start(folder, "--deployment", f"candidate={folder / 'collection'}")
    yield running
    assert running.stop() == 0


def test_no_request_is_too_much(server: Server) -> None:
    phases = "examples,coverage,fuzzing" if os.environ.get("CI") else "examples,coverage"
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"]
    done = subprocess.run(
        [*command, "--checks", CHECKS, "--phases", phases, "--no-color", *STEADY],
        capture_output=True,
        text=True,
        cwd=server.folder,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated, done.stdout[-2000:]
    assert int(generated[1]) > 150
    metrics = server.get("/metrics").body.decode()
    assert not re.search(r'lookalike_requests_total\{.*status="5\d\d"\}', metrics)
