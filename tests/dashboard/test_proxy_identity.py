"""Who may ask where a proxy logs people in, and who the proxy says that they are."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from cleaner.dashboard import voila_folder
from cleaner.dashboard.identity import REVIEWER_HEADER, ProxyIdentity
from cleaner.dashboard.server import Dashboard
from cleaner.errors import DashboardError
from cleaner.widgets.page_settings import PageSettings
from cleaner.widgets.sentences import say

HEADER = "X-Forwarded-User"
TOKEN = "a long secret"


def asking(*headers: tuple[str, str], path: str = "/") -> Any:
    """Return a handler of a request with these headers, as far as an identity looks at it."""
    sent = HTTPHeaders({"Host": "x"})
    for name, value in headers:
        sent.add(name, value)
    request = HTTPServerRequest(start_line=RequestStartLine("GET", path, "HTTP/1.1"), headers=sent)
    return SimpleNamespace(
        request=request,
        settings={REVIEWER_HEADER: HEADER},
        token=TOKEN,
        log=SimpleNamespace(debug=lambda *_: None),
    )


def known(*headers: tuple[str, str], path: str = "/") -> bool:
    """Tell whether a request comes from the proxy."""
    identity = ProxyIdentity(token=TOKEN)
    with ThreadPoolExecutor(1) as thread:  # in this one, the browser of other tests may have its loop
        asked = identity.get_user_token(asking(*headers, path=path))
        return thread.submit(asyncio.run, asked).result() is not None


@pytest.mark.parametrize("sent", [f"token {TOKEN}", f"Bearer  {TOKEN}", f"TOKEN\t{TOKEN}"])
def test_the_token_in_the_header_is_that_of_the_proxy(sent: str) -> None:
    assert known(("Authorization", sent), (HEADER, "anna"))


@pytest.mark.parametrize(
    "sent", ["", "token", TOKEN, f"Basic {TOKEN}", "token a long", f"token {TOKEN}, token {TOKEN}"]
)
def test_another_header_is_not(sent: str) -> None:
    assert not known(("Authorization", sent), (HEADER, "anna"))


def test_a_token_in_the_address_or_twice_is_not() -> None:
    assert not known((HEADER, "anna"), path="/?token=a%20long%20secret")
    twice = ("Authorization", f"token {TOKEN}")
    assert not known(twice, twice, (HEADER, "anna"))


def test_a_request_that_names_two_reviewers_is_refused_and_the_log_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    proxy = ("Authorization", f"token {TOKEN}")
    assert known(proxy, (HEADER, "Smith, Anna"))
    assert not known(proxy, (HEADER, "mallory"), (HEADER.lower(), "anna"))
    assert "has the header X-Forwarded-User more than once" in caplog.text
    assert "mallory" not in caplog.text


def test_no_cookie_is_given_or_taken_and_the_origin_is_always_checked() -> None:
    identity = ProxyIdentity(token=TOKEN)
    handler = asking(("Authorization", f"token {TOKEN}"), ("Cookie", "username-x=anna"))
    identity.set_login_cookie(handler, None)  # would fail, as this handler takes no cookies
    assert identity.get_user_cookie(handler) is None
    assert not identity.is_token_authenticated(handler)
    assert identity.should_check_origin(handler)


def reviewer(sent: str | None, header: str = HEADER, root: str | None = "bears") -> str:
    """Return the reviewer whom a page gets."""
    settings = PageSettings.for_root(root, options={"reviewer": "whoever"}, reviewer_header=header)
    environment = {} if sent is None else {f"HTTP_{header.upper().replace('-', '_')}": sent}
    told = settings.of_visitor(environment)
    assert told.workspace is None or told.workspace["reviewer"] == told.options["reviewer"]
    return str(told.options["reviewer"])


@pytest.mark.parametrize("root", ["bears", None])
def test_the_reviewer_is_whom_the_header_names(root: str | None) -> None:
    assert reviewer("anna", root=root) == "anna"
    assert reviewer("  Smith, Anna ", root=root) == "Smith, Anna"


def test_names_beyond_ascii_are_read_as_utf8_or_as_latin1() -> None:
    assert reviewer("Zoë Łukasz".encode().decode("latin-1")) == "Zoë Łukasz"
    assert reviewer("Zoë") == "Zoë"
    assert reviewer("李雷") == "李雷"  # a system whose environment holds text


@pytest.mark.parametrize("sent", [None, "", "   ", "\t", "(null)"])
def test_nobody_is_nobody(sent: str | None) -> None:
    with pytest.raises(DashboardError) as caught:
        reviewer(sent)
    assert str(caught.value) == say("page.nobody", header=HEADER)


@pytest.mark.parametrize("sent", ["anna\x1b[2J", "an\x00na", "anna\r\nX: y", "anna\u202egnp"])
def test_what_is_no_name_is_refused(sent: str) -> None:
    with pytest.raises(DashboardError) as caught:
        reviewer(sent.encode().decode("latin-1"))
    assert str(caught.value) == say("page.no_name", header=HEADER)


def test_without_a_header_the_reviewer_stays_who_it_was() -> None:
    settings = PageSettings.for_root("bears", options={"reviewer": "Ana"})
    assert settings.of_visitor({"HTTP_X_FORWARDED_USER": "mallory"}) is settings


def test_voila_is_told_whom_to_believe(tmp_path: Path) -> None:
    settings = PageSettings.for_root(None, browse_root=tmp_path, reviewer_header=HEADER)
    voila_folder.write_folder(tmp_path, settings, ip="127.0.0.1", port=1, token="t", theme=None)
    config = json.loads((tmp_path / "voila.json").read_text("utf-8"))
    assert config["VoilaConfiguration"]["http_header_envs"] == [HEADER]
    assert config["Voila"]["tornado_settings"] == {"headers": voila_folder.HEADERS, REVIEWER_HEADER: HEADER}
    module, _, name = config["Voila"]["identity_provider_class"].rpartition(".")
    assert (module, name) == (ProxyIdentity.__module__, ProxyIdentity.__name__)


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard that is reached through a proxy."""
    folder = tmp_path_factory.mktemp("sets")
    settings = PageSettings.for_root(None, browse_root=folder, reviewer_header=HEADER)
    with Dashboard(settings, port=0, token=TOKEN, base_url="/sets/cleaner") as dashboard:
        yield dashboard


