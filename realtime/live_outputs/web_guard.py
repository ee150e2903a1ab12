"""Who may see the page: a token where others can reach it, and no stranger's page anywhere."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from realtime.errors import TuttiError
from realtime.live_outputs.address import Address

TOKEN_VARIABLE = "TUTTI_WEB_TOKEN"
COOKIE = "tutti_token"
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{12,}")
HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def token_for(address: Address, given: str | None) -> str | None:
    """The token of the command line, or of the environment; an address on this computer needs none.

    Raises:
        TuttiError: it is missing where others can reach the page, or is a poor one.
    """
    token = given if given is not None else os.environ.get(TOKEN_VARIABLE)
    if token is None:
        if address.is_here:
            return None
        raise TuttiError(
            f"Others can reach a page at {address}: give a token that they must know, with "
            f"--web-token or in {TOKEN_VARIABLE}, or use 127.0.0.1:{address.port}."
        )
    if not _TOKEN.fullmatch(token):
        raise TuttiError(
            "The token of --web is too weak: give 12 or more letters and digits (also . _ ~ -), "
            "such as 'openssl rand -hex 16' prints."
        )
    return token


class Guard:
    """Looks at each request before it is answered."""

    def __init__(self, address: Address, token: str | None) -> None:
        self._token = token
        self._hosts = HERE | {address.host}

    def refusal(
        self, headers: Mapping[str, str], query: Mapping[str, str], cookies: Mapping[str, str]
    ) -> tuple[int, str] | None:
        """The status and sentence of a request that is refused; None where it is welcome.

        A browser runs other people's pages too. What they ask for here carries their own
        ``Origin``, or, where they have bent a name to this computer, a ``Host`` that is not ours.
        """
        host = headers.get("Host", "")
        origin = headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != host:
            return 403, "A page of another site asked for this one: open it at its own address."
        if self._token is None:
            if _name_of(host) not in self._hosts:
                return 403, "This page is only at 127.0.0.1, and was asked for by another name."
            return None
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        for given in (query.get("token"), cookies.get(COOKIE), bearer):
            if given and hmac.compare_digest(_bytes(given), _bytes(self._token)):
                return None
        return 401, "This page needs its token: open it with ?token=... after the address."


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # headers may hold bytes that are no text


def _name_of(host: str) -> str:
    """``[::1]:80`` -> ``::1``."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
