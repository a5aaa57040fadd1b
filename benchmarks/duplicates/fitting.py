"""Fit the shipped calibration: edits of shared pictures, and pairs of others that are compared as well."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pictures
from finders import THREADS

from lookalike import Collection, images
from lookalike.duplicates.agreement import agree
from lookalike.duplicates.aligning import align
from lookalike.duplicates.calibrating import evidence_of_edit
from lookalike.duplicates.calibration import NAMES, Calibration, Floats, fit, numbers
from lookalike.duplicates.candidates import by_features, by_hash
from lookalike.duplicates.edits import EDITS
from lookalike.duplicates.looks import sketch
from lookalike.duplicates.reading import Reading
from lookalike.duplicates.sketches import Sketches

EVERY = 5  # of the pictures that are no edits, this one is among those of which pairs are compared


def evidence(folder: Path, count: int) -> tuple[list[Floats], list[Floats]]:
    """The numbers of pairs that are copies, and of pairs that are not.

    Args:
        folder: where the pictures are put.
        count: how many are edited. They are others than those the benchmark `edits` takes for its own count.
    """
    names = pictures.shared()
    taken = set(pictures.spread(names, 2 * count)[::2])
    chosen = [name for name in pictures.spread(names, 2 * count) if name not in taken]
    others = [
        pictures.read(pictures.DATA / name) for name in pictures.spread(pictures.shared(["unlabelled"]), 40)
    ]
    positives = list(_positives(chosen, others))
    truth = pictures.put_shared(folder, [*names[::EVERY], *pictures.shared(pictures.HARD)])
    return positives, list(_negatives(folder, truth))


def _positives(names: list[str], others: list[pictures.Pixels]) -> Iterator[Floats]:
    for number, name in enumerate(names):
        rgb = pictures.read(pictures.DATA / name)
        original = sketch(images.Decoded(rgb, rgb.shape[1], rgb.shape[0], "array"))
        for step, edit in enumerate(EDITS.values()):
            found = evidence_of_edit(original, edit.apply(rgb, others, np.random.default_rng([number, step])))
            if found is not None:
                yield found


def _negatives(folder: Path, truth: pictures.Truth) -> Iterator[Floats]:
    """The numbers of pairs that a search for copies would compare, and that are none."""
    with (
        tempfile.TemporaryDirectory() as place,
        Collection.open(Path(place) / "collection") as collection,
        Reading(THREADS) as reading,
    ):
        collection.add([folder])
        gallery = collection.gallery
        ids, hashes = gallery.hashes()
        sketches = Sketches(gallery, reading)
        sketches.prepare(ids.tolist())
        voted = by_features(sketches.patches(ids.tolist()), len(ids), threads=THREADS)
        shows = [truth[row.path].shows for row in gallery.get(ids.tolist())]
        pairs = np.unique(np.concatenate([voted.pairs, by_hash(hashes)]), axis=0).tolist()
        for first, second in pairs:
            if not shows[first] & shows[second]:
                a, b = (sketches.sketch(int(ids[place])) for place in (first, second))
                alignment = align(a.features, b.features, a.size, b.size)
                seen = agree(a.look.grey, b.look.grey, alignment.transform) if alignment else None
                if seen is not None:
                    yield numbers(seen)


def fitted(positives: list[Floats], negatives: list[Floats]) -> Calibration:
    """The calibration that they ask for, starting from nothing known."""
    nothing = Calibration((0.0,) * (len(NAMES) + 1))
    weights = fit(positives, negatives, nothing, freedom=10.0)
    return Calibration(tuple(round(float(weight), 2) for weight in weights))


def told(calibration: Calibration, positives: list[Floats], negatives: list[Floats]) -> Iterator[str]:
    """What it makes of the pairs, in lines."""
    yield f"weights of {', '.join(NAMES)}, and the constant: {calibration.weights}"
    for name, pairs in (("copies", positives), ("others", negatives)):
        score = np.array(pairs) @ np.array(calibration.weights)
        shares = {p: int((score >= np.log(p / (1 - p))).sum()) for p in (0.5, 0.9, 0.99, 0.999)}
        yield f"{len(pairs)} {name}; " + ", ".join(f"at {p:g} {number}" for p, number in shares.items())
