"""What Prometheus reads: requests, time, work, refusals and what is served."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, processor time, open files
        self.requests = Counter(
            "lookalike_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "lookalike_request_seconds",
            "Time from the request's head to the end of the answer",
            ("route",),
            registry=self.registry,
            buckets=BUCKETS,
        )
        self.in_work = self._gauge("in_work", "Requests in work or waiting for a thread")
        self.open = self._gauge("open_requests", "Requests under way, uploads included")
        self.held = self._gauge("held_bytes", "Bytes of the bodies of requests under way")
        self.pictures = Gauge(
            "lookalike_pictures", "Pictures that are served", ("deployment",), registry=self.registry
        )
        self.switches = Counter(
            "lookalike_switches", "Deployments put in place of others", registry=self.registry
        )

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(f"lookalike_{name}", what, registry=self.registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def page(self, pictures: Iterable[tuple[str, int]]) -> bytes:
        """Everything in Prometheus's text format.

        Args:
            pictures: how many each deployment serves.
        """
        self.pictures.clear()
        for name, count in pictures:
            self.pictures.labels(name).set(count)
        return generate_latest(self.registry)
