"""The shell of the page: addresses, files, policy, signing in, and what is said when something is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.server.page import VIEWS, site
from pages import Page
from serving import Server, make_collection, start

WRITE, READ = "write-0123456789abcdef", "read-0123456789abcdef"  # of `guarded`
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
browser_test = pytest.mark.browser


# --- what is served ---------------------------------------------------------------------------


def test_browsers_get_the_page_and_programs_json(server: Server) -> None:
    page = server.get("/", **HTML)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["vary"] == "Accept"
    assert server.get("/").json["api"] == "/v1"
    assert server.get("/", Accept="application/json").json["name"] == "lookalike"


def test_where_there_is_nothing_browsers_get_the_page_and_programs_json(server: Server) -> None:
    page = server.get("/nonsense", **HTML)
    assert (page.status, page.body) == (404, site().document)
    assert "content-security-policy" in page.headers
    assert "etag" not in page.headers
    for accept in ({}, {"Accept": "application/json"}, {"Accept": "*/*"}):
        assert (server.get("/nonsense", **accept).status, server.get("/nonsense", **accept).code) == (
            404,
            "not_found",
        )
    assert server.get("/v1/pictures/999", **HTML).code == "not_in_collection"
    assert server.get("/v1/search", **HTML).status == 405


def test_all_modules_come_with_the_page(server: Server) -> None:
    preloaded = re.findall(r'rel="modulepreload"[^>]*"/web/[^/]+/([^"]+)"', site().document.decode())
    assert preloaded == sorted(name for name in site().files if name.endswith(".js"))


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_an_address(server: Server, view: str) -> None:
    assert server.get(f"/{view}?like=3&where=in_stock").body == site().document
    assert f"views/{view}.js" in site().files


def test_the_policy_lets_nothing_in_from_elsewhere(server: Server) -> None:
    policy = server.get("/search").headers["content-security-policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    assert {
        value for name in ("script-src", "style-src", "connect-src") for value in parts[name].split()
    } == {"'self'"}
    assert parts["img-src"] == "'self' blob:"
    assert "http" not in policy
    assert "unsafe" not in policy


def test_files_come_with_their_type_and_stay(server: Server) -> None:
    addresses = re.findall(r'"(/web/[^"]+)"', site().document.decode())
    assert any(address.endswith("/app.js") for address in addresses)
    for address in addresses:
        answer = server.get(address)
        assert answer.status == 200, address
        assert answer.headers["cache-control"] == "public, max-age=604800, immutable"
        again = server.get(address, **{"If-None-Match": answer.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
    types = {address.rpartition(".")[2]: server.get(address).headers["content-type"] for address in addresses}
    assert types["js"] == "text/javascript; charset=utf-8"
    assert types["css"] == "text/css; charset=utf-8"


def test_the_document_is_asked_for_again_and_mostly_kept(server: Server) -> None:
    first = server.get("/", **HTML)
    assert first.headers["cache-control"] == "no-cache"
    assert server.get("/", **HTML, **{"If-None-Match": first.headers["etag"]}).status == 304


@pytest.mark.parametrize(
    "name",
    [
        "index.html",
        "../server/app.py",
        "%2e%2e/server/app.py",
        "nothing.js",
        "views",
        "/etc/passwd",
        "views/../app.js",
    ],
)
def test_nothing_else_is_a_file_of_the_page(server: Server, name: str) -> None:
    for version in (site().version, "0" * 16):
        assert server.get(f"/web/{version}/{name}").status == 404


def test_a_file_of_another_version_is_not_there(server: Server) -> None:
    assert server.get("/web/0123456789abcdef/app.js").status == 404


def test_the_page_can_be_left_out(tmp_path: Path, draw_shop: Callable[[Path], Path]) -> None:
    folder = make_collection(tmp_path, draw_shop(tmp_path / "pictures"))
    server = start(folder, LOOKALIKE_SERVE_PAGE="false")
    try:
        assert server.get("/", **HTML).json["api"] == "/v1"
        assert server.get("/search").status == 404
    finally:
        server.stop()


# --- sessions ---------------------------------------------------------------------------------


def _session(server: Server, token: str, **headers: str) -> str:
    answer = server.ask("POST", "/v1/session", f'{{"token": "{token}"}}'.encode(), headers)
    assert answer.status == 200, answer.body
    return answer.headers["set-cookie"]


def test_without_a_token_anybody_has_all_rights(server: Server) -> None:
    said = server.get("/v1/session").json
    assert (said["required"], said["rights"]) == (False, "write")


def test_a_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_have(guarded: Server) -> None:
    cookie = _session(guarded, READ)
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Max-Age=43200" in cookie
    assert "Secure" not in cookie
    assert READ not in cookie
    host = f"127.0.0.1:{guarded.port}"
    assert "Secure" in _session(guarded, READ, Host=host, Origin=f"https://{host}")


def test_a_wrong_token_is_none(guarded: Server) -> None:
    for body, status in [(b'{"token": "wrong-0123456789"}', 401), (b"{}", 422), (b"[]", 400), (b"x", 400)]:
        answer = guarded.ask("POST", "/v1/session", body)
        assert answer.status == status
        assert "set-cookie" not in answer.headers


def test_a_session_has_the_rights_of_its_token(guarded: Server) -> None:
    own = {"Origin": guarded.url}
    for token, rights, status in [(READ, "read", 403), (WRITE, "write", 200)]:
        cookie = {"Cookie": _session(guarded, token).partition(";")[0]}
        assert guarded.get("/v1/session", **cookie).json["rights"] == rights
        assert guarded.get("/v1/pictures/1/thumbnail", **cookie).status == 200
        assert guarded.ask("PATCH", "/v1/pictures/1/metadata", b"{}", {**cookie, **own}).status == status


def test_a_session_changes_nothing_for_another_page(guarded: Server) -> None:
    """Another port of this machine is the same site, and a listed origin may ask, but only with a token."""
    cookie = {"Cookie": _session(guarded, WRITE).partition(";")[0]}
    for origin, status in [(None, 401), ("https://ok.example", 401), ("http://127.0.0.1:1", 403)]:
        headers = {**cookie, **({"Origin": origin} if origin else {})}
        assert guarded.ask("PATCH", "/v1/pictures/1/metadata", b"{}", headers).status == status
        assert guarded.post("/v1/search", ("id", "1"), **headers).status == status


def test_a_changed_or_old_session_is_none(guarded: Server) -> None:
    name, _, value = _session(guarded, WRITE).partition(";")[0].partition("=")
    until, _, signature = value.partition(".")
    for wrong in (
        f"{int(until) + 1}.{signature}",
        f"{until}.{signature[:-1]}x",
        f"{until}.",
        ".",
        "x",
        WRITE,
    ):
        assert guarded.get("/v1/info", Cookie=f"{name}={wrong}").status == 401


def test_a_session_ends_with_its_time_and_with_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    from starlette.requests import Request

    from lookalike.server import auth

    def asks(cookie: str) -> Request:
        header = (b"cookie", f"{auth.COOKIE}={cookie}".encode())
        return Request({"type": "http", "method": "GET", "headers": [header]})

    checks = auth.Auth(WRITE, READ, required=True)
    cookie = checks.session(READ)
    assert checks.rights(asks(cookie)) == "read"
    assert auth.Auth(WRITE, None, required=True).rights(asks(cookie)) is None
    assert auth.Auth(READ, WRITE, required=True).rights(asks(cookie)) == "write"
    now = auth.time.time()
    monkeypatch.setattr(auth.time, "time", lambda: now + auth.SESSION_SECONDS + 1)
    assert checks.rights(asks(cookie)) is None


def test_the_browsers_own_window_does_not_come_up(guarded: Server) -> None:
    """Basic makes a browser ask by itself, where a page's request is refused."""
    asked = guarded.get("/v1/info", **{"Sec-Fetch-Mode": "cors"})
    assert asked.headers["www-authenticate"].startswith("Bearer")
    assert guarded.get("/v1/info").headers["www-authenticate"].startswith("Basic")


