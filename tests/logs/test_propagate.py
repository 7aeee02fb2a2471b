"""A run carried from process to process in headers."""

from __future__ import annotations

import contextvars

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebus import ambient, propagate
from tracebus.propagate import (
    RUN_HEADER,
    RemoteParent,
    continuing,
    environment,
    extract,
    inject,
    remote_parent,
)

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def nobody_registered(monkeypatch):
    """Keep readers that other tests registered out of these."""
    monkeypatch.setattr(propagate, "_readers", ())
    monkeypatch.setattr(ambient, "_readers", ())


def test_outside_of_runs_nothing_is_added():
    """No run, no trace: the headers stay as they are."""
    headers = {"accept": "*/*"}
    assert inject(headers) is headers
    assert headers == {"accept": "*/*"}
    assert extract(headers) is None


def test_the_current_run_arrives_with_its_root_and_trace():
    """What a source and a tracing library know goes into the headers and comes out again."""
    propagate.register(lambda: RemoteParent(run_id="run", root_run_id="root"))
    ambient.register(lambda: TRACEPARENT)
    assert extract(inject()) == RemoteParent(run_id="run", root_run_id="root", traceparent=TRACEPARENT)


def test_a_trace_without_a_run_is_taken():
    """A caller that knows nothing of tracebus still hands on its trace."""
    assert extract({"traceparent": TRACEPARENT}) == RemoteParent(traceparent=TRACEPARENT)


def test_headers_come_in_many_shapes():
    """Any case, ASGI's pairs of bytes, and variables of an environment."""
    expected = RemoteParent(run_id="a", root_run_id="b")
    assert extract({"Tracebus-Run": "a;root=b"}) == expected
    assert extract([(b"TRACEBUS-RUN", b"a;root=b"), (b"host", b"x")]) == expected
    assert extract({"TRACEBUS_RUN": "a; root=b"}) == expected
    propagate.register(lambda: expected)
    assert environment() == {"TRACEBUS_RUN": "a;root=b"}


@given(st.text(min_size=1).filter(str.isprintable), st.text(min_size=1).filter(str.isprintable))
def test_any_id_survives(run_id, root_run_id):
    """Ids with semicolons, spaces or other letters arrive as they were, in printable ASCII."""
    propagate._readers = (lambda: RemoteParent(run_id=run_id, root_run_id=root_run_id),)
    header = inject()[RUN_HEADER]
    assert header.isascii()
    assert header.isprintable()
    if len(header) <= 512:
        assert extract({RUN_HEADER: header}) == RemoteParent(run_id=run_id, root_run_id=root_run_id)


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_nonsense_is_no_parent_and_no_error(value):
    """Whatever a caller sends, extracting raises nothing and yields nothing unprintable."""
    found = extract({RUN_HEADER: value})
    assert found is None or (found.run_id.isprintable() and found.root_run_id.isprintable())
    assert extract({RUN_HEADER: "x" * 10_000}) is None


def test_continuing_lasts_as_long_as_its_block_and_context():
    """The parent holds inside the `with`, for this context only, and is passed on by `inject`."""
    headers = {RUN_HEADER: "a;root=b"}
    elsewhere = contextvars.copy_context()
    with continuing(headers) as parent:
        assert remote_parent.get() == parent == RemoteParent(run_id="a", root_run_id="b")
        assert inject() == headers
        assert elsewhere.run(remote_parent.get) is None
        with continuing({}):
            assert remote_parent.get() is None
    assert remote_parent.get() is None


def test_a_reader_that_fails_costs_nothing(caplog):
    """A bug in a source is logged; the request goes out without the run."""
    propagate.register(lambda: 1 / 0)
    assert inject() == {}
    assert "could not be read" in caplog.text
