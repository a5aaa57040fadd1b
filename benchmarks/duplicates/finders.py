"""What finds copies: lookalike, a bare perceptual hash, and imagededup in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from scoring import Group, Member, Pairs, pairs_within

import lookalike
from lookalike import images
from lookalike.duplicates.hashes import perceptual_hash

THREADS = 2
NETWORK = Path(lookalike.__file__).parent / "models" / "efficientnet-lite0.onnx"
PEER = Path(__file__).with_name("peer_imagededup.py")


@dataclass(frozen=True)
class Found:
    """What a finder said.

    seconds: from files to groups, reading included; `preparing` of these before the comparison
        (hashes, vectors).
    looser: groups asked at a lower precision, whose members have probabilities, for the curve.
    said: what was said of pairs directly, where groups are only derived from it.
    """

    name: str
    groups: Sequence[Group]
    seconds: float
    preparing: float
    looser: Sequence[Group] | None = None
    said: Pairs | None = None

    @property
    def pairs(self) -> Pairs:
        return pairs_within(group.paths for group in self.groups) if self.said is None else self.said


class Finder(Protocol):
    def find(self, folder: Path, precision: float) -> list[Found]:
        """The copies among the pictures of a folder; more than one answer for several settings."""


class Lookalike:
    """The product, as people use it: a new collection of the folder, and its duplicates.

    Afterwards asked once more at a `looser` precision, where there is one.
    """

    def __init__(self, model: str | None = None, looser: float | None = None) -> None:
        self.model, self.looser = model, looser

    def find(self, folder: Path, precision: float) -> list[Found]:
        with (
            tempfile.TemporaryDirectory() as place,
            lookalike.Collection.open(Path(place) / "collection", model=self.model) as collection,
        ):
            start = time.perf_counter()
            collection.add([folder])
            indexed = time.perf_counter()
            groups = groups_of(collection.duplicates(precision=precision))
            end = time.perf_counter()
            looser = self.looser and groups_of(collection.duplicates(precision=self.looser))
        return [Found("lookalike", groups, end - start, indexed - start, looser or None)]


def groups_of(duplicates: object) -> list[Group]:
    """The groups of `lookalike.results.Duplicates`, without bursts, which are no copies."""
    groups = []
    for group in duplicates.groups:  # type: ignore[attr-defined]
        copies = [m for m in group.members if m.kind != "burst"]
        members = tuple(Member(m.path, m.probability, m.kind, m.transform) for m in copies)
        if members:
            groups.append(Group(group.keep, members))
    return groups


class PerceptualHash:
    """lookalike's 64-bit hash alone: the nearest that can be had without a network."""

    def __init__(self, bits: int = 8) -> None:
        self.bits = bits

    def find(self, folder: Path, precision: float) -> list[Found]:
        start = time.perf_counter()
        paths, hashes = _hashed(folder)
        hashed = time.perf_counter()
        groups = _stars(paths, hashes, self.bits)
        end = time.perf_counter()
        name = f"perceptual hash, {self.bits} bits"
        return [Found(name, groups, end - start, hashed - start, looser=groups)]


def _hashed(folder: Path) -> tuple[list[str], np.ndarray]:
    limits = images.Limits()
    if any(folder.rglob("*.heic")):
        import pillow_heif

        pillow_heif.register_heif_opener()
    paths = sorted(str(path) for path in folder.rglob("*.*") if path.is_file())
    some = (images.decode(Path(path).read_bytes(), min_side=128, limits=limits).rgb for path in paths)
    return paths, np.array([perceptual_hash(rgb) for rgb in some], np.int64).view(np.uint64)


def _stars(paths: Sequence[str], hashes: np.ndarray, bits: int) -> list[Group]:
    """The first picture that is still free takes all that are near it."""
    free = np.ones(len(paths), bool)
    groups = []
    for k in range(len(paths)):
        if free[k]:
            free[k] = False
            far = np.bitwise_count(hashes ^ hashes[k])
            near = np.nonzero(free & (far <= bits))[0]
            free[near] = False
            if len(near):
                members = (Member(paths[j], 1 - float(far[j]) / 64) for j in near)
                groups.append(Group(paths[k], tuple(members)))
    return groups


class Imagededup:
    """The best-known library, at its own defaults, run by a Python that has it."""

    def __init__(self, python: str) -> None:
        self.python = python

    def find(self, folder: Path, precision: float) -> list[Found]:
        with tempfile.NamedTemporaryFile(suffix=".json") as answer:
            command = [self.python, str(PEER), str(folder), answer.name, str(THREADS), str(NETWORK)]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode:
                raise SystemExit(f"{self.python} {PEER.name} failed:\n{run.stderr}")
            runs = json.loads(Path(answer.name).read_text("utf-8"))
        return [self._found(folder, run) for run in runs if _usable(run)]

    def _found(self, folder: Path, run: dict) -> Found:
        """Groups as `find_duplicates_to_remove` forms them; it names files relative to the folder."""
        near = {str(folder / name): [str(folder / n) for n in names] for name, names in run["near"].items()}
        gone: set[str] = set()
        groups = []
        for path, copies in near.items():
            if path not in gone and set(copies) - gone:
                groups.append(Group(path, tuple(Member(copy) for copy in copies if copy not in gone)))
                gone.update(copies)
        said = {frozenset([path, copy]) for path, copies in near.items() for copy in copies}
        return Found(f"imagededup {run['name']}", groups, run["seconds"], run["preparing"], said=said)


def _usable(run: dict) -> bool:
    if "error" in run:
        print(f"imagededup {run['name']}: {run['error']}")
    return "error" not in run
