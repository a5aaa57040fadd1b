"""Who may read and who may write: tokens, as Bearer or as the user name of Basic, and the page's sessions.

An `<img>` cannot show a token, so the web page exchanges it for a cookie (`POST /v1/session`). The cookie
holds no token but when it ends, signed with the token (HMAC-SHA256): nothing is kept here, it has the rights
of the token that signed it, and it ends with that token at the latest. Scripts cannot read it (HttpOnly) and
no other site's page makes a browser send it (SameSite=Strict). Another port of one host is the same site,
though, and what listens there is sent the cookie too. A request that may change something counts only when
its `Origin` is the server itself: that stops the pages of another port, but not a service there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request

from lookalike.errors import RequestError
from lookalike.server.settings import Settings

Rights = Literal["write", "read"]
"""What a token allows: whoever may write may read."""

COOKIE = "lookalike_session"
"""How the name of the cookie begins where the page does not come by TLS."""
SESSION_SECONDS = 12 * 3600
_SAFE = ("GET", "HEAD", "OPTIONS")


def new_token() -> str:
    """A token nobody can guess: 192 bits."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Auth:
    """Checks the tokens of requests.

    Attributes:
        write: the token that may read and write; None for none.
        read: the token that may only read; None for none.
        required: whether a token must be shown.
        read_only: nobody may write.
    """

    write: str | None
    read: str | None
    required: bool
    read_only: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Auth:
        """As the settings say."""
        write, read = (t.get_secret_value() if t else None for t in (settings.token, settings.read_token))
        return cls(write, read, settings.needs_token, settings.read_only)

    def check(self, request: Request, *, writing: bool) -> None:
        """Let a request pass, or not.

        Raises:
            RequestError: 401 without a valid token, 403 when it does not allow this.
        """
        rights = self.rights(request)
        if rights is None:
            raise RequestError(
                "a valid token is needed: `Authorization: Bearer TOKEN`, or Basic with the token as user "
                "name and an empty password",
                401,
                "unauthorized",
            )
        if writing and rights != "write":
            raise RequestError("this token may only read", 403, "forbidden")
        if writing and self.read_only:
            raise RequestError("this server is read-only", 403, "read_only")

    def rights(self, request: Request) -> Rights | None:
        """What a request may do by the token it shows, or by its session; None for nothing."""
        if not self.required:
            return "write"
        return self.rights_of(_shown(request.headers.get("authorization", ""))) or self._of_session(request)

    def rights_of(self, shown: str) -> Rights | None:
        """What a token allows; None for one that is not ours."""
        may_write, may_read = _same(shown, self.write), _same(shown, self.read)
        return "write" if may_write else "read" if may_read else None

    def session(self, shown: str) -> str:
        """The cookie for whoever has shown this token, which must be one of ours."""
        until = str(int(time.time()) + SESSION_SECONDS)
        return f"{until}.{_signature(shown, until)}"

    def _of_session(self, request: Request) -> Rights | None:
        names = (cookie_name(request, secure=secure) for secure in (True, False))
        cookie = next((request.cookies[name] for name in names if name in request.cookies), "")
        until, _, signature = cookie.partition(".")
        may_write, may_read = (
            token is not None and _same(signature, _signature(token, until))
            for token in (self.write, self.read)
        )
        if not (may_write or may_read) or int(until) < time.time() or not _is_own(request):
            return None
        return "write" if may_write else "read"


def cookie_name(request: Request, *, secure: bool) -> str:
    """The name of the cookie: with the port, as browsers keep cookies by host alone, and several servers of
    one host would sign each other out; with `__Host-` where TLS lets browsers see that no other host set it.
    """
    port = re.search(r":(\d+)$", request.headers.get("host", ""))
    return f"{'__Host-' if secure else ''}{COOKIE}{f'_{port[1]}' if port else ''}"


def _is_own(request: Request) -> bool:
    """Whether a request that a browser sends with our cookie comes from our own page."""
    origin = urlsplit(request.headers.get("origin", "")).netloc.lower()
    return request.method in _SAFE or origin == request.headers.get("host", "").lower() != ""


def _signature(token: str, until: str) -> str:
    return hmac.new(token.encode(), f"lookalike session until {until}".encode(), hashlib.sha256).hexdigest()


def _same(shown: str, token: str | None) -> bool:
    """Compared in constant time. Without a token nothing is right, not even nothing."""
    return token is not None and hmac.compare_digest(shown.encode(), token.encode())


def _shown(header: str) -> str:
    """The token in an Authorization header; empty when there is none.

    >>> _shown("Bearer abc"), _shown("Basic " + base64.b64encode(b"abc:").decode()), _shown("Digest x")
    ('abc', 'abc', '')
    """
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        user, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ""
    return "" if password else user


async def reading(request: Request) -> None:
    """What routes that read depend on."""
    request.app.state.service.auth.check(request, writing=False)


async def writing(request: Request) -> None:
    """What routes that write depend on."""
    request.app.state.service.auth.check(request, writing=True)
