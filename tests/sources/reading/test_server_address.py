"""Where a model is asked, out of what its package calls the address."""

from __future__ import annotations

import pytest
from langchain_core.language_models import FakeListChatModel

from tracebus import EventBus, observing
from tracebus.events import RunStarted


def _asked_at(model):
    with EventBus() as bus:
        found = []
        bus.attach(found.extend)
        with observing(bus=bus):
            model.invoke("hi")
        assert bus.flush(10)
    return next(event.model.parameters.get("base_url") for event in found if isinstance(event, RunStarted))


class Plain(FakeListChatModel):
    """A model LangChain cannot rebuild, such as ChatOllama: it tells handlers its `repr`."""

    responses: list[str] = ["a"]
    base_url: str = ""


class Rebuildable(FakeListChatModel):
    """A model LangChain can rebuild, such as ChatGroq: it tells handlers what it was made with."""

    responses: list[str] = ["a"]

    @classmethod
    def is_lc_serializable(cls):
        return True


@pytest.mark.parametrize("name", ["groq_api_base", "xai_api_base", "fireworks_api_base", "endpoint_url"])
def test_a_model_is_asked_at_what_its_package_calls_so(name):
    """Every provider's name of the address counts; user, path and query stay out."""
    made = type("Made", (Rebuildable,), {"__annotations__": {name: str}, name: "x"})
    assert (
        _asked_at(made(**{name: "https://user:secret@gateway:8443/v1?key=secret"})) == "https://gateway:8443"
    )


def test_a_model_that_shows_itself_shows_its_address():
    """Where there is only a `repr`, the address is read out of it."""
    plain = Plain(base_url="http://user:secret@models.internal:11434/api?key=secret")
    assert _asked_at(plain) == "http://models.internal:11434"
