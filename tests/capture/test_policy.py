"""The policy's arguments and which keys it calls secret."""

from __future__ import annotations

import pytest

from tracebus.capture import DEFAULT_CAPTURE, DEFAULT_REDACT_KEYS, Capture


@pytest.mark.parametrize(
    "key",
    [
        "api_key", "apikey", "apiKey", "APIKey", "API-KEY", "x-api-key", "X-API-Key", "openai_api_key",
        "OPENAI_API_KEY", "openaiApiKey", "anthropic-api-key", "azure.api.key", "Authorization",
        "proxy-authorization", "password", "Password", "db_password", "dbPassword", "passwd", "secret",
        "client_secret", "clientSecret", "private_key", "token", "TOKEN", "access_token", "accessToken",
        "refresh_token", "id_token", "hf_token", "cookie", "Set-Cookie", "credentials", "session_token",
        "AWS_SECRET_ACCESS_KEY", "password2", "api_key_1", "x-amz-security-token", "aws_session_token",
    ],
)  # fmt: skip
def test_obvious_keys_are_secret(key):
    """The default policy redacts the usual names in whatever spelling."""
    assert DEFAULT_CAPTURE.is_secret(key)


@pytest.mark.parametrize(
    "key",
    [
        "max_tokens", "token_usage", "input_tokens", "total_tokens", "tokens", "eos_token", "next_page_token",
        "tokenizer", "key", "keys", "passwordless", "secretary", "author", "cookie_policy", "", "_", "-",
        "password_hint", "public_key", "primary_key", "content", "k" * 10_000, "12", "top_3",
    ],
)  # fmt: skip
def test_harmless_keys_are_not_secret(key):
    """Token counts and words that merely contain a secret's name stay readable."""
    assert not DEFAULT_CAPTURE.is_secret(key)


def test_own_keys_replace_the_defaults():
    """`redact_keys` replaces the default names, and finds them as endings too."""
    capture = Capture(redact_keys={"ssn"})
    assert capture.is_secret("customer_SSN")
    assert not capture.is_secret("password")
    both = Capture(redact_keys=DEFAULT_REDACT_KEYS | {"ssn"})
    assert both.is_secret("ssn")
    assert both.is_secret("password")


def test_no_keys_means_no_redaction():
    """An empty set of names turns redaction by key off."""
    assert not Capture(redact_keys=()).is_secret("password")


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"redact_keys": "ssn"}, TypeError, "one string"),
        ({"redact_keys": 3}, TypeError, "redact_keys=3"),
        ({"redact_keys": {"a", 1}}, TypeError, "holds 1"),
        ({"redact": "nope"}, TypeError, "takes a function"),
        ({"max_string": 0}, ValueError, "max_string=0"),
        ({"max_items": -1}, ValueError, "max_items=-1"),
        ({"max_size": 1.5}, TypeError, "max_size"),
        ({"max_depth": True}, TypeError, "max_depth"),
        ({"max_depth": 1_000}, ValueError, "at most 100"),
        ({"content": None}, TypeError, "content"),
        ({"raw_chunks": 1}, TypeError, "raw_chunks"),
    ],
)
def test_wrong_arguments_are_named_with_a_remedy(arguments, error, told):
    """A wrong argument is refused at once, by name."""
    with pytest.raises(error, match=told):
        Capture(**arguments)


def test_streamed_text_is_withheld_where_it_could_leak():
    """Chunk by chunk neither hidden content nor a redaction function's secrets may pass."""
    assert Capture().streams_text
    assert not Capture(content=False).streams_text
    assert not Capture(redact=lambda _pointer, text: text).streams_text


def test_policies_compare_by_what_they_say():
    """Two policies with the same arguments are equal and hash alike."""
    assert Capture(redact_keys=["a"]) == Capture(redact_keys={"a"})
    assert hash(Capture()) == hash(DEFAULT_CAPTURE)
