"""Secrets as people and services write them. Every one is put together here, from harmless parts."""

from __future__ import annotations

import json
import re
import sysconfig
from pathlib import Path

import pytest

from tracebus.capture import Capture, TextScrubber
from tracebus.capture._known_secrets import _TABLE
from tracebus.capture._scrub import find, scrub

DEFAULT = Capture()
# Neither is a word, a number, or like any real secret.
VALUE = "c4n" + "4ry" + "0123"
LONG = ("Ab1" + "Cd2") * 8
HEX = "0a1b2c3d" * 5
UPPER = "ABCDEFGH" + "IJKLMNOP"

TELLING = [
    *(
        "password",
        "passwd",
        "pwd",
        "db_pwd",
        "slack_token",
        "GITHUB_PAT",
        "openai_key",
        "private-token",
        "sessionid",
    ),
    *("client_secret", "AWS_SECRET_ACCESS_KEY", "x-api-key", "ANTHROPIC_API_KEY", "refreshToken", "conn_str"),
    *("jsessionid", "passphrase", "DISCORD_TOKEN", "storageAccountKey", "langfuse_secret_key", "hf_token"),
]
BENIGN = [
    *(
        "eos_token",
        "next_page_token",
        "max_tokens",
        "first_token",
        "token_count",
        "primary_key",
        "cache_key",
        "key",
    ),
    *(
        "public_key",
        "session_id",
        "sort_key",
        "pat",
        "author",
        "tokens",
        "monkey",
        "passenger",
        "completion_token",
    ),
]


@pytest.mark.parametrize("key", TELLING)
def test_telling_keys(key):
    """Keys that name a secret, in whichever spelling."""
    assert DEFAULT.is_secret(key)


@pytest.mark.parametrize("key", BENIGN)
def test_keys_that_only_sound_like_it(key):
    """Tokens of text, keys of databases and identities of conversations are no secrets."""
    assert not DEFAULT.is_secret(key)


AS_WRITTEN = {
    "json": f'{{"{{key}}": "{VALUE}"}}',
    "json in json": json.dumps(json.dumps({"{key}": VALUE}))
    .replace("{", "{{")
    .replace("}", "}}")
    .replace("{{key}}", "{key}"),
    "repr": f"{{{{'{{key}}': '{VALUE}', 'a': 1}}}}",
    "javascript": f"{{{{user: 'bo', {{key}}: '{VALUE}'}}}}",
    "env file": f"A=1\n{{key}}={VALUE}\nB=2",
    "export": f"export {{key}}={VALUE}",
    "quoted env": f'{{key}}="{VALUE}"',
    "yaml": f"user: bo\n{{key}}: {VALUE}\nport: 1",
    "yaml list": f"- {{key}}: {VALUE}",
    "ini": f"[db]\n{{key}} = {VALUE}\n",
    "form": f"a=1&{{key}}={VALUE}&b=2",
    "query": f"https://host/path?{{key}}={VALUE}",
    "option": f"tool --{{key}} {VALUE} --verbose",
    "option with =": f"tool --{{key}}={VALUE}",
    "header": f"GET / HTTP/1.1\n{{key}}: {VALUE}\nhost: x",
    "log line": f"login failed user=bo {{key}}={VALUE} attempt=2",
    "prose": f"Use my {{key}}: {VALUE} for now.",
    "connection string": f"Server=db;User=bo;{{key}}={VALUE};Encrypt=yes",
    "keyword argument": f"connect(user='bo', {{key}}='{VALUE}')",
    "dockerfile": f"ENV {{key}}={VALUE}",
}


@pytest.mark.parametrize("key", ["password", "slack_token", "GITHUB_PAT", "openai_key", "pwd"])
@pytest.mark.parametrize("how", AS_WRITTEN)
def test_a_telling_key_and_its_value(how, key):
    """However a key and its value are written, the value is not shown, and what is around it is."""
    text = AS_WRITTEN[how].replace("{{", "{").replace("}}", "}").replace("{key}", key)
    assert VALUE in text
    shown = scrub(text, DEFAULT)
    assert VALUE not in shown
    assert "[redacted]" in shown
    assert shown.replace("[redacted]", VALUE) == text


