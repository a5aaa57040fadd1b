"""Who may read and who may write: tokens, as Bearer or as the user name of Basic."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass

from starlette.requests import Request

from lookalike.errors import RequestError
from lookalike.server.settings import Settings


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
        if self.required:
            shown = _shown(request.headers.get("authorization", ""))
            may_write, may_read = _same(shown, self.write), _same(shown, self.read)
            if not (may_write or may_read):
                raise RequestError(
                    "a valid token is needed: `Authorization: Bearer TOKEN`, or Basic with the token as user "
                    "name and an empty password",
                    401,
                    "unauthorized",
                )
            if writing and not may_write:
                raise RequestError("this token may only read", 403, "forbidden")
        if writing and self.read_only:
            raise RequestError("this server is read-only", 403, "read_only")


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
