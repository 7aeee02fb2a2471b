"""What model calls cost."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import hypothesis
import pytest
from genai_prices import Usage, calc_price
from hypothesis import strategies as st

from tracebus import pricing
from tracebus.events import ModelInfo, TokenUsage
from tracebus.pricing import cost_of

NOON = datetime(2025, 11, 20, 12, tzinfo=UTC)
AT = int(NOON.timestamp()) * 10**9

PRICED = [
    ("openai", "gpt-4o-mini", "openai"),
    ("openai", "gpt-4o-mini-2024-07-18", "openai"),
    ("anthropic", "claude-sonnet-4-5-20250929", "anthropic"),
    ("google_genai", "gemini-2.5-pro", "google"),
    ("google_genai", "models/gemini-2.5-flash", "google"),
    ("google_vertexai", "gemini-2.5-flash", "google"),
    ("amazon_bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0", "aws"),
    ("bedrock_converse", "anthropic.claude-3-5-sonnet-20241022-v2:0", "aws"),
    ("azure", "gpt-4o", "azure"),
    ("azure_ai", "gpt-4o", "azure"),
    ("mistralai", "mistral-large-latest", "mistral"),
    ("groq", "llama-3.3-70b-versatile", "groq"),
    ("deepseek", "deepseek-chat", "deepseek"),
    ("xai", "grok-4", "x-ai"),
]


@pytest.mark.parametrize(("provider", "name", "theirs"), PRICED)
@hypothesis.settings(deadline=None)  # the first call loads the price list
@hypothesis.given(st.tuples(*[st.integers(0, 400_000)] * 4))
def test_costs_are_genai_prices_own(provider, name, theirs, counts):
    """For every provider name of LangChain's, any input size and any use of the cache, the price is exact."""
    given, made, read, created = counts
    read = min(read, given)
    created = min(created, given - read)
    expected = calc_price(
        Usage(input_tokens=given, output_tokens=made, cache_read_tokens=read, cache_write_tokens=created),
        name.removeprefix("models/"),
        provider_id=theirs,
        genai_request_timestamp=NOON,
    ).total_price
    usage = TokenUsage(
        input_tokens=given, output_tokens=made, cache_read_tokens=read, cache_creation_tokens=created
    )
    assert cost_of(ModelInfo(provider=provider, name=name), usage, at=AT) == pytest.approx(float(expected))


def test_hour_long_cache_entries_cost_more():
    """Anthropic's two lifetimes of cache entries, as langchain-anthropic reports them, have two prices."""
    model = ModelInfo(provider="anthropic", name="claude-sonnet-4-5")

    def cost(key):
        return cost_of(
            model, TokenUsage(input_tokens=1000, output_tokens=0, cache_creation_tokens=0, other={key: 1000})
        )

    short, long = cost("input_ephemeral_5m_input_tokens"), cost("input_ephemeral_1h_input_tokens")
    assert (short, long) == (pytest.approx(1000 * 3.75e-6), pytest.approx(1000 * 6e-6))


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        (ModelInfo(provider="openai", name="no-such-model"), TokenUsage(input_tokens=1, output_tokens=1)),
        (ModelInfo(provider="ollama", name="llama3"), TokenUsage(input_tokens=1, output_tokens=1)),
        (ModelInfo(provider="my-gateway", name="gpt-4o"), TokenUsage(input_tokens=1, output_tokens=1)),
        (ModelInfo(provider="openai", name="whisper-1"), TokenUsage(input_tokens=1, output_tokens=1)),
        (ModelInfo(), TokenUsage(input_tokens=1, output_tokens=1)),
        (ModelInfo(provider="openai", name="gpt-4o"), TokenUsage(output_tokens=1)),
        (ModelInfo(provider="openai", name="gpt-4o"), TokenUsage(input_tokens=1)),
    ],
)
def test_what_is_unknown_is_none_never_free(model, usage):
    """An unknown provider, model, way of charging or token count gives no price."""
    assert cost_of(model, usage, at=AT) is None


