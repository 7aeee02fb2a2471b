"""Real provider clients that talk to a loopback server."""

from __future__ import annotations

import sys
from pathlib import Path

import openai
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI, OpenAI

sys.path.insert(0, str(Path(__file__).parent))

from wire import ProviderServer


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    """Keep proxies and keys of the developer's environment out."""
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "ANTHROPIC_API_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server():
    """Give a provider that answers as scripted."""
    provider = ProviderServer()
    yield provider
    provider.close()


@pytest.fixture
async def openai_model(server):
    """Give a function that makes a `ChatOpenAI` (or another class) talking to the server."""
    clients = []

    def make(kind=ChatOpenAI, **arguments):
        sync, asynchronous = openai.DefaultHttpxClient(), openai.DefaultAsyncHttpxClient()
        clients.append((sync, asynchronous))
        defaults = {
            "model": "gpt-4o-mini",
            "api_key": "test",
            "max_retries": 0,
            "base_url": f"{server.url}/v1",
        }
        return kind(http_client=sync, http_async_client=asynchronous, **{**defaults, **arguments})

    yield make
    for sync, asynchronous in clients:
        sync.close()
        await asynchronous.aclose()


@pytest.fixture
def openai_llm(openai_model):
    """Give a function that makes the legacy completion client."""
    return lambda **arguments: openai_model(OpenAI, **{"model": "gpt-3.5-turbo-instruct", **arguments})


@pytest.fixture
async def anthropic_model(server):
    """Give a function that makes a `ChatAnthropic` talking to the server."""
    models = []

    def make(**arguments):
        defaults = {"model": "claude-loopback-1", "api_key": "test", "max_retries": 0, "max_tokens": 1_024}
        models.append(ChatAnthropic(base_url=server.url, **{**defaults, **arguments}))
        return models[-1]

    yield make
    for model in models:
        model._client.close()
        await model._async_client.close()
