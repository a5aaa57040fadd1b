"""`lookalike train` and what `models` does with the new model."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.models import unfinished
from lookalike.results import UnlabelledReport
from lookalike.teaching import lessons
from lookalike.training.recipe import Epoch

train = importlib.import_module("lookalike.cli.train")

Shell = Callable[..., Any]


@pytest.fixture
def shop(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell in a folder with a collection of 60 pictures of six kinds."""
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "models"))
    (tmp_path / "in").mkdir()
    rows = ["path,kind"]
    for number in range(60):
        small = np.random.default_rng(number).integers(0, 256, (6, 6, 3))
        small[..., number % 3] = small[..., number % 3] // 4 + 30 * (number % 6)
        picture = Image.fromarray(small.astype(np.uint8)).resize((96, 96), Image.Resampling.BICUBIC)
        picture.save(tmp_path / "in" / f"{number}.png")
        rows.append(f"{number}.png,k{number % 6}")
    (tmp_path / "kinds.csv").write_text("\n".join(rows) + "\n")
    assert shell("index", "in", "--metadata", "kinds.csv").code == 0
    return shell


def test_from_training_to_use(shop: Shell, tmp_path: Path) -> None:
    found = shop("train", "--label", "kind", "--name", "taught", "--json").json
    assert {"model", "before", "after", "seconds"} <= found.keys()
    assert set(found["before"]) == set(found["after"]) >= {"recall@1", "recall@5", "map@r"}
    assert shop("search", "in/3.png", "--model", "taught", "--json").code == 0
    assert shop("compare", "in/3.png", "in/9.png", "--model", "taught").code == 0
    assert "taught" in shop("models").out
    used = shop("models", "use", "taught")
    assert used.out == ".lookalike is searched with taught, output embedding\n"
    assert shop("info", "--json").json["models"][0]["model"] == "taught"
    both = shop("evaluate", "--label", "kind", "--model", "taught", "--model", "efficientnet-lite0", "--json")
    assert [line["model"] for line in both.lines] == ["taught", "efficientnet-lite0"]
    shop("models", "use", "efficientnet-lite0")
    assert shop("info", "--json").json["models"][0]["output"] == "embedding"


def test_what_is_said(shop: Shell) -> None:
    ended = shop("train", "--label", "kind", "--name", "taught")
    assert ended.code == 0
    first, before, after, blank, learned, verdict = ended.out.splitlines()
    assert first.startswith("on 12 pictures held out")
    assert before.startswith("before: efficientnet-lite0, embedding")
    assert after.startswith("taught")
    assert blank == ""
    assert learned.startswith("Learned from 60 pictures of 6 kinds in")
    assert verdict.startswith("taught is ")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ([], None),
        (["map --json"], "map with `lookalike map map.html`"),
        (
            ["cluster", "map --json", "calibrate --label kind"],
            "clusters with `lookalike cluster`, map with `lookalike map map.html`, "
            "calibration with `lookalike calibrate`",
        ),
    ],
)
def test_what_the_new_model_lacks_is_said(
    shop: Shell, monkeypatch: pytest.MonkeyPatch, made: list[str], said: str | None
) -> None:
    for command in made:
        assert shop(*command.split()).code == 0
    for better, told in ((False, None), (True, said)):
        monkeypatch.setattr(
            lessons, "verdict", lambda *_, better=better, **__: "better" if better else "chance"
        )
        lines = shop("train", "--label", "kind", "--name", f"taught-{better}").out.splitlines()
        left = [line for line in lines if line.startswith("Still of the model before")]
        assert left == ([f"Still of the model before, and to be made again: {told}"] if told else [])


def test_what_stays_behind_with_another_model_is_said(shop: Shell) -> None:
    assert shop("train", "--label", "kind", "--name", "taught").code == 0
    shop("models", "use", "efficientnet-lite0")
    assert shop("map", "--json").code == 0
    used = shop("models", "use", "taught")
    assert used.out.splitlines() == [
        ".lookalike is searched with taught, output embedding",
        "Still of the model before, and to be made again: map with `lookalike map map.html`",
    ]
    again = shop("models", "use", "taught", "--json").json
    assert (again["model"], again["left_behind"]) == ("taught", {})
    back = shop("models", "use", "efficientnet-lite0")
    assert back.out == ".lookalike is searched with efficientnet-lite0, output embedding\n"


