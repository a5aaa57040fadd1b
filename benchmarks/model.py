"""How well and how fast a model that ships finds lookalikes: int8 against float32, output by output.

    python benchmarks/model.py ../shared/data
    python benchmarks/model.py ../shared/data --float build/efficientnet-lite0-float.onnx
    python benchmarks/model.py ../shared/data --model efficientnet-lite2

DATA holds labelled pictures: `grocery` (product; queries against catalogue pictures and against
shop photos), `clothing` (garment) and `fruits` (variety), each with a `labels.csv`. In the last
two every picture is the query once and all others are the gallery. The float network is what
`scripts/convert_model.py` leaves in `build/`; without it, its lines are left out.

"ordinary" is the baseline: the published float network's last layer, the shorter side resized by area to
that of the network's square, the centre cut out. All other lines use lookalike's own decoding and
preparing. Speed is the bare network, one picture at a time on one thread, in turns.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookalike import models
from lookalike.embedder import prepare, reference_picture
from lookalike.runtimes import OnnxRuntime, Runtime
from lookalike.sandbox import Decoder
from lookalike.vectors import canonical

OUTPUTS = ("embedding", "plain", "texture")
ORDINARY = "float32 plain, ordinary"
BUILD = Path(__file__).resolve().parents[1] / "build"
COLUMNS = ("cat@1", "cat@5", "photo@1", "photo@5", "clothing", "fruits", "fruits@1")
ROUNDS, ROUND_SECONDS = 7, 0.7

Rows = list[dict[str, str]]


# --- metrics ---------------------------------------------------------------------------------


def recall_at(similarities: np.ndarray, wanted: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Share of queries with their label among the k most similar.

    Args:
        similarities: (q, n), query by gallery; -inf for what must not be found.
        wanted: (q,) labels of the queries.
        labels: (n,) labels of the gallery.
        k: how many places count.
    """
    best = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return float((labels[best] == wanted[:, None]).any(axis=1).mean())


def map_at_r(similarities: np.ndarray, labels: np.ndarray) -> float:
    """Mean average precision at R over a set whose pictures are each the query once.

    R is how many others have the query's label; average precision counts the first R places.
    Queries without another of their label are left out. (Musgrave, Belongie, Lim, "A metric
    learning reality check", 2020.)

    Args:
        similarities: (n, n), -inf on the diagonal.
        labels: (n,)
    """
    order = np.argsort(-similarities, axis=1, kind="stable")
    values = []
    for row, label in zip(order, labels, strict=True):
        r = int((labels == label).sum()) - 1
        if r:
            hits = labels[row[:r]] == label
            precisions = np.cumsum(hits) / np.arange(1, r + 1)
            values.append(float((precisions * hits).sum() / r))
    return statistics.mean(values)


def among_themselves(vectors: np.ndarray) -> np.ndarray:
    """Cosines (n, n) of unit rows with each other, -inf with themselves."""
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -np.inf)
    return similarities


# --- pictures --------------------------------------------------------------------------------