def ask(dashboard: Dashboard, path: str, headers: dict[str, str]) -> tuple[int, str, Any]:
    """Return status, text and headers of an answer; no redirection is followed."""
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=60)
    connection.putrequest("GET", path)
    for name, value in headers.items():
        for one in value.split("|"):
            connection.putheader(name, one)
    connection.endheaders()
    reply = connection.getresponse()
    answer = reply.status, reply.read().decode(), reply.headers
    connection.close()
    return answer


@pytest.mark.slow
def test_a_visitor_past_the_proxy_is_told_to_come_through_it(behind_proxy: Dashboard) -> None:
    status, _, headers = ask(
        behind_proxy, f"/sets/cleaner/?token={TOKEN.replace(' ', '%20')}", {HEADER: "anna"}
    )
    assert (status, headers["Location"].partition("?")[0]) == (302, "/sets/cleaner/login")
    assert headers["Set-Cookie"] is None or "cleaner-" not in headers["Set-Cookie"]
    status, text, headers = ask(behind_proxy, headers["Location"], {})
    assert (status, text) == (403, say("page.elsewhere"))
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert ask(behind_proxy, "/sets/cleaner/voila/static/voila.js", {HEADER: "anna"})[0] == 403


@pytest.mark.slow
def test_the_proxy_gets_the_page_unless_a_name_was_added_to_another(behind_proxy: Dashboard) -> None:
    proxy = {"Authorization": f"token {TOKEN}"}
    status, text, _ = ask(behind_proxy, "/sets/cleaner/", {**proxy, HEADER: "anna"})
    assert (status, "<title>cleaner</title>" in text) == (200, True)
    assert ask(behind_proxy, "/sets/cleaner/", {**proxy, HEADER: "mallory|anna"})[0] == 302
    assert "more than once" in behind_proxy.log_path.read_text("utf-8")