def test_a_model_that_finds_fewer_pictures_is_not_made_the_default(
    shop: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons, "verdict", lambda *_, **__: "better")
    for number in range(54, 60):
        (tmp_path / "in" / f"{number}.png").unlink()
    ended = shop("train", "--label", "kind", "--name", "taught")
    assert ended.out.splitlines()[-2:] == [
        "6 pictures cannot be read: they are not found with taught",
        "taught is not made the default, since pictures would drop out of the search, though it is better. "
        "`lookalike models use taught` would do that",
    ]
    assert shop("info", "--json").json["models"][0]["model"] == "efficientnet-lite0"
    assert shop("models", "use", "taught").out.splitlines() == [
        ".lookalike is searched with taught, output embedding",
        "6 pictures cannot be read: they are not found with taught",
    ]
    assert shop("models", "use", "taught", "--json").json["without_vector"] == 6
    assert shop("models", "use", "efficientnet-lite0", "--json").json["without_vector"] == 0
    # What the vectors that are there can be mapped to loses nothing.
    report = shop("train", "--label", "kind", "--name", "again", "--output", "embedding", "--json").json
    assert (report["without_vector"], report["default"]) == (0, True)


def test_figures_on_what_was_taught_are_said_to_be_too_good(shop: Shell) -> None:
    assert shop("train", "--label", "kind", "--name", "taught").code == 0
    both = shop("evaluate", "--label", "kind", "--model", "taught", "--model", "efficientnet-lite0")
    assert [line for line in both.err.splitlines() if "too good" in line] == [
        "taught has learned from all 60 queries: these figures are too good. "
        "Keep others back with `lookalike train --where …`, and search for them with --queries"
    ]
    plain = shop("evaluate", "--label", "kind", "--model", "efficientnet-lite0")
    assert "too good" not in plain.err
    lines = shop("evaluate", "--label", "kind", "--model", "taught", "--json").lines
    assert lines[0]["learned"] == 60


def test_pictures_kept_back_are_not_said_to_be_learned_from(shop: Shell) -> None:
    assert shop("train", "--label", "kind", "--name", "partly", "--where", "name != '7.png'").code == 0
    evaluate = ("evaluate", "--label", "kind", "--model", "partly")
    assert "partly has learned from 59 of the 60 queries" in shop(*evaluate).err
    fair = shop(*evaluate, "--queries", "name == '7.png'")
    assert (fair.code, fair.err) == (0, "")


def test_of_a_model_without_a_list_it_is_said_that_it_may_have_learned(shop: Shell, tmp_path: Path) -> None:
    assert shop("train", "--label", "kind", "--name", "listless").code == 0
    (tmp_path / "models" / "listless.seen").unlink()
    told = shop("evaluate", "--label", "kind", "--model", "listless")
    assert "listless was taught: on the pictures it learned from" in told.err


def test_chances_by_what_was_taught_are_said_to_be_too_good(shop: Shell) -> None:
    assert shop("train", "--label", "kind", "--name", "taught").code == 0
    calibrate = ("calibrate", "--label", "kind", "--model")
    assert shop(*calibrate, "taught").err == (
        "taught was taught: on the pictures it learned from, these figures are too good. "
        "Keep others back with `lookalike train --where …`, and search for them with --where\n"
    )
    assert shop(*calibrate, "taught", "--json").err == ""
    assert shop(*calibrate, "taught", "--where", "kind != 'k1'").err == ""
    assert shop(*calibrate, "efficientnet-lite0").err == ""


