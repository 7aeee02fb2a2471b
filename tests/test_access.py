"""Who may ask a server of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebus.access import Access, access_at, host_name, is_loopback, is_own_origin, link, offered_token


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("box", False),
    ],
)
def test_only_the_loopback_needs_no_token(host, expected):
    """Any other address is reachable by others: a token is made up, an empty one is none."""
    assert is_loopback(host) is expected
    assert (access_at(host).token is None) is expected
    assert (access_at(host, "").token is None) is expected
    assert access_at(host, "mine").token == "mine"


@pytest.mark.parametrize(
    ("header", "answered"),
    [
        ("127.0.0.1:8765", True),
        ("localhost", True),
        ("[::1]:8765", True),
        ("127.0.0.1.evil.example:8765", False),
        ("evil.example", False),
        ("127.0.0.1:8765:80", False),
        ("", False),
    ],
)
def test_a_server_on_the_loopback_answers_to_its_own_names(header, answered):
    """A name that somebody else points at this machine is none of its own."""
    assert access_at("127.0.0.1").answers_to(header) is answered


def test_the_address_listened_at_is_a_name():
    """Whoever listens at an unusual loopback address can open the link that is printed."""
    for host in ("127.0.0.2", "::1"):
        shown = link(host, 80).removeprefix("http://").rstrip("/")
        assert access_at(host).answers_to(shown)


@given(st.text(), st.text())
def test_only_the_token_is_the_token(offered, token):
    """No text passes for another one, whatever bytes a header brings; without a token everything passes."""
    assert Access(None, token).knows(offered) is (offered == token)
    assert Access(None, None).knows(offered)


@given(st.text())
def test_any_header_is_judged(text):
    """Nonsense in a header is refused, never an exception."""
    assert isinstance(host_name(text), str)
    assert isinstance(offered_token(text, text, "name"), str)
    assert not is_own_origin(text, "127.0.0.1:1")
    assert not is_own_origin(f"http://127.0.0.1:1{text}x", "127.0.0.1:1")
    assert not is_own_origin(f"x{text}http://127.0.0.1:1", "127.0.0.1:1")


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("http://127.0.0.1:8765", True),
        ("https://127.0.0.1:8765", True),
        ("http://127.0.0.1:8766", False),
        ("http://localhost:8765", False),
        ("http://127.0.0.1:8765.evil.example", False),
        ("http://evil.example/127.0.0.1:8765", False),
        ("http://x@127.0.0.1:8765", False),
        ("null", False),
        ("", False),
        ("http://[", False),
    ],
)
def test_only_the_servers_own_page_is_its_own(origin, own):
    """Same name, other port: somebody else's page."""
    assert is_own_origin(origin, "127.0.0.1:8765") is own
    assert not is_own_origin(origin, "")


def test_the_token_comes_by_header_or_cookie():
    """Programs send a header, browsers a cookie; the header counts."""
    assert offered_token("Bearer  abc ", "name=other", "name") == "abc"
    assert offered_token("", "a=1; name=abc", "name") == "abc"
    assert offered_token("Basic abc", "", "name") == ""
