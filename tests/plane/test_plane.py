"""The map's layout: what is near stays near, the same each time, kept, gone on with, brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from lookalike.files import FileIdentity
from lookalike.gallery.base import Gallery, Picture, Space
from lookalike.gallery.local import LocalGallery
from lookalike.gallery.memory import MemoryGallery
from lookalike.neighbours import Graph, graph
from lookalike.plane import keeping, layout, placing, quality, starting
from lookalike.plane.keeping import Plane, plane
from lookalike.progress import Stages
from lookalike.vectors import Vectors, canonical

SPACE = Space("drawn", "drawn", "embedding", "none", 24)


def picture(number: int) -> Picture:
    file = FileIdentity(f"/p/{number:05}.jpg", number, number)
    return Picture(file, f"{number:064x}", 4, 3, "JPEG", number)


def put(gallery: Gallery, rows: Vectors, first: int = 0) -> list[int]:
    with gallery.writing() as writing:
        return writing.put(SPACE, [picture(first + i) for i in range(len(rows))], rows)


def groups(*sizes: int, seed: int = 0, spread: float = 0.35) -> tuple[Vectors, np.ndarray]:
    """Unit vectors around as many centres as there are sizes, and the group of each."""
    dice = np.random.default_rng(seed)
    centres = np.random.default_rng(1).standard_normal((len(sizes), SPACE.dimension))
    group = np.repeat(np.arange(len(sizes)), sizes)
    return canonical(centres[group] + spread * dice.standard_normal((len(group), SPACE.dimension))), group


def filled(rows: Vectors) -> MemoryGallery:
    gallery = MemoryGallery()
    put(gallery, rows)
    return gallery


@pytest.fixture(scope="module")
def three() -> tuple[MemoryGallery, np.ndarray, Plane]:
    """Three groups that lie apart, and their layout."""
    rows, group = groups(60, 80, 40)
    gallery = filled(rows)
    return gallery, group, plane(gallery, SPACE)


# --- the layout ---------------------------------------------------------------------------------


def test_groups_that_lie_apart_lie_apart_in_the_plane(
    three: tuple[MemoryGallery, np.ndarray, Plane],
) -> None:
    _, group, flat = three
    distances = np.hypot(*(flat.points[:, None] - flat.points[None]).transpose(2, 0, 1))
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :5]
    assert (group[nearest] == group[:, None]).mean() > 0.98
    assert flat.quality is not None
    assert flat.quality.trustworthiness > 0.85
    assert not flat.placed.any()


def test_the_same_vectors_give_the_same_points(three: tuple[MemoryGallery, np.ndarray, Plane]) -> None:
    gallery, _, flat = three
    again = plane(gallery, SPACE, fresh=True)
    assert again.points.tobytes() == flat.points.tobytes()
    assert again.quality == flat.quality


@pytest.mark.parametrize("few", [0, layout._FEW], ids=["by a grid", "by a tree"])
def test_more_threads_change_nothing(
    three: tuple[MemoryGallery, np.ndarray, Plane], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    gallery, _, flat = three
    monkeypatch.setattr(layout, "_FEW", few)
    affinities = layout._affinities(flat.graph)
    start = layout.State.start(starting.principal(keeping._Blocks(gallery, SPACE), flat.ids))
    states = []
    for jobs in (1, 3):
        early = layout._stepped(start, affinities, 12.0, jobs)
        states.append(layout._stepped(early, affinities, 1.0, jobs))
    assert states[0].points.tobytes() == states[1].points.tobytes()
    assert states[0].gains.tobytes() == states[1].gains.tobytes()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 7])
def test_few_pictures_have_places_of_their_own(count: int) -> None:
    flat = plane(filled(groups(8)[0][:count]), SPACE)
    assert flat.points.shape == (count, 2)
    assert np.isfinite(flat.points).all()
    assert len({tuple(point) for point in flat.points.tolist()}) == count
    assert (flat.quality is None) == (count < 5)


@pytest.mark.parametrize("count", [3, 40])
def test_identical_pictures_lie_beside_each_other(count: int) -> None:
    flat = plane(filled(np.repeat(groups(1)[0], count, axis=0)), SPACE)
    assert np.isfinite(flat.points).all()
    assert len(np.unique(flat.points, axis=0)) == count


def test_groups_without_an_edge_between_them_are_laid_out_finitely() -> None:
    rows, group = groups(40, 40, 40, 40, spread=0.01)
    flat = plane(filled(rows), SPACE)
    assert np.isfinite(flat.points).all()
    middles = np.array([flat.points[group == g].mean(axis=0) for g in range(4)])
    widths = [flat.points[group == g].std() for g in range(4)]
    apart = np.hypot(*(middles[:, None] - middles[None]).transpose(2, 0, 1))[np.triu_indices(4, 1)]
    assert apart.min() > max(widths)


def test_the_start_is_that_of_a_singular_value_decomposition() -> None:
    rows, _ = groups(30, 20, 50)
    ids = np.arange(100)
    start = starting.principal([(ids[:37], rows[:37]), (ids[37:], rows[37:])], ids)
    centred = rows.astype(np.float64) - rows.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ axes[:2].T
    for column in range(2):
        assert abs(np.corrcoef(start[:, column], expected[:, column])[0, 1]) > 0.999
    assert start[:, 0].std() == pytest.approx(starting.SPREAD, rel=0.01)


def test_how_the_vectors_are_cut_into_blocks_does_not_matter() -> None:
    rows, _ = groups(30, 20, 50)
    ids = np.arange(100)
    whole = starting.principal([(ids, rows)], ids)
    parts = starting.principal([(ids[i : i + 7], rows[i : i + 7]) for i in range(0, 100, 7)], ids)
    assert whole.tobytes() == parts.tobytes()


# --- quality --------------------------------------------------------------------------------------


def slow_trustworthiness(rows: Vectors, points: np.ndarray, k: int) -> float:
    """The formula of Venna and Kaski, read off word by word."""
    count, wide = len(rows), rows.astype(np.float64)
    total = 0
    for i in range(count):
        others = [j for j in range(count) if j != i]
        by_look = sorted(others, key=lambda j: -float(wide[i] @ wide[j]))
        by_place = sorted(others, key=lambda j: float(np.hypot(*(points[i] - points[j]))))
        total += sum(by_look.index(j) + 1 - k for j in by_place[:k] if j not in by_look[:k])
    return 1 - 2 / (count * k * (2 * count - 3 * k - 1)) * total


@pytest.mark.parametrize("seed", [0, 1])
def test_both_figures_are_those_of_the_slow_way(seed: int) -> None:
    rows, _ = groups(30, 30, seed=seed)
    gallery = filled(rows)
    near = graph(gallery, SPACE)
    points = np.random.default_rng(seed).standard_normal((60, 2)).astype(np.float32)
    points[:30] += rows[:30, :2] * 5  # neither random nor good
    found = quality.quality(near.ids, points, keeping._Blocks(gallery, SPACE))
    assert found is not None
    assert found.nearest == 15
    assert found.trustworthiness == pytest.approx(slow_trustworthiness(rows, points, 15), abs=1e-4)
    distances = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(distances, np.inf)
    kept = [
        len(set(np.argsort(row)[:15]) & set(near.neighbours[i, :15])) / 15 for i, row in enumerate(distances)
    ]
    assert found.neighbours_kept == pytest.approx(np.mean(kept), abs=1e-4)


def test_a_perfect_layout_is_called_perfect() -> None:
    angles = np.linspace(0, 1.5, 50)
    rows = np.zeros((50, 24))
    rows[:, 0], rows[:, 1] = np.cos(angles), np.sin(angles)
    gallery = filled(canonical(rows))
    blocks = keeping._Blocks(gallery, SPACE)
    found = quality.quality(gallery.versions(SPACE)[0], rows[:, :2].astype(np.float32), blocks)
    assert found is not None
    assert found.trustworthiness > 0.999
    assert found.neighbours_kept > 0.97


def test_pictures_that_are_all_the_same_are_all_kept() -> None:
    flat = plane(filled(np.repeat(groups(1)[0], 30, axis=0)), SPACE)
    assert flat.quality == quality.Quality(1.0, 1.0, 14)


def test_pictures_that_go_while_it_is_measured_are_left_out() -> None:
    rows, _ = groups(40, 40)
    flat = plane(filled(rows), SPACE)
    left = flat.ids[flat.points[:, 0] < np.quantile(flat.points[:, 0], 0.8)]
    place = np.searchsorted(flat.ids, left)
    found = quality.quality(flat.ids, flat.points, [(left, rows[place])])
    assert found is not None
    assert 0.8 < found.trustworthiness <= 1
    assert quality.quality(flat.ids, flat.points, []) is None


# --- keeping, and bringing up to date ----------------------------------------------------------------


def test_new_pictures_are_placed_and_the_others_stay(tmp_path: Path) -> None:
    rows, _ = groups(60, 60, 60)
    more, group = groups(8, 8, 8, seed=5)
    with LocalGallery(tmp_path / "c", create=True) as gallery:
        put(gallery, rows)
        before = plane(gallery, SPACE)
        new = put(gallery, more, first=len(rows))
        after = plane(gallery, SPACE)
        assert after.points[: len(rows)].tobytes() == before.points.tobytes()
        assert after.placed.tolist() == [False] * len(rows) + [True] * len(new)
        middles = np.array([before.points[60 * g : 60 * (g + 1)].mean(axis=0) for g in range(3)])
        for point, own in zip(after.points[len(rows) :], group, strict=True):
            assert np.hypot(*(middles - point).T).argmin() == own
        assert len(np.unique(after.points, axis=0)) == len(after.points)
        assert plane(gallery, SPACE, fresh=True).placed.sum() == 0


def test_removed_pictures_drop_out_and_the_others_stay() -> None:
    gallery = filled(groups(30, 30)[0])
    before = plane(gallery, SPACE)
    with gallery.writing() as writing:
        writing.remove(before.ids[10:14].tolist())
    after = plane(gallery, SPACE)
    stays = np.isin(before.ids, after.ids)
    assert stays.sum() == len(after.ids) == 56
    assert after.points.tobytes() == before.points[stays].tobytes()


def test_a_picture_with_another_vector_is_placed_anew() -> None:
    rows, _ = groups(60, 60)
    gallery = filled(rows)
    before = plane(gallery, SPACE)
    with gallery.writing() as writing:
        writing.put_vectors(SPACE, before.ids[:1].tolist(), rows[60:61])
    after = plane(gallery, SPACE)
    assert after.placed.tolist() == [True] + [False] * 119
    other = before.points[60:].mean(axis=0)
    assert np.hypot(*(after.points[0] - other)) < np.hypot(*(before.points[0] - other)) / 2


def test_when_much_is_new_all_is_laid_out_anew() -> None:
    rows, _ = groups(40, 40)
    gallery = filled(rows[:50])
    plane(gallery, SPACE)
    put(gallery, rows[50:], first=50)
    assert plane(gallery, SPACE).points.tobytes() == plane(filled(rows), SPACE).points.tobytes()


def test_pictures_with_only_new_neighbours_get_places_too() -> None:
    rows, _ = groups(120, 28, spread=0.02)
    gallery = filled(rows[:120])
    plane(gallery, SPACE)
    put(gallery, rows[120:], first=120)
    after = plane(gallery, SPACE)
    assert after.placed.sum() == 28
    assert np.isfinite(after.points).all()
    low, high = after.points[:120].min(axis=0), after.points[:120].max(axis=0)
    beyond = np.ptp(after.points[:120], axis=0)
    assert ((after.points > low - beyond) & (after.points < high + beyond)).all()


def test_a_picture_between_two_groups_goes_to_the_one_with_most_neighbours() -> None:
    points = np.array([[0, 0], [1, 0], [0, 1], [100, 100], [101, 100], [0, 0]], np.float32)
    neighbours = np.array([[1, 2, 3, 4, 0]] * 5 + [[0, 1, 2, 3, 4]], np.int32)
    near = Graph(np.arange(6), neighbours, np.full((6, 5), 0.9, np.float32), 1.0)
    known = np.array([True] * 5 + [False])
    placed = placing.placed(near, points, known, lambda new, among: among[:1])
    assert np.hypot(*placed[5]) < 20


def removing(gallery: Gallery, stage: str, ids: list[int]) -> Stages:
    """Removes pictures when a stage comes to its end."""

    def progress(now: str, done: int, total: int) -> None:
        if now == stage and done == total:
            with gallery.writing() as writing:
                writing.remove(ids)

    return progress


def test_a_picture_may_go_while_all_are_laid_out(tmp_path: Path) -> None:
    rows, _ = groups(40, 40)
    with LocalGallery(tmp_path / "c", create=True) as gallery:
        ids = put(gallery, rows)
        made = plane(gallery, SPACE, progress=removing(gallery, "laying out", ids[:2]))
        assert len(made.points) == len(made.graph.ids) == 80
        assert made.quality is not None
        after = plane(gallery, SPACE)
        assert after.points.tobytes() == made.points[2:].tobytes()


def test_a_layout_is_kept_before_it_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise Stopped

    with LocalGallery(tmp_path / "c", create=True) as gallery:
        put(gallery, groups(30, 30)[0])
        with monkeypatch.context() as patched:
            patched.setattr(keeping, "quality", stop)
            with pytest.raises(Stopped):
                plane(gallery, SPACE)
        monkeypatch.setattr(layout, "laid_out", None)
        made = plane(gallery, SPACE)
        assert made.quality is not None
        monkeypatch.setattr(keeping, "quality", None)
        assert plane(gallery, SPACE).quality == made.quality


@pytest.mark.parametrize("gone", [[3], [0, 1, 2, 3, 4, 5], [0]])
def test_what_is_most_similar_may_have_gone(gone: list[int]) -> None:
    rows, _ = groups(3, 3)
    ids = np.arange(10, 16)
    left = np.setdiff1d(np.arange(6), gone)
    new, among = np.array([3, 4]), np.array([0, 1, 2, 5])
    found = keeping._most_similar(ids, new, among, [(ids[left], rows[left])])  # type: ignore[arg-type]
    for picture, nearest in zip(new, found, strict=True):
        there = np.intersect1d(among, left)
        expected = there[np.argmax(rows[there] @ rows[picture])] if picture in left else among[0]
        assert nearest == expected


def test_every_stage_says_how_far_it_is() -> None:
    rows, _ = groups(60, 60)
    gallery = filled(rows[:110])
    said: dict[str, list[tuple[int, int]]] = {}
    for _ in range(2):
        plane(gallery, SPACE, progress=lambda s, done, total: said.setdefault(s, []).append((done, total)))
        put(gallery, rows[110:], first=110)
    assert said["measuring"][0] == (110, 110)
    assert said["placing"][0] == (0, 10)
    assert said["measuring"][-1] == (120, 120)


class Stopped(Exception):
    pass


def test_an_interrupted_layout_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_LONG", 10)
    rows, _ = groups(50, 50)
    whole = plane(filled(rows), SPACE)
    seen: list[int] = []

    def stop_at(step: int) -> Stages:
        def progress(stage: str, done: int, total: int) -> None:
            if stage == "laying out":
                seen.append(done)
                if done == step:
                    raise Stopped

        return progress

    with LocalGallery(tmp_path / "c", create=True) as gallery:
        put(gallery, rows)
        with pytest.raises(Stopped):
            plane(gallery, SPACE, progress=stop_at(9))
        assert keeping._kept(gallery, SPACE) is None
        seen.clear()
        made = plane(gallery, SPACE, progress=stop_at(-1))
        assert seen[0] == 8  # the last state that was kept
        assert made.points.tobytes() == whole.points.tobytes()
        assert gallery.arrays(f"{keeping._name(SPACE)}-unfinished") is None


def test_states_can_be_taken_up_anywhere() -> None:
    near = graph(filled(groups(20, 20)[0]), SPACE)
    start = layout.State.start(np.random.default_rng(0).normal(0, 1e-4, (40, 2)))
    through = list(islice(layout.laid_out(near, start), 4))
    resumed: Iterator[layout.State] = layout.laid_out(near, through[1])
    assert next(resumed).points.tobytes() == through[2].points.tobytes()
    assert next(resumed).gains.tobytes() == through[3].gains.tobytes()


def test_what_is_kept_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = filled(groups(30)[0])
    first = plane(gallery, SPACE)
    monkeypatch.setattr(layout, "laid_out", None)
    again = plane(gallery, SPACE)
    assert again.points.tobytes() == first.points.tobytes()
    assert again.quality == first.quality
    with pytest.raises(ValueError, match="read-only"):
        again.points[0] = 0