def ordinary_crop(rgb: np.ndarray, size: int) -> np.ndarray:
    """Shorter side to `size` by area, then the centre: what most projects do."""
    import cv2

    height, width = rgb.shape[:2]
    scale = size / min(height, width)
    target = (max(size, round(width * scale)), max(size, round(height * scale)))
    rgb = cv2.resize(rgb, target, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top, left = (rgb.shape[0] - size) // 2, (rgb.shape[1] - size) // 2
    return np.ascontiguousarray(rgb[top : top + size, left : left + size])


@dataclass(frozen=True)
class Line:
    """One line of the table: a network, its output, how pictures are cut."""

    name: str
    network: Runtime
    output: str
    cut: Callable[[np.ndarray], np.ndarray]


def lines(networks: dict[str, Runtime], how: models.Preprocessing) -> list[Line]:
    table = [
        Line(f"{kind} {output}", network, output, lambda rgb: prepare(rgb, how))
        for kind, network in networks.items()
        for output in OUTPUTS
    ]
    if "float32" in networks:
        table.append(Line(ORDINARY, networks["float32"], "plain", lambda rgb: ordinary_crop(rgb, how.size)))
    return table


def embedded(folder: Path, rows: Rows, table: list[Line], min_side: int) -> dict[str, np.ndarray]:
    """Vectors of every picture in `rows` for every line, by the line's name."""
    found: dict[str, list[np.ndarray]] = {line.name: [] for line in table}
    with Decoder() as decoder:
        for row in rows:
            rgb = decoder.decode(folder / row["path"], min_side).rgb
            for line in table:
                values = line.network.run(line.cut(rgb)[None], [line.output])[0]
                found[line.name].append(canonical(values)[0])
    return {name: np.stack(vectors) for name, vectors in found.items()}


# --- figures ---------------------------------------------------------------------------------


def column(rows: Rows, name: str) -> np.ndarray:
    return np.array([row[name] for row in rows])


def grocery_figures(rows: Rows, vectors: np.ndarray) -> Iterator[float]:
    role, product = column(rows, "role"), column(rows, "product")
    queries = role == "query"
    for part in ("catalogue", "photo"):
        gallery = role == part
        similarities = vectors[queries] @ vectors[gallery].T
        for k in (1, 5):
            yield recall_at(similarities, product[queries], product[gallery], k)


def figures(data: Path, table: list[Line], min_side: int) -> dict[str, list[float]]:
    """The figures of `COLUMNS` for every line, by the line's name."""
    sets = {}
    for name in ("grocery", "clothing", "fruits"):
        with (data / name / "labels.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        sets[name] = rows, embedded(data / name, rows, table, min_side)
    garment, variety = column(sets["clothing"][0], "garment"), column(sets["fruits"][0], "variety")
    result = {}
    for line in table:
        clothing = among_themselves(sets["clothing"][1][line.name])
        fruits = among_themselves(sets["fruits"][1][line.name])
        result[line.name] = [
            *grocery_figures(sets["grocery"][0], sets["grocery"][1][line.name]),
            map_at_r(clothing, garment),
            map_at_r(fruits, variety),
            recall_at(fruits, variety, variety, 1),
        ]
    return result


def speeds(networks: dict[str, Runtime], how: models.Preprocessing) -> dict[str, float]:
    """Pictures a second of the bare networks; the median of several turns."""
    ready = prepare(reference_picture(), how)[None]
    measured: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(ROUNDS):
        for name, network in networks.items():
            runs, start = 0, time.perf_counter()
            while (passed := time.perf_counter() - start) < ROUND_SECONDS:
                network.run(ready, ["embedding"])
                runs += 1
            measured[name].append(runs / passed)
    return {name: statistics.median(values) for name, values in measured.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with grocery, clothing and fruits")
    parser.add_argument("--model", default=models.DEFAULT_MODEL, help="which one (%(default)s)")
    parser.add_argument("--float", type=Path, help="the float network", dest="float_file")
    options = parser.parse_args()
    card = models.find(options.model)
    how = card.preprocessing
    files = {
        "int8": models.onnx_file(card),
        "float32": options.float_file or BUILD / f"{options.model}-float.onnx",
    }
    networks: dict[str, Runtime] = {
        kind: OnnxRuntime(file, how.tensor, threads=1) for kind, file in files.items() if file.is_file()
    }
    for kind in files.keys() - networks.keys():
        print(f"{kind} is left out: there is no {files[kind]}; scripts/convert_model.py makes it\n")
    found = figures(options.data, lines(networks, how), how.short_side)
    print("recall@k of grocery queries by product, against catalogue pictures and shop photos; MAP@R of")
    print("clothing by garment, MAP@R and recall@1 of fruits by variety, leave-one-out\n")
    print(f"{'':24}" + "".join(f"{name:>10}" for name in COLUMNS))
    for name, values in found.items():
        print(f"{name:24}" + "".join(f"{value:10.3f}" for value in values))
    measured = speeds(networks, how)
    print("\nbare network, one thread:")
    for kind, per_second in measured.items():
        megabytes = files[kind].stat().st_size / 1e6
        print(f"{kind:24}{per_second:10.1f} pictures/s {megabytes:8.1f} MB")
    if len(measured) == 2:
        print(f"{'int8 / float32':24}{measured['int8'] / measured['float32']:10.2f}")


if __name__ == "__main__":
    main()
