"""`lookalike duplicates`: what it says, what it writes, how it ends, and that undoing is complete.

What is shown is tested with answers made up here, what happens to files with real ones.
"""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageOps

from lookalike.cli import lookalike
from lookalike.cli.terminal import stage_bar
from lookalike.cli.words import differences, placed
from lookalike.collection import Collection
from lookalike.duplicates import groups, keep, plan
from lookalike.results import ApplyReport, Copy, DuplicateGroup, Duplicates, Failure, PictureFacts, as_json

Shell = Callable[..., Any]

MIRRORED = ((-1.0, 0.0, 160.0), (0.0, 1.0, 0.0))
HALF = ((0.5, 0.0, 0.0), (0.0, 0.5, 0.0))


def facts(path: str, size: int = 4_000, **more: Any) -> PictureFacts:
    return PictureFacts(path, 1, 160, 160, size, "JPEG", "2026-11-23T08:30:00Z", "00" * 32, **more)


def group(folder: Path, name: str, *copies: Copy, reason: str = "shorter name") -> DuplicateGroup:
    return DuplicateGroup(facts(f"{folder}/{name}"), reason, copies)


def found(*groups: DuplicateGroup, **more: Any) -> Duplicates:
    return replace(Duplicates(groups, 12, 1.25, 0.99, compared=34, graph_recall=0.9871), **more)


class Asked(dict[str, Any]):
    """The arguments that `Collection.duplicates` was called with."""


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Duplicates], Asked]:
    """Lets `Collection.duplicates` give a certain answer."""

    def answer(result: Duplicates) -> Asked:
        asked = Asked()

        def duplicates(_: Collection, paths: Any = None, **arguments: Any) -> Duplicates:
            asked.update(paths=paths, **arguments)
            return result

        monkeypatch.setattr(Collection, "duplicates", duplicates, raising=False)
        return asked

    return answer


# --- what it says ----------------------------------------------------------------------------


def test_groups_for_people(shell: Shell, tmp_path: Path, answering: Any) -> None:
    crop = Copy(facts(f"{tmp_path}/crop.jpg"), "edited", 0.99876, 0.8, 41, HALF, 0.5, 1.0)
    mirror = Copy(facts(f"{tmp_path}/in/mirror.jpg"), "edited", 0.9912, 0.9, 60, MIRRORED, 1.0, 1.0)
    wider = replace(crop, overlap=1.0, overlap_copy=0.75, doubt="it shows more than the one kept")
    same = Copy(facts(f"{tmp_path}/a (1).jpg"), "exact", 1.0)
    burst = Copy(facts(f"{tmp_path}/next.jpg"), "burst", 0.0, doubt="another photo, taken within seconds")
    asked = answering(
        found(
            group(tmp_path, "a.jpg", same, crop, mirror, reason="more pixels"),
            group(tmp_path, "b.jpg", wider, burst),
        )
    )
    ended = shell("duplicates", columns=96)
    assert (ended.code, ended.err) == (0, "")
    assert [line.rstrip() for line in ended.out.splitlines()] == [
        "Keep a.jpg",
        "  more pixels",
        "     exact    100 %  a (1).jpg",
        "     edited  99.8 %  crop.jpg       a crop with 50 % of it, at half the size",
        "     edited  99.1 %  in/mirror.jpg  mirrored",
        "",
        "Keep b.jpg",
        "  shorter name",
        "  ?  edited  99.8 %  crop.jpg  with more around it (25 % of the copy), at half the size, stays:",
        "                               it shows more than the one kept",
        "  ?  burst           next.jpg  stays: another photo, taken within seconds",
        "",
        "3 copies of 1 picture among 12: removing them would free 12.0 kB; "
        "2 more are shown for you to decide.",
        "Compared 34 pairs of pictures in 1.2 s; 98.7 % of the nearest neighbours are known.",
        "",
        "Nothing was changed and nothing written. To look at the copies and choose, add",
        "  --html review.html --plan plan.json",
    ]
    assert not list(tmp_path.iterdir())
    assert asked["paths"] is None
    assert asked["keep"] is None


