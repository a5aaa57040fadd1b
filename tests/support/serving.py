"""A real server process for tests, on a free port of 127.0.0.1."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from PIL import Image

from lookalike.client import Client
from lookalike.collection import Collection

COMMAND = [sys.executable, "-c", "from lookalike.cli import main; main()", "serve"]


@dataclass
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error."""
        return self.json["error"]["code"]


@dataclass
class Server:
    """A running `lookalike serve`."""

    process: subprocess.Popen[str]
    url: str
    folder: Path
    said: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, *parts: tuple[str, bytes | str], **headers: str) -> Answer:
        """A multipart form; bytes are files."""
        body, kind = multipart(*parts)
        return self.ask("POST", path, body, {"Content-Type": kind, **headers})

    def client(self, **options: Any) -> Client:
        return Client(self.url, **options)

    def stop(self, how: signal.Signals = signal.SIGTERM, patience: float = 30) -> int:
        """End it; gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(patience)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


def multipart(*parts: tuple[str, bytes | str]) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    lines = []
    for name, value in parts:
        file = '; filename="picture.jpg"' if isinstance(value, bytes) else ""
        lines.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode())
        lines += [value if isinstance(value, bytes) else value.encode(), b"\r\n"]
    return b"".join([*lines, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def start(folder: Path, *options: str, out: int | IO[str] = subprocess.DEVNULL, **environment: str) -> Server:
    """Start a server of the collection in a folder, and wait until it answers; `out`: its standard output."""
    process = subprocess.Popen(
        [*COMMAND, "--collection", str(folder / "collection"), "--port", "0", *options],
        stderr=subprocess.PIPE,
        stdout=out,
        text=True,
        env={**os.environ, **environment},
        cwd=folder,
    )
    said = []
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line.rstrip())
        if found := re.search(r" on (http://\S+) ", line):
            return Server(process, found[1].replace("0.0.0.0", "127.0.0.1"), folder, said)
    process.stderr.close()
    process.wait()
    raise AssertionError(f"the server did not start: {said}")


def make_collection(folder: Path, pictures: Path) -> Path:
    """A collection of the drawn pictures beside them, and `query.jpg`; gives the folder."""
    Image.open(pictures / "red-circle.jpg").resize((120, 120)).save(folder / "query.jpg")
    with Collection.open(folder / "collection") as collection:
        collection.add(pictures, metadata=pictures / "shop.csv")
    return folder
