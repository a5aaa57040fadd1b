"""Parts of the server by themselves: the pool, budgets, thumbnails, answers, faults."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import CancelledError

import pytest

from lookalike.errors import RequestError
from lookalike.server import routes_search
from lookalike.server.auth import Auth
from lookalike.server.frame import Frame
from lookalike.server.limits import Budget, WorkPool
from lookalike.server.looking import Looking
from lookalike.server.service import Service
from lookalike.server.settings import Settings
from lookalike.server.thumbnails import Thumbnails


def nothing() -> None:
    """What is to be done when work is over, in tests of something else."""


# --- the pool ---------------------------------------------------------------------------------


def test_the_line_is_bounded_and_what_is_done_is_told() -> None:
    async def all_of_it() -> None:
        pool, gate, over = WorkPool("test", 1, 2, 30), threading.Event(), []
        tasks = [asyncio.ensure_future(pool.run(gate.wait, lambda: over.append(1))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(RequestError) as refused:
            await pool.run(gate.wait, lambda: over.append(1))
        assert (refused.value.status, refused.value.retry_after) == (429, 1)
        assert over == [1]
        gate.set()
        assert await asyncio.gather(*tasks) == [True] * 3
        while pool.in_work or len(over) < 4:
            await asyncio.sleep(0.001)
        assert (pool.in_work, len(over)) == (0, 4)
        pool.close()

    asyncio.run(all_of_it())


def test_what_takes_too_long_keeps_its_place_until_it_ends() -> None:
    async def all_of_it() -> None:
        pool, gate, over, begun = WorkPool("test", 1, 1, 0.05), threading.Event(), [], []
        slow = asyncio.ensure_future(pool.run(gate.wait, lambda: over.append("slow")))
        await asyncio.sleep(0)
        late = asyncio.ensure_future(pool.run(lambda: begun.append(1), lambda: over.append("late")))
        for task in (slow, late):
            with pytest.raises(RequestError) as refused:
                await task
            assert refused.value.code == "timeout"
        assert (pool.in_work, over) == (2, [])
        gate.set()
        while pool.in_work:
            await asyncio.sleep(0.001)
        assert sorted(over) == ["late", "slow"]
        assert not begun  # nobody waited for it any more
        pool.close()

    asyncio.run(all_of_it())


def test_an_error_of_the_work_is_the_answer() -> None:
    async def all_of_it() -> None:
        pool = WorkPool("test", 1, 1, 30)
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 / 0, nothing)
        assert await pool.run_in_turn(lambda: 2, nothing) == 2
        pool.close()

    asyncio.run(all_of_it())


def test_parts_of_a_large_request_wait_for_a_thread() -> None:
    async def all_of_it() -> None:
        pool, most, now, lock = WorkPool("test", 2, 0, 30), [0], [0], threading.Lock()

        def work() -> None:
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            threading.Event().wait(0.002)
            with lock:
                now[0] -= 1

        await asyncio.gather(*(pool.run_in_turn(work, nothing) for _ in range(20)))
        assert 1 <= most[0] <= 2
        pool.close()

    asyncio.run(all_of_it())


def test_a_picture_of_a_batch_that_takes_too_long_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        async def ask_in_turn(self, served: object, work: object) -> bytes:
            raise RequestError("this took longer than 1 s", 503, "timeout", retry_after=1)

    line = asyncio.run(routes_search.line(Slow(), None, "id-1", "a.jpg", nothing))
    told = json.loads(line)
    assert (told["query"], told["error"]["code"], told["error"]["request_id"]) == ("a.jpg", "timeout", "id-1")


def test_the_end_does_not_wait_for_a_search_that_does_not_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, ended = threading.Event(), threading.Event()
    looking = Looking(1)

    def look(served: object) -> None:
        gate.wait()
        raise CancelledError

    monkeypatch.setattr(looking, "_look", look)
    looking.begin("default", None, ended.set)
    looking.close(0.01)
    assert looking.state.state == "running"
    assert not ended.is_set()
    gate.set()
    assert ended.wait(30)


def test_a_search_without_a_thread_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_: object) -> None:
        raise RuntimeError("can't start new thread")

    looking, over = Looking(1), []
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_more)
        with pytest.raises(RequestError) as refused:
            looking.begin("default", None, lambda: over.append(1))
    assert (refused.value.status, over, looking.state.state) == (503, [1], "idle")
    looking.close(1)


def test_a_budget_is_given_back() -> None:
    budget = Budget(10)
    with budget.share() as one, budget.share() as two:
        one.take(6)
        with pytest.raises(RequestError):
            two.take(5)
        two.take(4)
        assert budget.used == 10
    assert budget.used == 0


# --- what is kept -----------------------------------------------------------------------------


def test_thumbnails_are_kept_up_to_a_size() -> None:
    thumbnails, made = Thumbnails(10), []

    def make(name: str) -> bytes:
        made.append(name)
        return b"1234"

    for name in ("a", "b", "a", "c", "a", "b"):  # c drops b, which was asked for before a
        assert thumbnails.get(name, 64, lambda: make(name)) == b"1234"  # noqa: B023
    assert made == ["a", "b", "c", "b"]


# --- faults -----------------------------------------------------------------------------------


def test_a_fault_is_told_in_the_one_shape_and_counted() -> None:
    shop = "https://shop.example"

    async def broken(scope, receive, send) -> None:
        raise RuntimeError("with a secret")

    async def all_of_it() -> list[dict]:
        sent: list[dict] = []
        service = Service(Settings(cors_origins=(shop,)), Auth(None, None, required=False))
        found = [(b"host", b"localhost"), (b"origin", shop.encode())]
        scope = {"type": "http", "method": "ODD", "path": "/x", "headers": found}

        async def send(message: dict) -> None:
            sent.append(message)

        await Frame(broken, service)(scope, None, send)
        assert b'method="other",route="none",status="500"' in service.metrics.page([])
        assert (service.open.used, service.held.used) == (0, 0)
        service.pool.close()
        service.writer.close()
        return sent

    start, body = asyncio.run(all_of_it())
    error = json.loads(body["body"])["error"]
    assert (start["status"], error["code"]) == (500, "internal")
    assert "secret" not in error["message"]
    assert (b"x-request-id", error["request_id"].encode()) in start["headers"]
    # A page that may ask may also read why there is no answer.
    assert (b"access-control-allow-origin", shop.encode()) in start["headers"]
