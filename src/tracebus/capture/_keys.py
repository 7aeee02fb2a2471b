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
        "conn_str",
        "credential",
        "credentials",
        "csrf_token",
        "encryption_key",
        "github_token",
        "hf_token",
        "id_token",
        "jsessionid",
        "jwt",
        "passcode",
        "passphrase",
        "passwd",
        "password",
        "password_hash",
        "passwords",
        "pat",
        "phpsessid",
        "private_key",
        "proxy_authorization",
        "pwd",
        "refresh_token",
        "secret",
        "secret_access_key",
        "secret_key",
        "secret_token",
        "secrets",
        "security_token",
        "service_account_key",
        "sessionid",
        "session_token",
        "set_cookie",
        "signing_key",
        "subscription_key",
        "token",
        "x_api_key",
        "xsrf_token",
        # Keys of services and of locks: `primary_key`, `cache_key` and the like are neither.
        *(
            f"{what}_key"
            for what in (
                *("account", "admin", "algolia", "anthropic", "auth", "aws", "azure", "claude", "cohere"),
                *("crypto", "datadog", "decryption", "deepseek", "deploy", "elevenlabs", "exa", "firecrawl"),
                *("fireworks", "gemini", "github", "gitlab", "google", "gpt", "groq", "hf", "hmac"),
                *("huggingface", "jina", "jwt", "langchain", "langfuse", "langsmith", "license", "llm"),
                *("mailgun", "master", "mistral", "nvidia", "openai", "openrouter", "perplexity", "pinecone"),
                *("qdrant", "replicate", "root", "sendgrid", "sentry", "serpapi", "serper", "shared", "ssh"),
                *("storage", "stripe", "supabase", "tavily", "together", "twilio", "voyage", "wallet"),
                *("weaviate", "webhook", "xai"),
            )
        ),
    }
)
"""The key names redacted unless `Capture(redact_keys=...)` says otherwise."""

_LONGEST_KEY = 128
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\dA-Za-z_]+")

# Behind these words a `token` is a piece of text, a position or a count: `eos_token`, `next_page_token`.
_OF_TEXT = frozenset(
    (
        *(
            "begin",
            "bos",
            "cached",
            "class",
            "cls",
            "completion",
            "continuation",
            "cont",
            "current",
            "cursor",
        ),
        *(
            "decoder",
            "each",
            "end",
            "eom",
            "eos",
            "eot",
            "every",
            "extra",
            "final",
            "first",
            "generated",
            "image",
        ),
        *(
            "input",
            "last",
            "mask",
            "max",
            "min",
            "new",
            "next",
            "num",
            "of",
            "other",
            "output",
            "pad",
            "page",
        ),
        *("per", "prev", "previous", "prompt", "reasoning", "sampled", "sep", "single", "sot", "special"),
        *(
            "start",
            "stop",
            "sync",
            "text",
            "think",
            "to",
            "total",
            "unk",
            "unknown",
            "usage",
            "audio",
            "video",
        ),
    )
)


def normalised(names: Iterable[str]) -> frozenset[str]:
    """Return *names* in the form `names_a_secret` compares with: words joined, in lower case."""
    return frozenset("".join(_words(name)) for name in names) - {""}


def names_a_secret(key: str, names: frozenset[str]) -> bool:
    """Say whether *key* is one of *names* (see `normalised`) or ends in one.

    Case, `-`, `_`, `.` and camelCase make no difference: `api_key` finds `X-API-Key`,
    `openai_api_key` and `openaiApiKey`. `token` finds no token of text, such as `eos_token`.
    """
    if len(key) > _LONGEST_KEY:
        return False
    words = _words(key)
    while words and words[-1].isdigit():  # `password2`, `api_key_1`
        words.pop()
    if not words:
        return False
    return any(_ends_in(words, start, names) for start in range(len(words)))


def _ends_in(words: list[str], start: int, names: frozenset[str]) -> bool:
    ending = "".join(words[start:])
    if ending not in names:
        return False
    match ending:
        case "token":
            return start == 0 or words[start - 1] not in _OF_TEXT
        case "pat":  # alone it is a name; behind another word a personal access token
            return start > 0
        case "sessionid":  # the cookie; a `session_id` tells conversations apart
            return start == len(words) - 1
        case _:
            return True


def _words(key: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(key)]