def test_hand_on_remove_take_in(shop: Shell, tmp_path: Path) -> None:
    shop("train", "--label", "kind", "--name", "taught")
    wrote = shop("models", "export", "taught", "taught.lookalike-model")
    assert wrote.out.startswith("Wrote taught.lookalike-model: taught, ")
    again = shop("models", "export", "taught", "taught.lookalike-model")
    assert (again.code, "nothing is overwritten" in again.err) == (1, True)
    asked = shop("models", "remove", "taught", stdin=b"n\n")
    assert asked.code == 1
    assert "models/taught.toml" in asked.err
    assert (tmp_path / "models" / "taught.toml").is_file()
    nobody = shop("models", "remove", "taught", stdin=b"")
    assert (nobody.code, "nobody answered: use --yes" in nobody.err) == (2, True)
    assert (tmp_path / "models" / "taught.toml").is_file()
    assert shop("models", "remove", "taught", "--yes").code == 0
    gone = shop("models", "show", "taught")
    assert gone.code == 1
    assert "no model is called 'taught'" in gone.err
    assert shop("models", "import", "taught.lookalike-model").out.startswith("taught can be used now: ")
    assert shop("search", "in/3.png", "--model", "taught").code == 0


def test_trainings_that_have_not_ended_are_listed_and_removed(shop: Shell, tmp_path: Path) -> None:
    place = tmp_path / "models" / "begun.training"
    place.mkdir(parents=True)
    (place / "checkpoint.pt").write_bytes(bytes(2_000_000))
    assert "training, stands before the first epoch (2 MB)" in shop("models", columns=200).out
    unfinished.note("begun", 3, 20)
    assert "training, stands at epoch 3 of 20 (2 MB)" in shop("models", columns=200).out
    *cards, begun = shop("models", "--json").json
    assert [card["training"] for card in cards] == [None] * len(cards)
    assert begun.keys() == cards[0].keys()
    assert (begun["name"], begun["here"]) == ("begun", False)
    assert {name: begun["training"][name] for name in ("epoch", "epochs", "folder")} == {
        "epoch": 3,
        "epochs": 20,
        "folder": str(place),
    }
    asked = shop("models", "remove", "begun", stdin=b"n\n")
    assert (asked.code, "models/begun.training" in asked.err, place.is_dir()) == (1, True, True)
    assert shop("models", "remove", "begun", "--yes").code == 0
    assert not place.exists()
    assert (tmp_path / "models" / "removed" / "begun" / "begun.training" / "checkpoint.pt").is_file()
    assert "begun" not in shop("models").out
    assert shop("models", "remove", "begun", "--yes").code == 1


def test_without_the_model_that_is_searched_the_way_out_is_told(shop: Shell) -> None:
    assert shop("train", "--label", "kind", "--name", "fleeting").code == 0
    assert shop("models", "use", "fleeting").code == 0
    assert shop("models", "remove", "fleeting", "--yes").code == 0
    Image.new("RGB", (64, 64), "red").save("new.png")
    for command in (["search", "new.png"], ["index", "new.png"]):
        ended = shop(*command)
        assert ended.code == 1
        assert "vectors of model 'fleeting', but the model is not there any more: bring it back" in ended.err
        assert "`lookalike models use efficientnet-lite0`" in ended.err
    assert shop("models", "use", "efficientnet-lite0").code == 0
    assert shop("index", "new.png").code == 0


def test_what_cannot_be_removed_is_said_without_asking(shop: Shell) -> None:
    ended = shop("models", "remove", "efficientnet-lite0")
    assert (ended.code, "only models there are removed" in ended.err) == (1, True)