@browser_test
def test_signing_in_and_out(page_of: Callable[[Server], Page], guarded: Server) -> None:
    page = page_of(guarded)
    page.allow("/v1/session - Failed to load resource")  # the wrong token
    page.open("/info", wait="document.querySelector('#token') !== null")
    assert page.text("h1") == "This collection is kept private"
    assert page.focused() == "token"
    page.press("wrong-0123456789", "\ue007")
    page.said("This is not a token of this server.")
    page.press(READ, "\ue007")
    page.until("document.querySelector('[data-view=info] .figures') !== null")
    assert page.run("return document.cookie") == ""
    page.click(".top button")
    page.until("document.querySelector('#token') !== null")
    assert page.text("h1") == "This collection is kept private"
    assert page.texts(".top button") == []


# --- going about ------------------------------------------------------------------------------


@browser_test
def test_back_and_forward_go_from_view_to_view(page: Page) -> None:
    page.open("/")
    drawn = "document.querySelector(`[data-view=${arguments[0]}] :is(.state:not([aria-busy]), .figures)`)"
    for view in ("clusters", "map", "duplicates", "info"):
        page.click(f".views a[href='/{view}']")
        page.until(f"{drawn} !== null", view)
        assert page.address == f"/{view}"
        assert page.run("return document.querySelector('.views [aria-current]').pathname") == f"/{view}"
    page.back()
    page.until("document.querySelector('[data-view=duplicates]') !== null")
    page.forward()
    page.until("document.querySelector('[data-view=info]') !== null")
    assert page.run("return performance.getEntriesByType('navigation').length") == 1