def test_nothing_found(shell: Shell, answering: Any) -> None:
    answering(found(compared=1, graph_recall=None))
    ended = shell("duplicates")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "No copies among 12 pictures.\nCompared 1 pair of pictures in 1.2 s.\n"
    answering(found(images=1, compared=0, graph_recall=None))
    assert shell("duplicates").out.startswith("No copies among 1 picture.\n")


def test_what_could_not_be_kept_is_said(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def duplicates(*_: Any, **__: Any) -> Duplicates:
        warnings.warn("what was found could not be kept: busy", stacklevel=2)
        return found(compared=1, graph_recall=None)

    monkeypatch.setattr(Collection, "duplicates", duplicates)
    ended = shell("duplicates")
    assert (ended.code, ended.err) == (0, "Warning: what was found could not be kept: busy\n")
    assert ended.out.startswith("No copies among 12 pictures.\n")


def test_only_doubts(shell: Shell, tmp_path: Path, answering: Any) -> None:
    doubted = Copy(facts(f"{tmp_path}/b.jpg"), "near", 0.995, doubt="in a reference folder")
    answering(found(group(tmp_path, "a.jpg", doubted)))
    said = shell("duplicates").out
    assert "\nNo copies to remove among 12 pictures; 1 more is shown for you to decide.\n" in said


def test_long_answers_are_cut_and_say_so(shell: Shell, tmp_path: Path, answering: Any) -> None:
    copies = [Copy(facts(f"{tmp_path}/b{i}.jpg"), "exact", 1.0) for i in range(13)]
    failures = tuple(Failure(f"{tmp_path}/bad{i}.jpg", "empty file") for i in range(12))
    answering(found(*(group(tmp_path, f"a{i}.jpg", *copies) for i in range(22)), failed=failures))
    ended = shell("duplicates")
    assert ended.out.count("Keep ") == 20
    assert ended.out.count("… and 3 more\n") == 20
    assert "\n… and 2 more groups: --html or --json shows all\n" in ended.out
    assert ended.err.splitlines()[0] == "12 files could not be used:"
    assert ended.err.splitlines()[-1] == "  … and 2 more: --json lists all"


def test_json_is_the_whole_result(shell: Shell, tmp_path: Path, answering: Any) -> None:
    mirror = Copy(facts(f"{tmp_path}/m.jpg"), "edited", 0.9912, 0.9, 60, MIRRORED, 1.0, 1.0, (0, 0, 160, 160))
    result = found(group(tmp_path, "a.jpg", mirror), failed=(Failure("/x.jpg", "empty file"),))
    answering(result)
    ended = shell("duplicates", "--json")
    assert ended.err == ""
    assert ended.json == as_json(result)
    first = ended.json["groups"][0]
    assert first["keep"] == f"{tmp_path}/a.jpg"
    contract = {"path", "kind", "similarity", "probability", "inliers", "overlap", "transform"}
    assert contract <= first["members"][0].keys()


def test_hostile_names_upset_nothing(shell: Shell, tmp_path: Path, answering: Any) -> None:
    copy = Copy(facts(f"{tmp_path}/[bold]\n\x1b[31m.jpg"), "exact", 1.0)
    answering(found(group(tmp_path, "<a>\n.jpg", copy)))
    said = shell("duplicates").out
    assert "Keep <a>\\n.jpg\n" in said
    assert "[bold]\\n\\x1b[31m.jpg" in said


@pytest.fixture(scope="module")
def page() -> str:
    """The guide, `docs/duplicates.md`."""
    return (Path(__file__).parents[2] / "docs" / "duplicates.md").read_text(encoding="utf-8")


def test_the_guide_explains_every_doubt_rule_and_kind(page: str) -> None:
    doubts = {value for name, value in vars(groups).items() if name.isupper() and isinstance(value, str)}
    assert len(doubts) > 5
    for name in doubts | set(keep._RULES) | set(plan.KINDS):
        assert re.search(rf"^\|.*`{re.escape(name)}`.*\|", page, re.MULTILINE), f"not explained: {name}"


def test_the_example_in_the_guide_is_whole(page: str) -> None:
    (example,) = re.findall(r"^```json\n(.*?)```$", page, re.MULTILINE | re.DOTALL)
    shown = json.loads(example)
    real = as_json(found(group(Path("/"), "a", Copy(facts("/b"), "near", 0.99))))
    assert shown.keys() == real.keys()
    assert shown["groups"][0].keys() == real["groups"][0].keys()
    assert shown["groups"][0]["kept"].keys() == real["groups"][0]["kept"].keys()
    member, real_member = shown["groups"][0]["members"][0], real["groups"][0]["members"][0]
    assert member.keys() == real_member.keys()
    assert member["picture"].keys() == real_member["picture"].keys()
    for key in {*shown, *shown["groups"][0], *member, *member["picture"]}:
        assert f"`{key}`" in page, f"docs/duplicates.md does not explain {key}"


def test_the_bar_goes_through_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "80")
    with stage_bar() as progress:
        assert progress is not None
        progress("reading", 3, 0)  # nobody knows of how many
        progress("reading", 9, 0)
        progress("comparing", 5, 40)
        progress("comparing", 40, 40)
    said = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert re.search(r"comparing .*40/40", said)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", io.StringIO())
        with stage_bar() as nothing:
            assert nothing is None


