"""The process: a socket, signals, and an end at which nothing is lost."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

from lookalike.errors import LookalikeError
from lookalike.server.app import create
from lookalike.server.auth import Auth
from lookalike.server.refusals import LONGEST_HEAD, protocol
from lookalike.server.service import Service
from lookalike.server.settings import Settings

BACKLOG = 512


def run(
    settings: Settings,
    auth: Auth,
    *,
    started: Callable[[str], None],
    read_again: Callable[[], Settings],
) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what is in work. SIGHUP reads the settings again and
    serves the deployments they name.

    Args:
        settings: what to serve, and how.
        auth: who may do what.
        started: called with the address when the first request can be answered.
        read_again: gives the settings anew.

    Raises:
        LookalikeError: a collection cannot be opened, or the address cannot be listened on.
    """
    listening = _listen(settings.host, settings.port)
    with listening:
        service = Service(settings, auth)
        service.load()
        config = uvicorn.Config(
            create(service),
            http=protocol(service),
            h11_max_incomplete_event_size=LONGEST_HEAD,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=max(1, round(settings.shutdown_seconds)),
        )
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        address = _address(listening, settings.host)
        server = _Server(config, lambda: started(address), lambda: service.reload(read_again))
        server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends with 0 after SIGTERM and Ctrl-C, instead of dying of the signal, and knows SIGHUP."""

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Callable[[], None],
        reload: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        super().__init__(config)
        self._ready, self._read_again = ready, reload
        self._reloading: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
        self._ready()

    def _reload(self) -> None:
        task = asyncio.ensure_future(self._read_again())
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise LookalikeError(f"{host} is no address to listen on: {error}") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise LookalikeError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another with --port"
        ) from None
    return listening


def _address(listening: socket.socket, host: str) -> str:
    port = listening.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
