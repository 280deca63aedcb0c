"""`ProxyIdentity`: who may ask for the page where a proxy logs people in and names them."""

from __future__ import annotations

import re
from typing import Any

from jupyter_server.auth.identity import PasswordIdentityProvider

_HEADER = re.compile(r"(?:token|bearer)\s+(.+)", re.IGNORECASE)


class ProxyIdentity(PasswordIdentityProvider):
    """Takes the token from the header that the proxy adds, and from nowhere else.

    A browser is given no cookie and never sees the token: whoever can reach the port past the proxy could say
    with either that they are somebody else. As the token is the proxy's, it says nothing about the page
    that a request comes from; requests that other pages cause are refused as they are for cookies.
    """

    def get_token(self, handler: Any) -> str | None:
        """Return the token of a request."""
        found = _HEADER.match(handler.request.headers.get("Authorization", ""))
        return found.group(1).strip() if found else None

    def get_user_cookie(self, handler: Any) -> None:
        """Know nobody by a cookie."""

    def set_login_cookie(self, handler: Any, user: Any) -> None:
        """Give no cookie."""

    def is_token_authenticated(self, handler: Any) -> bool:
        """Say no, so that the origin of a request is checked."""
        return False

    def should_check_origin(self, handler: Any) -> bool:
        """Say yes."""
        return True
