"""`ProxyIdentity`: who may ask for the page where a proxy logs people in and names them."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.identity import PasswordIdentityProvider
from jupyter_server.auth.login import LoginFormHandler

from cleaner.widgets.sentences import say

REVIEWER_HEADER = "reviewer_header"
"""Tornado's setting with the header in which the proxy sends who is logged in."""

_HEADER = re.compile(r"(?:token|bearer)\s+(.+)", re.IGNORECASE)


class ElsewhereHandler(LoginFormHandler):
    """Stands where the form for the token would be, which would help nobody: people log in at the proxy."""

    @allow_unauthenticated
    def get(self) -> None:
        """Answer whoever did not come through the proxy."""
        self.set_status(HTTPStatus.FORBIDDEN)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(say("page.elsewhere"))

    post = get


class ProxyIdentity(PasswordIdentityProvider):
    """Takes the token from the header that the proxy adds, and from nowhere else.

    A browser is given no cookie and never sees the token: whoever can reach the port past the proxy could say
    with either that they are somebody else. As the token is the proxy's, it says nothing about the page
    that a request comes from; requests that other pages cause are refused as they are for cookies.
    """

    def get_handlers(self) -> list[tuple[str, object]]:
        """Return what is asked for by those who are not logged in."""
        return [("/login", ElsewhereHandler)]

    def get_token(self, handler: Any) -> str | None:
        """Return the token of a request; None if it names its reviewer more than once.

        Then the proxy adds its header to the one that came, which anybody can send, instead of replacing it.
        """
        names_reviewer = handler.settings[REVIEWER_HEADER]
        if len(handler.request.headers.get_list(names_reviewer)) > 1:
            self.log.warning(
                "A request was refused as it has the header %s more than once. "
                "The proxy must set this header, not add to it.",
                names_reviewer,
            )
            return None
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