@browser_test
def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    page.open("/")
    names = page.run("return performance.getEntriesByType('resource').map(e => new URL(e.name).origin)")
    assert set(names) == {page.server.url}


@browser_test
def test_a_server_that_is_gone_is_said_and_waited_for(page: Page) -> None:
    """The connection is cut inside the browser: no port has to be free again for it to come back."""
    page.allow("net::ERR_INTERNET_DISCONNECTED")
    page.open("/", wait="document.querySelectorAll('.item').length > 0")
    page.offline(True)
    page.click(".views a[href='/clusters']")
    page.until("'unreachable' in document.documentElement.dataset")
    page.until("document.querySelector('.state[role=alert]') !== null")
    page.offline(False)
    page.until("!('unreachable' in document.documentElement.dataset)")
    page.said("There are no clusters yet")


@browser_test
@pytest.mark.parametrize("view", ["map", "duplicates", "compare"])
def test_a_view_that_is_gone_to_while_the_server_is_away_comes_by_itself(page: Page, view: str) -> None:
    page.allow("net::ERR_INTERNET_DISCONNECTED")
    page.open("/", wait="document.querySelectorAll('.item').length > 0")
    loaded = "performance.getEntriesByType('resource').map(e => e.name)"
    page.until(
        "[...document.querySelectorAll('link[rel=modulepreload]')].every(l =>"
        f" {loaded}.some(name => name === l.href))"
    )
    page.offline(True)
    page.run(
        "const a = document.createElement('a'); a.href = arguments[0]; document.body.append(a);"
        "a.click(); a.remove()",
        "/compare?a=1&b=2" if view == "compare" else f"/{view}",
    )
    page.until("document.querySelector('.state[role=alert]') !== null")
    page.offline(False)
    page.until("!document.querySelector('.state[role=alert]') && !document.querySelector('[aria-busy=true]')")
    page.until(f"document.querySelector('[data-view={view}] :is(.state, .verdict-name)') !== null")


@browser_test
def test_where_there_is_nothing_a_way_leads_back(page: Page) -> None:
    page.allow("404")
    page.open("/nonsense", wait="document.querySelector('.state') !== null")
    page.said("There is nothing at this address")
    assert page.all(".views [aria-current]") == []
    page.click(".state .primary")
    page.until("document.querySelectorAll('.item').length > 0")
    assert page.address == "/"
    page.back()
    page.said("There is nothing at this address")