# --- options ---------------------------------------------------------------------------------


def test_options_reach_the_collection(shell: Shell, tmp_path: Path, answering: Any) -> None:
    (tmp_path / "best").mkdir()
    asked = answering(found())
    options = ["--precision", "0.999", "--keep", "folder:best,newest", "--reference", "best"]
    assert shell("duplicates", *options, "--bursts", "--threads", "1", "a.jpg", "./apply").code == 3
    assert asked.pop("progress") is None
    assert asked == {
        "paths": ("a.jpg", "./apply"),
        "precision": 0.999,
        "keep": "folder:best,newest",
        "reference": ("best",),
        "bursts": True,
        "threads": 1,
    }


def test_help_names_the_default_of_keep(shell: Shell) -> None:
    text = re.sub(r"\s+", "", shell("duplicates", "--help").out)
    assert f"[default:{','.join(keep.DEFAULT)}]" in text


def test_the_first_argument_may_be_a_command(shell: Shell) -> None:
    for name in ("apply", "undo", "distinct"):
        said = shell("duplicates", name, "--help").out
        assert f"lookalike duplicates {name} [OPTIONS]" in said
        assert re.search(rf"^  {name} ", shell("duplicates", "--help").out, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--precision", "1.5"], "1.5 is not in the range"),
        (["--precision", "0"], "0.0 is not in the range"),
        (["--threads", "0"], "0 is not in the range"),
        (["--reference", "no-such-folder"], "does not exist"),
        (["--plan", "no/such/plan.json"], "no/such/plan.json cannot be written"),
        (["--html", "."], ". cannot be written"),
        (["apply"], "Missing argument 'PLAN'"),
        (["apply", "none.json"], "none.json: the plan cannot be read: no such file"),
        (["undo", "none.jsonl"], "none.jsonl: there is no such journal, and .lookalike/journals has none"),
        (["distinct", "a.jpg"], "name at least two pictures"),
        (["distinct", "a.jpg", "-"], "is named by its path or id:NUMBER"),
        (["distinct", "a.jpg", "id:x"], "is named id:NUMBER"),
    ],
)
def test_mistakes(shell: Shell, answering: Any, arguments: list[str], message: str) -> None:
    answering(found())
    ended = shell("duplicates", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert "Traceback" not in ended.err


# --- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transform", "overlaps", "words"),
    [
        (((1, 0, 0), (0, 1, 0)), (1.0, 1.0), []),
        (MIRRORED, (1.0, 1.0), ["mirrored"]),
        (((0, -1, 100), (1, 0, 0)), (1.0, 1.0), ["turned 90° to the right"]),
        (HALF, (0.5, 1.0), ["a crop with 50 % of it", "at half the size"]),
        (
            ((0.2, 0, 9), (0, 0.2, 9)),
            (1.0, 0.04),
            ["with more around it (96 % of the copy)", "at 20 % of the size"],
        ),
        (((2, 0, 0), (0, 2, 0)), (0.3, 0.6), ["30 % of it with other things", "2 times as large"]),
        (((1.2, 0, 0), (0, 1 / 1.2, 0)), (1.0, 1.0), ["stretched"]),
        (None, (0.25, None), ["a crop with 25 % of it"]),
        (((0, 0, 0), (0, 0, 0)), (1.0, 1.0), ["at 0 % of the size"]),
    ],
)
def test_how_a_copy_lies_in_words(transform: Any, overlaps: Any, words: list[str]) -> None:
    assert placed(transform, *overlaps) == words


