"""Secrets are found by key at any depth and in text, and a function may hide the rest."""

from __future__ import annotations

import collections
import dataclasses
import json
import logging

import msgspec
import pydantic
import pytest

from tracebus.capture import Capture, to_json

SECRET = "hunter2-very-secret"


def json_of(value, **arguments):
    result, cuts = to_json(value, Capture(**arguments), "/inputs")
    return result, [(cut.path, cut.reason) for cut in cuts]


class Model(pydantic.BaseModel):
    api_key: str = SECRET
    city: str = "Oslo"


@dataclasses.dataclass
class Settings:
    db_password: str = SECRET
    city: str = "Oslo"


class Struct(msgspec.Struct):
    token: str = SECRET


Header = collections.namedtuple("Header", "name value")  # noqa: PYI024  # the untyped one is what must work too


class Client:
    def __repr__(self):
        return f"Client(url='u', api_key='{SECRET}', n=1)"


@pytest.mark.parametrize(
    "value",
    [
        {"password": SECRET},
        {"password": [SECRET, {"a": SECRET}]},
        {"password": {"deep": SECRET}},
        {"a": [{"b": ({"Authorization": f"Bearer {SECRET}"},)}]},
        {b"password": SECRET},
        Model(),
        {"m": [Model()]},
        Settings(),
        Struct(),
        {"headers": [("Authorization", SECRET), ("Accept", "*/*")]},
        {"headers": [["x-api-key", SECRET]]},
        {"headers": (("cookie", SECRET),)},
        [Header("Authorization", SECRET)],
        [{"name": "X-Api-Key", "value": SECRET}],
        [{"value": SECRET, "key": "password"}],
        Client(),
        {"client": Client()},
        ValueError(f"bad config {{'password': '{SECRET}'}}"),
        json.dumps({"password": SECRET}),
        json.dumps({"password": SECRET, "after": 1}, indent=2),
        json.dumps({"credentials": {"user": "u", "pin": SECRET}}),
        json.dumps({"arguments": json.dumps({"password": SECRET})}),
        json.dumps({"a": json.dumps({"b": json.dumps({"password": SECRET})})}),
        json.dumps({"secrets": [SECRET, SECRET]}),
        repr({"password": SECRET}),
        repr({"password": SECRET + "'"}),
        repr({"credentials": {"pin": SECRET}}),
        repr(Settings()),
        f'{{"password": "{SECRET}',
        f'{{"password": "{SECRET}\\',
        f"https://api.example/v1?q=1&api_key={SECRET}&n=2",
        f"https://user:{SECRET}@host/db",
        f"curl -H 'Authorization: Bearer {SECRET}' https://api.example",
        f"curl -H 'x-api-key: {SECRET}' https://api.example",
    ],
    ids=range(34),
)
def test_secrets_do_not_get_out(value):
    """Wherever a key names a secret, its value is replaced and the place noted."""
    result, cuts = json_of(value)
    assert SECRET not in json.dumps(result)
    assert "redacted" in {reason for _, reason in cuts}


@pytest.mark.parametrize(
    "text",
    [
        "password: think of a good one, then reset the token",
        '{"max_tokens": 5, "token_usage": {"input": 1}}',
        "f(max_tokens='5')",
        '{"password": null, "secret": true}',
        "an email to a@b.example, see https://host:8080/path",
        "I said \"password\" and she said 'token'",
        "if password == expected: return token = None",
        "",
    ],
)
def test_harmless_text_is_left_alone(text):
    """Prose and counts are not mangled."""
    assert json_of({"a": text}) == ({"a": text}, [])


def test_redacted_json_stays_json():
    """Text that was JSON is JSON afterwards, for the next reader."""
    value = {"password": 1234, "credentials": {"a": [1]}, "secret": "s", "token": [1, {"a": "}"}], "last": 1}
    result, _ = json_of(json.dumps(value))
    hidden = "[redacted]"
    assert json.loads(result) == {
        "password": hidden, "credentials": hidden, "secret": hidden, "token": hidden, "last": 1,
    }  # fmt: skip


def test_redaction_says_where():
    """Every redacted place is noted by its pointer."""
    value = {
        "a": {"api_key": "x"},
        "headers": [("authorization", "x")],
        "pair": {"name": "token", "value": "x"},
    }
    result, cuts = json_of(value)
    assert result["headers"] == [["authorization", "[redacted]"]]
    assert cuts == [
        ("/inputs/a/api_key", "redacted"),
        ("/inputs/headers/0/1", "redacted"),
        ("/inputs/pair/value", "redacted"),
    ]


def test_nothing_is_no_secret():
    """An absent value and a switch reveal nothing and stay readable."""
    assert json_of({"password": None, "secret": False}) == ({"password": None, "secret": False}, [])


def test_no_keys_no_redaction():
    """With an empty set of keys only types that hide themselves are hidden."""
    text = '{"password": "x"} https://u:p@h'
    assert json_of({"password": "x", "text": text}, redact_keys=()) == ({"password": "x", "text": text}, [])


def test_the_function_sees_every_string_with_its_place():
    """It is called for string values, reprs included, never for keys, numbers or our own placeholders."""
    seen = []

    def redact(pointer, text):
        seen.append((pointer, text))
        return text

    value = {"a/b": ["x", 1, None, b"bytes", Model()], "password": "p", "type": int}
    result, cuts = json_of(value, redact=redact)
    assert seen == [("/inputs/a~1b/0", "x"), ("/inputs/a~1b/4/city", "Oslo"), ("/inputs/type", "int")]
    assert result["a/b"][0] == "x"
    assert ("/inputs/a~1b/0", "redacted") not in cuts


def test_the_function_sees_whole_strings():
    """A secret that straddles the length limit is still recognised."""
    text = "x" * 8 + SECRET + "y" * 100
    result, cuts = json_of([text], max_string=12, redact=lambda _, found: found.replace(SECRET, "***"))
    assert result == ["xxxxxxxx***…"]
    assert cuts == [("/inputs/0", "redacted"), ("/inputs/0", "length")]


def test_what_the_function_returns_becomes_json():
    """It may return another string, nothing, or a structure, which is limited but not redacted again."""
    calls = []

    def redact(_, text):
        calls.append(text)
        return {"a": None, "b": {"hidden": [len(text), "\ud800", b"x", float("nan")]}, "c": "\ud800"}[text]

    result, cuts = json_of(["a", "b", "c"], redact=redact)
    assert result == [None, {"hidden": [1, "\ufffd", "<1 bytes>", "NaN"]}, "\ufffd"]
    assert calls == ["a", "b", "c"]
    assert ("/inputs/0", "redacted") in cuts


def test_a_function_that_raises_reveals_nothing(caplog):
    """The value is left out, and the log names the error once, without its content."""

    def redact(_, text):
        raise ValueError(text)

    with caplog.at_level(logging.WARNING, "tracebus.capture"):
        result, cuts = json_of([SECRET, SECRET], redact=redact)
    assert result == ["[redacted]"] * 2
    assert cuts == [("/inputs/0", "redacted"), ("/inputs/1", "redacted")]
    assert caplog.text.count("ValueError") == 1
    assert SECRET not in caplog.text


def test_an_endless_answer_of_the_function_is_limited():
    """What the function returns obeys the limits as well."""
    looped: list = []
    looped.append(looped)
    result, cuts = json_of(["a"], redact=lambda *_: [looped, "x" * 100], max_string=10)
    assert result == [[["<cycle>"], "x" * 9 + "…"]]
    assert ("/inputs/0/0/0", "cycle") in cuts