@pytest.mark.parametrize(
    ("epoch", "said"),
    [
        (Epoch(0, math.nan, 0.5, 0.0), "before the first of 20 epochs, recall@1 0.500 on pictures held out"),
        (Epoch(3, math.nan, math.nan, 2.0), "goes on after epoch 3 of 20 (2 s)"),
        (Epoch(9, 0.25, 0.5, 2.0), "epoch 9 of 20: loss 0.250, recall@1 0.500 on pictures held out (2 s)"),
        (Epoch(1.5, 0.25, math.nan, 2.0), "epoch 1.5 of 20: loss 0.250 (2 s)"),
    ],
)
def test_how_training_stands_is_told(capsys: pytest.CaptureFixture[str], epoch: Epoch, said: str) -> None:
    train._tell(epoch, 20)
    assert capsys.readouterr().err == f"{said}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--label", "kind"], 2, "Missing option '--name'"),
        (["--name", "x"], 2, "give what belongs together, --label COLUMN or --pairs FILE, or --unlabelled"),
        (["--name", "x", "--label", "kind", "--unlabelled"], 2, "or --unlabelled; one of them"),
        (["--name", "x", "--unlabelled", "--method", "adapter"], 2, "cannot be learned without labels"),
        (["--name", "x", "--label", "kind", "--batch", "8"], 2, "--batch is for --method finetune and --unl"),
        (["--name", "x", "--unlabelled", "--batch", "1"], 2, "--batch"),
        (["--name", "x", "--label", "kind", "--size", "288"], 2, "--size is for --method finetune and --unl"),
        (
            ["--name", "x", "--label", "kind", "--teacher", "y"],
            2,
            "--teacher goes with --method finetune",
        ),
        (
            ["--name", "x", "--unlabelled", "--teacher", "y"],
            2,
            "--teacher goes with --method finetune",
        ),
        (["--name", "x", "--unlabelled", "--size", "8"], 2, "--size"),
        (["--name", "x", "--label", "nothing"], 2, "there is no column nothing; there are kind"),
        (["--name", "x", "--label", "folder"], 2, "have the same value in column folder"),
        (["--name", "x", "--label", "name"], 2, "too few pictures to learn from"),
        (["--name", "efficientnet-lite0", "--label", "kind"], 1, "there is a model"),
        (["--name", "x", "--label", "kind", "--output", "none"], 1, "has no output 'none'"),
        (["--name", "x", "--label", "kind", "--method", "magic"], 2, "'magic' is not"),
    ],
)
def test_mistakes(shop: Shell, tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    ended = shop("train", *arguments)
    assert ended.code == code, ended.err
    assert message in ended.err
    assert not list((tmp_path / "models").glob("*"))


def test_the_output_that_suits_an_adapter_is_suggested(shop: Shell) -> None:
    pytest.importorskip("pytorch_metric_learning")
    mistaken = ("train", "--name", "x", "--label", "nothing", "--method", "finetune")
    assert "If an adapter is to be fitted on top, --output plain is the better one" in shop(*mistaken).err
    assert "adapter" not in shop(*mistaken, "--output", "plain").err


def test_without_pytorch_there_is_the_error_and_nothing_else(
    shop: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    ended = shop("train", "--name", "x", "--label", "kind", "--method", "finetune")
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert 'pip install "lookalike[train]"' in ended.err


@pytest.mark.parametrize(("epochs", "said"), [(0.4, True), (1, False)])
def test_too_little_time_is_said(capsys: pytest.CaptureFixture[str], epochs: float, said: bool) -> None:
    figures = {"recall@1": 0.5, "recall@fmr": 0.5}
    report = UnlabelledReport(
        model="new", base="old", output="plain", compared="old, plain", pictures=100, held_out=20,
        before=figures, after=figures, verdict="chance", card="new.toml", seconds=1.0, epochs=epochs,
        best_epoch=0, curve="new.svg", apart=False,
    )  # fmt: skip
    train._show(report)
    shown = capsys.readouterr()
    assert ("give more --minutes" in shown.err) == said
    assert "\nNothing was learned from 100 pictures in 1.0 s" in shown.out
    assert f"of {epochs} epochs none was better than the network as it was, which is kept; " in shown.out
    train._show(replace(report, best_epoch=0.3))
    shown = capsys.readouterr()
    assert "\nLearned from 100 pictures in 1.0 s" in shown.out
    assert f"epoch 0.3 of {epochs} is kept; " in shown.out


def test_what_came_with_lookalike_is_not_asked_about(shop: Shell) -> None:
    ended = shop("models", "remove", "efficientnet-lite0", stdin=b"y\n")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: model 'efficientnet-lite0' is not in ")
    assert ended.err.endswith("only models there are removed\n")
    assert ended.err.count("\n") == 1


def test_a_model_that_does_not_exist_is_not_used(shop: Shell) -> None:
    ended = shop("models", "use", "nothing")
    assert (ended.code, "no model is called 'nothing'" in ended.err) == (1, True)