def test_what_differs_besides() -> None:
    kept = facts("/a.jpg", 120_000)
    whole = {"transform": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), "overlap": 1.0, "overlap_copy": 1.0}
    assert differences(kept, Copy(facts("/b.jpg", 41_000), "near", 0.99, **whole)) == [
        "41.0 kB instead of 120 kB"
    ]
    webp = replace(facts("/b.webp"), format="WebP")
    assert differences(kept, Copy(webp, "near", 0.99, **whole)) == ["WebP instead of JPEG"]
    assert differences(kept, Copy(webp, "pixels", 1.0, **whole)) == ["WebP instead of JPEG"]
    assert differences(kept, Copy(facts("/b.jpg"), "exact", 1.0, **whole)) == []


# --- new pictures ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "new", "code", "said"),
    [
        (0, 0, 3, "No pictures were found there.\n"),
        (0, 1, 3, "None of 1 is a copy of a picture in the collection; 1 is new:\n  n0.jpg\n"),
        (1, 0, 0, "1 of 1 is a copy of a picture in the collection.\n"),
        (2, 22, 0, "2 of 24 are copies of a picture in the collection; 22 are new:\n  n0.jpg\n  n1.jpg\n"),
    ],
)
def test_new_pictures(
    shell: Shell, tmp_path: Path, answering: Any, known: int, new: int, code: int, said: str
) -> None:
    copies = [Copy(facts(f"{tmp_path}/new/{i}.jpg"), "near", 0.995) for i in range(known)]
    groups = [group(tmp_path, "a.jpg", *copies)] if known else []
    names = tuple(f"{tmp_path}/n{i}.jpg" for i in range(new))
    answering(found(*groups, images=known + new, new=names))
    ended = shell("duplicates", "new")
    assert (ended.code, ended.err) == (code, "")
    assert said in ended.out
    assert ended.out.startswith("In the collection: a.jpg\n     near  99.5 %  new/0.jpg" if known else said)
    assert ("  … and 2 more: --json lists all\n" in ended.out) == (new > 20)
    assert shell("duplicates", "new", "--json").code == code


def test_nothing_could_be_checked(shell: Shell, answering: Any) -> None:
    answering(found(images=0, failed=(Failure("/x.jpg", "empty file"),)))
    ended = shell("duplicates", "/x.jpg")
    assert ended.code == 1
    assert "/x.jpg: empty file" in ended.err


# --- real pictures ---------------------------------------------------------------------------