def test_an_embedding_needs_no_output_tokens():
    """A model that charges nothing for output has a price without an output count."""
    model = ModelInfo(provider="openai", name="text-embedding-3-small")
    assert cost_of(model, TokenUsage(input_tokens=1000), at=AT) == pytest.approx(0.00002)


@hypothesis.given(
    st.builds(ModelInfo, provider=st.none() | st.text(), name=st.none() | st.text()),
    st.builds(TokenUsage, input_tokens=st.none() | st.integers(), output_tokens=st.none() | st.integers()),
)
def test_any_name_and_count_is_taken(model, usage):
    """Nonsense gives a price or none, and no exception."""
    assert cost_of(model, usage, at=AT) is None or isinstance(cost_of(model, usage, at=AT), float)


def test_prices_open_no_connection_and_load_late():
    """The price list is loaded by the first question, and no socket is opened for it."""
    program = """
import socket, sys
def refuse(*args, **kwargs): raise AssertionError("a connection was opened")
socket.socket.connect = refuse
from tracebus.pricing import cost_of
from tracebus.tree import RunTree
from tracebus import pricing
from tracebus.events import ModelInfo, TokenUsage
assert "genai_prices" not in sys.modules
usage = TokenUsage(input_tokens=1_000_000, output_tokens=0)
print(cost_of(ModelInfo(provider="openai", name="gpt-4o-mini"), usage))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(0.15)


def test_prices_of_ones_own_come_first(tmp_path, monkeypatch):
    """A file prices what no list knows, with the provider or without, and is read by every process."""
    path = tmp_path / "prices.json"
    path.write_text(
        '{"my-model": {"input": 2, "output": 4, "cache_read": 1}, "openai/gpt-4o": {"input": 1000}}'
    )
    monkeypatch.setenv("TRACEBUS_PRICES", str(path))
    usage = TokenUsage(input_tokens=1_000_000, output_tokens=500_000, cache_read_tokens=500_000)
    assert cost_of(ModelInfo(provider="ollama", name="my-model"), usage) == pytest.approx(1 + 0.5 + 2)
    pricing._price_list.cache_clear()
    assert cost_of(ModelInfo(provider="openai", name="gpt-4o"), usage) == pytest.approx(1000)
    pricing._price_list.cache_clear()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"a": {"output": 1}}', '{"a": {"input": -1}}', '{"a": {"inputs": 1}}']
)
def test_a_file_of_prices_that_cannot_be_read_is_said_once(text, tmp_path, monkeypatch, caplog):
    """The list prices stay, and the program goes on."""
    path = tmp_path / "prices.json"
    path.write_text(text)
    monkeypatch.setenv("TRACEBUS_PRICES", str(path))
    pricing._price_list.cache_clear()
    usage = TokenUsage(input_tokens=1, output_tokens=1)
    assert cost_of(ModelInfo(provider="openai", name="gpt-4o"), usage)
    assert cost_of(ModelInfo(provider="openai", name="gpt-4o-mini"), usage)
    assert len([record for record in caplog.records if "TRACEBUS_PRICES" in record.message]) == 1
    pricing._price_list.cache_clear()


def test_an_older_price_list_prices_what_it_knows(monkeypatch):
    """genai-prices 0.0.30 knows fewer kinds of tokens; those it does not know cost what they are part of."""
    import genai_prices

    def older(input_tokens=None, output_tokens=None, cache_write_tokens=None, cache_read_tokens=None):
        return Usage(
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cache_write_tokens=cache_write_tokens,
            cache_read_tokens=cache_read_tokens,
        )

    model = ModelInfo(provider="anthropic", name="claude-sonnet-4-5-20250929")
    usage = TokenUsage(input_tokens=1_000, output_tokens=500, reasoning_tokens=200, cache_read_tokens=300)
    known = cost_of(model, usage, at=AT)
    monkeypatch.setattr(genai_prices, "Usage", older)
    pricing._price_list.cache_clear()
    try:
        assert cost_of(model, usage, at=AT) == known is not None
    finally:
        pricing._price_list.cache_clear()
