"""`lookalike serve`: what it says before it serves."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest


def test_check_shows_settings_without_secrets(
    indexed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "serve.toml").write_text(
        "port = 9000\nwaiting = 5\n[deployments.old]\ncollection = '.lookalike'\n"
    )
    monkeypatch.setenv("LOOKALIKE_SERVE_WAITING", "7")
    monkeypatch.setenv("LOOKALIKE_SERVE_TOKEN", "a-secret-of-mine-0123")
    options = ("--config", "serve.toml", "--port", "9001", "--deployment", "new=.lookalike")
    done = indexed("serve", "--check", "--json", *options)
    assert done.code == 0, done.err
    assert "a-secret" not in done.out + done.err
    shown = done.json
    # Flags count before the environment, and this before the file.
    assert (shown["port"], shown["waiting"], shown["token"]) == (9001, 7, "**********")
    assert sorted(shown["deployments"]) == ["default", "new", "old"]
    assert shown["fetch_urls"] is False
    assert indexed("serve", "--check", "--json", "--fetch-urls").json["fetch_urls"] is True
    table = indexed("serve", "--check", *options)
    assert "a-secret" not in table.out
    assert "**********" in table.out


WRONG = [
    (("-c", "nothing"), 1, "holds no collection"),
    (("--model", "other"), 1, "has no vectors of model other"),
    (("--token", "short"), 2, "setting token: must have at least 16 characters"),
    (("--token", "with spaces in it 0123"), 2, "setting token: must be of printable"),
    (("--config", "none.toml"), 2, "no configuration file"),
    (("--deployment", "x"), 2, "--deployment takes NAME=DIR"),
    (("--deployment", "a b=shop"), 2, "setting deployments"),
    (("--host", "not an address"), 1, "is no address to listen on"),
]


def test_what_is_wrong_is_explained(indexed) -> None:
    for options, code, message in WRONG:
        done = indexed("serve", "--port", "0", *options)
        assert (done.code, done.out) == (code, ""), options
        assert message in done.err


def test_settings_of_files_and_environment_are_checked(
    indexed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "serve.toml").write_text("wating = 5\n")
    done = indexed("serve", "--config", "serve.toml")
    assert (done.code, "setting wating: there is no such setting" in done.err) == (2, True)
    (tmp_path / "serve.toml").write_text("port = \n")
    assert "cannot be read" in indexed("serve", "--config", "serve.toml").err
    monkeypatch.setenv("LOOKALIKE_SERVE_PORT", "many")
    assert "setting port" in indexed("serve").err


@pytest.mark.parametrize("origin", ["https://shop.example/", "shop.example", "*", "https://a.example/b"])
def test_an_origin_that_no_page_can_have_is_refused(indexed, origin: str) -> None:
    done = indexed("serve", "--check", "--cors", origin)
    assert done.code == 2
    assert f"{origin!r} is no origin: write it like https://shop.example" in done.err


def test_a_misspelt_variable_is_told(indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever means `read_only` must not get a server that writes."""
    monkeypatch.setenv("LOOKALIKE_SERVE_READONLY", "true")
    done = indexed("serve", "--check")
    assert (done.code, done.out) == (2, "")
    assert (
        "LOOKALIKE_SERVE_READONLY: there is no such setting; did you mean LOOKALIKE_SERVE_READ_ONLY"
        in done.err
    )


def test_a_port_in_use_is_explained(indexed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = indexed("serve", "--port", port)
    assert done.code == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in done.err


def test_without_the_extra_it_says_what_to_install(indexed) -> None:
    code = "import sys; sys.modules['fastapi'] = None; from lookalike.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "serve"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'lookalike[server]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_names_the_deployment_that_cannot_be_served(indexed) -> None:
    done = indexed("serve", "--check", "--deployment", "other=nothing")
    assert done.code == 1
    assert "deployment other" in done.err