def draw_scene(seed: int) -> Image.Image:
    """A picture with enough detail to be recognised by."""
    dice = random.Random(seed)
    scene = Image.new("RGB", (480, 360), (230, 226, 220))
    pencil = ImageDraw.Draw(scene)
    for _ in range(160):
        x, y, size = dice.randrange(480), dice.randrange(360), dice.randrange(6, 70)
        colour = (dice.randrange(256), dice.randrange(256), dice.randrange(256))
        if dice.random() < 0.5:
            pencil.rectangle((x, y, x + size, y + size // 2), colour)
        else:
            pencil.ellipse((x, y, x + size // 2, y + size), colour)
    return scene


@pytest.fixture
def photos(shell: Shell, tmp_path: Path) -> Path:
    """An indexed folder: four scenes; of the first one copies of each kind."""
    folder = tmp_path / "photos"
    (folder / "old").mkdir(parents=True)
    scenes = [draw_scene(seed) for seed in range(4)]
    for number, scene in enumerate(scenes):
        scene.save(folder / f"{number}.png")
    shutil.copy(folder / "0.png", folder / "old" / "0 copy.png")
    scenes[0].save(folder / "old" / "same.bmp")
    scenes[0].resize((240, 180)).save(folder / "old" / "small.jpg", quality=90)
    ImageOps.mirror(scenes[0].crop((60, 40, 460, 340))).save(folder / "old" / "crop.jpg", quality=90)
    (folder / "old" / "small.jpg.xmp").write_text("<sidecar/>")
    assert shell("index", "photos").code == 0
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


COPIES = {"0 copy.png": "exact", "same.bmp": "pixels", "small.jpg": "near", "crop.jpg": "edited"}


def test_found(shell: Shell, photos: Path) -> None:
    before = tree(photos)
    ended = shell("duplicates", "--json")
    (star,) = ended.json["groups"]
    assert star["keep"] == str(photos / "0.png")
    assert {Path(member["path"]).name: member["kind"] for member in star["members"]} == COPIES
    said = shell("duplicates", columns=160).out
    assert re.search(r"^ +exact +100 % +photos/old/0 copy\.png *$", said, re.MULTILINE)
    assert re.search(
        r"^ +near .* photos/old/small\.jpg +at half the size, JPEG instead of PNG *$", said, re.M
    )
    assert re.search(r"^ +edited .* photos/old/crop\.jpg +mirrored, a crop with (69|70) % of it", said, re.M)
    assert "\n4 copies of 1 picture among 8: removing them would free " in said
    assert tree(photos) == before


def test_three_commands_and_back(shell: Shell, photos: Path, tmp_path: Path) -> None:
    before = tree(photos)
    ended = shell("duplicates", "--plan", "plan.json", "--html", "page.html")
    assert (ended.code, ended.err) == (0, "Wrote plan.json\nWrote page.html\n")
    assert "\n  lookalike duplicates apply plan.json\nWhat you untick goes into plan-reviewed" in ended.out
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count('<script type="text/plain"') == 3  # the same pixels are in it once
    rehearsed = shell("duplicates", "apply", "plan.json", "--dry-run", "--to", "gone")
    assert rehearsed.out.endswith("5 files would be removed. Nothing was changed.\n")
    assert tree(photos) == before
    assert not (tmp_path / "gone").exists()
    applied = shell("duplicates", "apply", "plan.json", "--to", "gone")
    assert (applied.code, applied.err) == (0, "")
    assert "photos/old/small.jpg → gone/old/small.jpg\n" in applied.out
    assert "photos/old/small.jpg.xmp → gone/old/small.jpg.xmp\n" in applied.out
    assert tree(photos) == {name: data for name, data in before.items() if "old" not in name}
    undo = re.search(
        r"^5 files removed\.\nTo bring .*:\n  lookalike (duplicates undo (.*))$", applied.out, re.M
    )
    assert undo
    undone = shell(*undo[1].split())
    assert (undone.code, undone.err) == (0, "")
    assert undone.out.endswith("\n5 files back in place.\n")
    assert tree(photos) == before
    assert shell(*undo[1].split()).out == "Nothing is left to bring back.\n"


def test_applying_from_elsewhere_finds_the_collection(
    shell: Shell, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("duplicates", "--plan", "plan.json")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    applied = shell("duplicates", "apply", "../plan.json", "--to", "../gone", "--json").json
    assert Path(applied["journal"]).is_relative_to(tmp_path / ".lookalike")
    assert not (tmp_path / "elsewhere" / ".lookalike").exists()
    undone = shell("duplicates", "undo", applied["journal"], "--json").json
    assert sorted(undone["restored"]) == sorted(step["path"] for step in applied["applied"])


def test_what_is_skipped_is_listed(shell: Shell, photos: Path) -> None:
    shell("duplicates", "--plan", "plan.json")
    (photos / "old" / "crop.jpg").write_bytes(b"something else")
    ended = shell("duplicates", "apply", "plan.json", "--to", "gone")
    assert ended.code == 0
    assert ended.err == ("1 file skipped:\n  photos/old/crop.jpg: has changed since the plan was made\n")
    again = shell("duplicates", "apply", "plan.json", "--to", "gone")
    assert (again.code, again.out.splitlines()[:2]) == (
        1,
        ["Nothing was removed.", "3 files were removed before. To bring back what went then:"],
    )
    assert again.err.startswith("4 files skipped:\n")


def test_of_a_journal_that_is_none_those_that_there_are_are_named(
    shell: Shell, photos: Path, tmp_path: Path
) -> None:
    journals = tmp_path / ".lookalike" / "journals"
    journals.mkdir()
    for number in (1, 10, 3, 4, 2):
        (journals / f"apply-202611{number:02}T000000Z.jsonl").touch()
    (journals / "apply-20261110T000000Z-2.jsonl").touch()
    (journals / "notes.txt").touch()
    ended = shell("duplicates", "undo", "apply.jsonl")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "Error: apply.jsonl: there is no such journal; the newest in .lookalike/journals: "
        "apply-20261110T000000Z-2.jsonl, apply-20261110T000000Z.jsonl, apply-20261104T000000Z.jsonl\n"
    )
    ended = shell("duplicates", "undo", "photos", "-c", "elsewhere")
    assert "photos: the journal cannot be read: is a directory" in ended.err


@pytest.mark.parametrize("to", ["gone", "hardlink"])
def test_applied_again_it_names_the_journal_of_the_first_time(shell: Shell, photos: Path, to: str) -> None:
    shell("duplicates", "--plan", "plan.json")
    first = shell("duplicates", "apply", "plan.json", "--to", to)
    undo = re.search(r"^  lookalike (duplicates undo .*)$", first.out, re.M)
    assert undo
    for options in ([], ["--dry-run"]):
        again = shell("duplicates", "apply", "plan.json", "--to", to, *options)
        assert again.code == 1
        were = "4 files were" if to == "gone" else "1 file was"
        assert again.out.splitlines() == [
            "Nothing was removed.",
            f"{were} removed before. To bring back what went then:",
            f"  lookalike {undo[1]}",
        ]
        assert "skipped" in again.err
    assert shell(*undo[1].split()).code == 0
    (photos / "old" / "0 copy.png").unlink()  # this time by somebody else
    assert "removed before" not in shell("duplicates", "apply", "plan.json", "--to", to, "--dry-run").out


def test_hard_links_are_for_the_same_bytes(shell: Shell, photos: Path) -> None:
    shell("duplicates", "--plan", "plan.json")
    ended = shell("duplicates", "apply", "plan.json", "--to", "hardlink")
    assert "\n1 file removed.\n" in ended.out
    assert ended.err.count("only copies with the same bytes can become hard links") == 3
    assert (photos / "old" / "0 copy.png").samefile(photos / "0.png")


def test_of_many_skipped_for_one_reason_a_few_are_listed(
    shell: Shell, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("duplicates", "--plan", "plan.json")
    linked = [Failure(f"{photos}/{number}.jpg", "is no twin") for number in range(25)]
    report = ApplyReport((), (*linked, Failure(f"{photos}/gone.jpg", "is not there")), None)
    monkeypatch.setattr(Collection, "apply", lambda *_, **__: report)
    lines = shell("duplicates", "apply", "plan.json", "--to", "hardlink").err.splitlines()
    assert lines[0] == "26 files skipped:"
    assert lines[1:11] == [f"  photos/{number}.jpg: is no twin" for number in range(10)]
    assert lines[11:] == [
        "  photos/gone.jpg: is not there",
        "  … and 15 more: is no twin (--json lists all)",
    ]


def test_bursts_that_nothing_is_known_of(shell: Shell, photos: Path) -> None:
    said = "No bursts: no photo with another one like it says in its EXIF data when it was taken."
    assert said in shell("duplicates", "--bursts").out
    assert said not in shell("duplicates").out


def test_interrupted_it_says_where_the_journal_is(
    shell: Shell, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("duplicates", "--plan", "plan.json")

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Collection, "apply", interrupted)
    ended = CliRunner().invoke(lookalike, ["duplicates", "apply", "plan.json"])
    assert ended.exit_code != 0
    journals = photos.parent / ".lookalike" / "journals"
    assert f"The journal of what was removed is the newest one in {journals}\n" in ended.stderr


def test_a_plan_of_nothing(shell: Shell, photos: Path, tmp_path: Path) -> None:
    shell("duplicates", "--plan", "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    (tmp_path / "plan.json").write_text(json.dumps({**plan, "groups": []}))
    ended = shell("duplicates", "apply", "plan.json")
    assert (ended.code, ended.out, ended.err) == (0, "The plan removes nothing.\n", "")


def test_checking_new_pictures(shell: Shell, photos: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    draw_scene(9).save(new / "other.jpg")
    shutil.copy(photos / "1.png", new / "again.png")
    (new / "broken.jpg").write_bytes(b"")
    ended = shell("duplicates", "new", "--json", "--plan", "plan.json")
    assert [star["keep"] for star in ended.json["groups"]] == [str(photos / "1.png")]
    assert ended.json["new"] == [str(new / "other.jpg")]
    assert [failure["path"] for failure in ended.json["failed"]] == [str(new / "broken.jpg")]
    assert json.loads((tmp_path / "plan.json").read_text())["roots"] == [str(new)]
    assert shell("info", "--json").json["images"] == 8
    assert shell("duplicates", "new/other.jpg").code == 3
    assert shell("duplicates", "new/broken.jpg").code == 1
    assert shell("duplicates", "new/again.png").code == 0


def test_pictures_that_are_indexed_are_no_copies_of_themselves(shell: Shell, photos: Path) -> None:
    ended = shell("duplicates", "photos", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["groups"] == []
    assert len(json.loads(ended.out)["indexed"]) == 8
    said = "All 8 pictures there are in the collection already. For copies within it, name no path.\n"
    assert shell("duplicates", "photos").out.startswith(said)
    one = shell("duplicates", "photos/0.png")
    assert one.out.startswith("The picture there is in the collection already.")


def test_indexed_pictures_among_new_ones(shell: Shell, photos: Path) -> None:
    draw_scene(9).save(photos / "other.jpg")
    ended = shell("duplicates", "photos")
    assert ended.code == 0
    said = "8 pictures there are in the collection, and left out.\nNone of 1 is a copy of a picture in"
    assert ended.out.startswith(said)
    assert shell("duplicates", "photos/other.jpg").code == 3


def test_decisions_stick(shell: Shell, photos: Path) -> None:
    pair = "photos/0.png", "photos/old/crop.jpg"
    others = "photos/old/small.jpg", "photos/old/same.bmp"
    ended = shell("duplicates", "distinct", *pair, *others)
    assert (ended.code, ended.out) == (0, "Remembered: no copies of each other, 6 pairs of pictures\n")
    shell("index", "photos")
    members = [
        member["path"] for star in shell("duplicates", "--json").json["groups"] for member in star["members"]
    ]
    assert members == [str(photos / "old" / "0 copy.png")]
    assert shell("duplicates", "distinct", "--forget", *pair, *others).out.startswith("Forgotten: ")
    assert len(shell("duplicates", "--json").json["groups"][0]["members"]) == 4
    unknown = shell("duplicates", "distinct", "photos/0.png", "none.jpg")
    assert unknown.code == 1
    assert "none.jpg is not in the collection" in unknown.err


def test_compare_tells_copies(shell: Shell, photos: Path) -> None:
    whole, crop, small = "photos/0.png", "photos/old/crop.jpg", "photos/old/small.jpg"
    said = shell("compare", whole, crop).out
    assert re.fullmatch(
        r"0\.\d{4}  edited copy \(\d\d\.\d % sure\): mirrored, a crop with (69|70) % of it\n", said
    )
    assert re.fullmatch(
        r"0\.\d{4}  near copy \(\d\d\.\d % sure\): at half the size\n", shell("compare", whole, small).out
    )
    assert shell("compare", whole, "photos/old/same.bmp").out == "1.0000  same pixels\n"
    assert re.fullmatch(r"-?0\.\d{4}  (alike|different)\n", shell("compare", whole, "photos/1.png").out)


def test_reference_folders_stay(shell: Shell, photos: Path) -> None:
    stars = shell("duplicates", "--reference", "photos/old", "--json").json["groups"]
    for star in stars:
        for member in star["members"]:
            assert (member["doubt"] is None) <= (not member["path"].startswith(str(photos / "old")))


def test_files_that_are_no_plans_are_not_overwritten(shell: Shell, photos: Path) -> None:
    before = tree(photos)
    for option in ("--plan", "--html"):
        ended = shell("duplicates", option, "photos/0.png")
        assert ended.code == 2
        assert "photos/0.png" in ended.err
    assert tree(photos) == before
