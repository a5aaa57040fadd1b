"""What clients of the Peltarion platform send: a Postman collection, run by newman, on the real server."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from serving import Server

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = Path(__file__).parent / "postman" / "peltarion.json"
TOKEN = "peltarion-0123456789"


@pytest.fixture(scope="session")
def newman() -> str:
    """The command; skips where it is not there (`.ci/run` installs it)."""
    found = shutil.which(
        "newman", path=f"{ROOT / '.newman' / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
    )
    if not found:
        pytest.skip("needs newman: npm install --prefix .newman --no-save newman@6")
    return found


def test_the_postman_collection_passes(newman: str, serving: Callable[..., Server]) -> None:
    server = serving(LOOKALIKE_SERVE_TOKEN=TOKEN)
    picture = server.folder / "pictures" / "red-circle.jpg"
    values = {"url": server.url, "token": TOKEN, "deployment": "default", "picture": str(picture)}
    given = [part for name, value in values.items() for part in ("--env-var", f"{name}={value}")]
    done = subprocess.run(
        [newman, "run", str(COLLECTION), *given, "--color", "off"],
        capture_output=True,
        text=True,
        cwd=server.folder,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "assertions" in done.stdout


def test_the_answer_has_the_shape(server: Server) -> None:
    data = (server.folder / "pictures" / "blue-square.jpg").read_bytes()
    found = server.post("/deployment/similarity/default", ("anything", data)).json
    assert found.keys() == {"similarities"}
    assert len(found["similarities"]) == 10
    first = found["similarities"][0]
    assert first.keys() == {"index", "distance", "features"}
    assert first["distance"] == 0
    assert base64.b64decode(first["features"]["image"]).startswith(b"\xff\xd8\xff")
    distances = [one["distance"] for one in found["similarities"]]
    assert distances == sorted(distances)


def test_one_picture_is_wanted(server: Server) -> None:
    two = server.post("/deployment/similarity/default", ("a", b"x"), ("b", b"y"))
    assert (two.status, two.code) == (422, "usage")