HEADERS = [
    f"Authorization: Bearer {LONG}",
    f"authorization: Basic {LONG}==",
    f"Authorization: token {VALUE}",
    f"Cookie: a=b; sid={VALUE}",
    f"Set-Cookie: sid={VALUE}; HttpOnly",
    f"curl -H 'Cookie: sid={VALUE}' https://host",
    f'curl -H "Authorization: Bearer {LONG}" https://host',
    f"X-Api-Key: {VALUE}",
    f"sent with Bearer {LONG} in it",
    f"https://bo:{VALUE}@host/db",
    f"postgresql+asyncpg://bo:{VALUE}@host:5432/db",
    f"mongodb+srv://bo:{VALUE}@host",
    f"redis://:{VALUE}@host:6379/0",
    f"https://bucket.example/file?X-Amz-Signature={HEX}&x=1",
    f"https://account.example/blob?sv=1&sig={LONG}",
    f"https://maps.example/api?key={LONG}",
    f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={LONG}==;EndpointSuffix=x",
    "-----BEGIN RSA " + f"PRIVATE KEY-----\n{LONG}\n{LONG}\n-----END RSA " + "PRIVATE KEY-----",
    "-----BEGIN OPENSSH " + f"PRIVATE KEY-----\n{LONG}",
]


@pytest.mark.parametrize("text", HEADERS, ids=range(len(HEADERS)))
def test_headers_urls_and_blocks(text):
    """Values that protocols put in fixed places."""
    shown = scrub(text, DEFAULT)
    for value in (VALUE, LONG, HEX):
        assert value not in shown
    assert "[redacted]" in shown


def example(form, head):
    """Return a text of *form*, out of characters its pattern takes."""
    pattern = re.compile(re.escape(head) + form.rest)
    bodies = [
        LONG,
        HEX,
        HEX[:32],
        UPPER,
        LONG[:35],
        LONG[:14] + "." + HEX,
        "A" * 60,
        LONG + "." + LONG + "." + LONG,
    ]
    bodies += [
        LONG * 3,
        f"{LONG[:22]}.{LONG[:43]}",
        "T0000/B0000/" + LONG,
        LONG[:36],
        HEX * 2,
        f"{LONG.lower()}{HEX}",
    ]
    return next(head + body for body in bodies if pattern.fullmatch(head + body))


@pytest.mark.parametrize(
    ("form", "head"),
    [(form, head) for form in _TABLE for head in form.heads],
    ids=[f"{form.what}: {head}" for form in _TABLE for head in form.heads],
)
def test_secrets_known_by_their_form(form, head):
    """In a sentence, in quotes, at the end, and in a stream of single characters."""
    secret = example(form, head)
    for text in (f"It is {secret} , keep it.", f'"{secret}"', secret, f"({secret})", f"x={secret}\n"):
        shown = scrub(text, DEFAULT)
        assert secret not in shown
        assert "[redacted]" in shown
        scrubber = TextScrubber(DEFAULT)
        assert "".join(map(scrubber.feed, text)) + scrubber.rest() == shown


HARMLESS = [
    "The password: think of a good one, then reset the token.",
    "if password == expected: return token = None",
    "def login(user: str, password: str, token: str | None = None) -> Session: ...",
    "password: string\ntoken: optional\n",
    "api_key=os.environ['OPENAI_API_KEY'], token=token, secret=get_secret(name)",
    "self.api_key = api_key",
    "class=sk-fading-circle sk-circle-fade-dot",
    "Time to first token: 200 ms, 31.5 tokens/s",
    "max_tokens: 512, eos_token: </s>, pad_token=<pad>",
    "git+ssh://git@github.com/owner/name and mail to a@b.example",
    "https://host:8080/path?page=2&sort=key",
    "key: value\nname: test\nid: 12",
    "Use --password to be asked for it.",
    "the pattern of a path, a patch and a patient",
    "ISBN 978-3-16-148410-0, +49 30 1234567, 2026-01-02T03:04:05Z, 550e8400-e29b-41d4-a716-446655440000",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
]


@pytest.mark.parametrize("text", HARMLESS, ids=range(len(HARMLESS)))
def test_prose_code_and_identifiers_are_left_alone(text):
    """What only speaks of secrets is shown as it is."""
    assert scrub(text, DEFAULT) == text


def test_the_standard_library_is_hardly_touched():
    """Of two megabytes of source code, a handful of places is taken for secrets; in none a line break."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    texts = [path.read_text() for path in sorted(folder.glob("*.py"))]
    spans = [(text, span) for text in texts for span in find(text, DEFAULT).spans]
    assert sum(map(len, texts)) > 2_000_000
    assert len(spans) <= 20
    assert not any("\n" in text[span.start : span.end] for text, span in spans)
