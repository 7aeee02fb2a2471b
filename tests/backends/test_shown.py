"""What real backends show of the demo and of an agent with a sub-agent, sent by the README's recipes."""

from __future__ import annotations

import uuid

import programme
import pytest
import reading

from tracebus_exporters.otel import from_url

pytestmark = pytest.mark.timeout(240)


def _all_shown(events, shown):
    """Check that every fact the program had is shown, on every run, in its place."""
    wanted = reading.expected(events)
    assert shown.keys() == wanted.keys()
    missing = [
        (shown[run_id].name, fact)
        for run_id, facts in wanted.items()
        for fact in facts
        if getattr(shown[run_id], fact) in (None, "", [])
    ]
    assert missing == []
    starts = {event.run_id: event for event in events if hasattr(event, "kind")}
    assert {run_id: one.parent for run_id, one in shown.items()} == {
        run_id: start.parent_run_id for run_id, start in starts.items()
    }


def _when_all_are_there(backend, read, events):
    wanted = len(reading.expected(events))
    return backend.until(
        f"{wanted} spans", lambda: found if len(found := read()) >= wanted else None, timeout=60
    )


def test_jaeger_shows_everything(jaeger, monkeypatch):
    """Name, kind, input, output, model, tokens, session and tags of every run, without OpenInference."""
    service = f"all-{uuid.uuid4()}"
    monkeypatch.setenv("OTEL_SERVICE_NAME", service)
    events = programme.send(from_url(f"otlp+{jaeger.http}?content=span"))
    _all_shown(events, _when_all_are_there(jaeger, lambda: reading.jaeger(jaeger.api, service), events))


def test_phoenix_shows_everything(phoenix, monkeypatch):
    """The same in Phoenix, by the README's recipe."""
    project = f"all-{uuid.uuid4()}"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", f"openinference.project.name={project}")
    events = programme.send(from_url(f"otlp+{phoenix.http}?openinference=true&content=span"))
    _all_shown(events, _when_all_are_there(phoenix, lambda: reading.phoenix(phoenix.api, project), events))


def test_mlflow_shows_everything(mlflow, monkeypatch):
    """The same in MLflow, by the README's recipe."""
    made = reading.get_json(f"{mlflow.api}/api/2.0/mlflow/experiments/create", {"name": str(uuid.uuid4())})
    experiment = made["experiment_id"]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"x-mlflow-experiment-id={experiment}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "30")  # its first request takes longer than 3 s
    events = programme.send(from_url(f"otlp+{mlflow.http}?openinference=true&vendor=mlflow&content=span"))
    _all_shown(events, _when_all_are_there(mlflow, lambda: reading.mlflow(mlflow.api, experiment), events))
