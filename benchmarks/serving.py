"""How many picture queries a second `lookalike serve` answers, how long they take, and what overload does.

    python benchmarks/serving.py [--pictures FOLDER] [--size 100000] [--seconds 10] [--json FILE]

Makes a collection of drawn vectors of the default model, starts the real server process on 127.0.0.1, and
sends JPEGs of 400 px as multipart forms over connections that are kept:

- `most`: eight clients that each send the next query when the last one is answered;
- `at 80 %`: queries at random moments (Poisson), at 0.8 of that rate, whether the ones before are answered
  or not;
- `overload`: the same at three times that rate: how many are answered in time, how many refused with 429.

The generator shares the machine, and its processor time is shown: on two cores the server has what is left.
Wanted: at least 150 queries/s, p99 <= 5 x p50 at 80 %, and in overload answers or 429, nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from search import CLUSTERS, batches, picture

from lookalike.embedder import Embedder
from lookalike.gallery.base import Space
from lookalike.gallery.local import LocalGallery

HERE = Path(__file__).resolve().parent
PICTURES = HERE.parents[1] / "shared" / "data" / "clothing" / "images"
SIDE = 400
CLIENTS = 8
MOST_OPEN = 200


@dataclass
class Run:
    """One load: what was answered, and how long it took."""

    name: str
    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    server_cpu: float = 0.0
    own_cpu: float = 0.0

    def facts(self) -> dict[str, object]:
        p50, p99 = (1000 * float(np.quantile(self.times, q)) for q in (0.5, 0.99))
        return {
            "load": self.name,
            "answered_per_s": round(self.statuses[200] / self.seconds, 1),
            "sent_per_s": round(sum(self.statuses.values()) / self.seconds, 1),
            "p50_ms": round(p50, 1),
            "p99_ms": round(p99, 1),
            "p99/p50": round(p99 / p50, 2),
            "statuses": dict(sorted(self.statuses.items())),
            "server_cores": round(self.server_cpu / self.seconds, 2),
            "generator_cores": round(self.own_cpu / self.seconds, 2),
        }


# --- what is served and asked -----------------------------------------------------------------


def make_collection(folder: Path, size: int) -> None:
    embedder = Embedder.load()
    space = Space(
        embedder.identity, embedder.card.name, embedder.output, embedder.runtime, embedder.dimension
    )
    with LocalGallery(folder) as gallery, gallery.writing() as writing:
        for start, rows in batches(size):
            writing.put(space, [picture(start + i) for i in range(len(rows))], rows)


def jpegs(folder: Path, count: int = 200) -> list[bytes]:
    """Pictures with a longer side of 400 px: photos of the folder, or noise of as many bytes."""
    found = []
    for file in sorted(folder.rglob("*.jpg"))[:count]:
        with Image.open(file) as image:
            image.thumbnail((SIDE, SIDE))
            found.append(encoded(image.convert("RGB")))
    if found:
        return found
    print(f"no pictures in {folder}: drawing some", file=sys.stderr)
    dice = np.random.default_rng(0)
    drawn = (dice.integers(0, 256, (24, 18, 3), np.uint8) for _ in range(count))
    return [encoded(Image.fromarray(noise).resize((300, SIDE), Image.Resampling.BICUBIC)) for noise in drawn]


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def request(data: bytes) -> bytes:
    """A whole search request."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + data + b"\r\n--x--\r\n"
    )
    head = (
        "POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


# --- the generator ----------------------------------------------------------------------------


class Connection:
    """One connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, message: bytes) -> int:
        """Send a request and read its answer; gives the status."""
        self.writer.write(message)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        await self.reader.readexactly(int(length[1]) if length else 0)
        return int(head[9:12])


async def closed(port: int, messages: list[bytes], seconds: float, run: Run) -> None:
    until = time.perf_counter() + seconds

    async def client(number: int) -> None:
        connection = await Connection.to(port)
        dice = random.Random(number)
        while time.perf_counter() < until:
            await timed(connection, dice.choice(messages), time.perf_counter(), run)
        connection.writer.close()

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))


async def opened(port: int, messages: list[bytes], rate: float, seconds: float, run: Run) -> None:
    idle: list[Connection] = []
    open_now = 0
    dice = random.Random(1)

    async def one(message: bytes, due: float) -> None:
        nonlocal open_now
        try:
            connection = _kept(idle) or await Connection.to(port)
            await timed(connection, message, due, run)
            idle.append(connection)
        except (OSError, EOFError):
            run.statuses[0] += 1
        finally:
            open_now -= 1

    tasks = []
    due = time.perf_counter()
    until = due + seconds
    while (due := due + dice.expovariate(rate)) < until:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if open_now >= MOST_OPEN:
            run.statuses[-1] += 1  # the generator's own limit
            continue
        open_now += 1
        tasks.append(asyncio.ensure_future(one(dice.choice(messages), due)))
    await asyncio.gather(*tasks)
    for connection in idle:
        connection.writer.close()


def _kept(idle: list[Connection]) -> Connection | None:
    """One that is open still: the server closes those that bring nothing for five seconds."""
    while idle:
        connection = idle.pop()
        if not connection.reader.at_eof():
            return connection
        connection.writer.close()
    return None


async def timed(connection: Connection, message: bytes, since: float, run: Run) -> None:
    status = await connection.ask(message)
    run.statuses[status] += 1
    if status == 200:
        run.times.append(time.perf_counter() - since)


# --- all of it --------------------------------------------------------------------------------


def measured(name: str, server: psutil.Process, load: object) -> Run:
    run = Run(name)
    before, own, started = sum(server.cpu_times()[:2]), sum(os.times()[:2]), time.perf_counter()
    asyncio.run(load(run))  # type: ignore[operator]
    run.seconds = time.perf_counter() - started
    run.server_cpu, run.own_cpu = sum(server.cpu_times()[:2]) - before, sum(os.times()[:2]) - own
    print(json.dumps(run.facts()), flush=True)
    return run


def loads(port: int, server: psutil.Process, messages: list[bytes], seconds: float) -> list[Run]:
    measured("warm-up", server, lambda run: closed(port, messages, 2, run))
    most = measured("most", server, lambda run: closed(port, messages, seconds, run))
    rate = most.statuses[200] / most.seconds
    at_80 = measured("at 80 %", server, lambda run: opened(port, messages, 0.8 * rate, seconds, run))
    over = measured("overload", server, lambda run: opened(port, messages, 3 * rate, seconds, run))
    return [most, at_80, over]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, default=PICTURES, help="folder of JPEGs to ask with")
    parser.add_argument("--size", type=int, default=100_000, help=f"vectors, around {CLUSTERS} centres")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load, at most 60")
    parser.add_argument("--threads", type=int, help="of the server")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args()
    messages = [request(data) for data in jpegs(options.pictures)]
    with tempfile.TemporaryDirectory() as folder:
        make_collection(Path(folder), options.size)
        command = [sys.executable, "-m", "lookalike", "serve", "-c", folder, "--port", "0"]
        command += ["--threads", str(options.threads)] if options.threads else []
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            found = next(m for line in process.stderr if (m := re.search(r"http://127.0.0.1:(\d+) ", line)))
            server = psutil.Process(process.pid)
            print(f"cores {os.cpu_count()}, load before {os.getloadavg()}", flush=True)
            runs = loads(int(found[1]), server, messages, min(60.0, options.seconds))
            memory = server.memory_info().rss / 2**20
            process.terminate()
            code = process.wait(60)
    facts = [run.facts() for run in runs]
    print(f"resident {memory:.0f} MB, exit code {code}, load after {os.getloadavg()}")
    if options.json:
        options.json.write_text(json.dumps({"loads": facts, "resident_mb": memory, "exit": code}, indent=1))


if __name__ == "__main__":
    main()
