"""Which keys name a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_REDACT_KEYS: frozenset[str] = frozenset(
    {
        "access_key",
        "access_token",
        "api_key",
        "api_keys",
        "api_token",
        "auth_token",
        "authorization",
        "aws_secret_access_key",
        "aws_session_token",
        "bearer",
        "bearer_token",
        "bot_token",
        "client_secret",
        "connection_string",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "csrf_token",
        "encryption_key",
        "github_token",
        "hf_token",
        "id_token",
        "jwt",
        "passphrase",
        "passwd",
        "password",
        "password_hash",
        "passwords",
        "private_key",
        "proxy_authorization",
        "refresh_token",
        "secret",
        "secret_access_key",
        "secret_key",
        "secret_token",
        "secrets",
        "security_token",
        "service_account_key",
        "session_token",
        "set_cookie",
        "signing_key",
        "subscription_key",
        "token",
        "x_api_key",
        "xsrf_token",
    }
)
"""The key names redacted unless `Capture(redact_keys=...)` says otherwise."""

_LONGEST_KEY = 128
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\dA-Za-z_]+")

# As the last word of a longer key these mean something harmless: `eos_token`, `next_page_token`.
_WHOLE_KEY_ONLY = frozenset({"token"})


def normalised(names: Iterable[str]) -> frozenset[str]:
    """Return *names* in the form `names_a_secret` compares with: words joined, in lower case."""
    return frozenset("".join(_words(name)) for name in names) - {""}


def names_a_secret(key: str, names: frozenset[str]) -> bool:
    """Say whether *key* is one of *names* (see `normalised`) or ends in one.

    Case, `-`, `_`, `.` and camelCase make no difference: `api_key` finds `X-API-Key`,
    `openai_api_key` and `openaiApiKey`. `token` alone finds the whole key only.
    """
    if len(key) > _LONGEST_KEY:
        return False
    words = _words(key)
    while words and words[-1].isdigit():  # `password2`, `api_key_1`
        words.pop()
    if "".join(words) in names:
        return True
    endings = ("".join(words[start:]) for start in range(1, len(words)))
    return any(ending in names and ending not in _WHOLE_KEY_ONLY for ending in endings)


def _words(key: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(key)]
