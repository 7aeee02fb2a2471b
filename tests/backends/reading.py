"""What a backend shows of each run, read back through its own API."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from tracebus.events import Event, Outcome, RunEnded, RunStarted

FACTS = ("name", "kind", "input", "output", "model", "tokens", "session", "tags")


@dataclass
class Shown:
    """One run as a backend has it; `None` is what it does not show."""

    name: str | None = None
    kind: str | None = None
    input: Any = None
    output: Any = None
    model: str | None = None
    tokens: Any = None
    session: str | None = None
    tags: Any = None
    parent: str | None = None
    error: bool = False


def expected(events: list[Event]) -> dict[str, set[str]]:
    """Return of each run which facts the program had."""
    ends = {event.run_id: event for event in events if isinstance(event, RunEnded)}
    found = {}
    for start in (event for event in events if isinstance(event, RunStarted)):
        end = ends[start.run_id]
        has = {
            "name": True,
            "kind": True,
            "input": start.inputs is not None or end.inputs is not None,
            "output": end.outputs is not None and end.outcome is Outcome.OK,
            "model": start.model is not None and bool(start.model.name),
            "tokens": end.usage is not None,
            "session": "thread_id" in start.metadata,
            "tags": bool(start.tags),
        }
        found[start.run_id] = {fact for fact, given in has.items() if given}
    return found


def get_json(url: str, body: Any = None) -> Any:
    """Ask *url* for JSON, with *body* by POST."""
    request = urllib.request.Request(
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def _first(attributes: dict[str, Any], *names: str) -> Any:
    return next((attributes[name] for name in names if attributes.get(name) not in (None, "", [])), None)


def _plain(attributes: dict[str, Any], name: str, kind: str | None) -> Shown:
    """Read our own attributes, as a backend that knows no GenAI conventions shows them."""
    return Shown(
        name=name,
        kind=attributes.get("gen_ai.operation.name") or attributes.get("langchain.run.kind") or kind,
        input=_first(
            attributes, "gen_ai.input.messages", "gen_ai.tool.call.arguments", "gen_ai.retrieval.query.text",
            "langchain.input", "input.value",
        ),
        output=_first(
            attributes, "gen_ai.output.messages", "gen_ai.tool.call.result", "gen_ai.retrieval.documents",
            "langchain.output", "output.value",
        ),
        model=attributes.get("gen_ai.request.model"),
        tokens=attributes.get("gen_ai.usage.input_tokens"),
        session=attributes.get("gen_ai.conversation.id"),
        tags=_first(attributes, "langchain.run.tags"),
    )  # fmt: skip


def jaeger(api: str, service: str) -> dict[str, Shown]:
    """Return what Jaeger has of *service*, by run id."""
    found: dict[str, Shown] = {}
    for trace in get_json(f"{api}/api/traces?service={service}&limit=1000")["data"] or ():
        runs = {}
        for span in trace["spans"]:
            tags = {pair["key"]: pair["value"] for pair in span["tags"]}
            run_id = runs[span["spanID"]] = tags["langchain.run.id"]
            found[run_id] = _plain(tags, span["operationName"], tags.get("span.kind"))
            found[run_id].error = tags.get("otel.status_code") == "ERROR"
        for span in trace["spans"]:
            above = [ref["spanID"] for ref in span["references"] if ref["refType"] == "CHILD_OF"]
            found[runs[span["spanID"]]].parent = runs.get(above[0]) if above else None
    return found


def phoenix(api: str, project: str) -> dict[str, Shown]:
    """Return what Phoenix has of *project*, by run id: what its pages are made of."""
    found: dict[str, Shown] = {}
    runs: dict[str, str] = {}
    above: dict[str, str | None] = {}
    cursor = ""
    while True:
        page = get_json(
            f"{api}/v1/projects/{urllib.parse.quote(project)}/spans?limit=500"
            + (f"&cursor={cursor}" if cursor else "")
        )
        for span in page["data"]:
            attributes = span["attributes"]
            run_id = runs[span["context"]["span_id"]] = attributes["langchain.run.id"]
            above[run_id] = span["parent_id"]
            found[run_id] = Shown(
                name=span["name"],
                kind=None if span["span_kind"] == "UNKNOWN" else span["span_kind"],
                input=_first(attributes, "input.value", "llm.input_messages.0.message.role"),
                output=_first(
                    attributes, "output.value", "llm.output_messages.0.message.role",
                    "retrieval.documents.0.document.content",
                ),
                model=_first(attributes, "llm.model_name", "embedding.model_name"),
                tokens=attributes.get("llm.token_count.prompt"),
                session=attributes.get("session.id"),
                tags=_first(attributes, "tag.tags"),
                error=span["status_code"] == "ERROR",
            )  # fmt: skip
        if not (cursor := page.get("next_cursor") or ""):
            break
    for run_id, span_id in above.items():
        found[run_id].parent = runs.get(span_id or "")
    return found


def mlflow(api: str, experiment: str) -> dict[str, Shown]:
    """Return what MLflow has of *experiment*, by run id. Session and tags belong to its traces."""
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    asked = {"locations": [place], "max_results": 500}
    found: dict[str, Shown] = {}
    for trace in get_json(f"{api}/api/3.0/mlflow/traces/search", asked).get("traces", ()):
        found |= _mlflow_trace(api, trace)
    return found


def _mlflow_trace(api: str, trace: dict[str, Any]) -> dict[str, Shown]:
    whole = get_json(f"{api}/ajax-api/3.0/mlflow/get-trace-artifact?request_id={trace['trace_id']}")
    session = trace.get("trace_metadata", {}).get("mlflow.trace.session")
    found: dict[str, Shown] = {}
    runs = {}
    for span in whole["spans"]:
        attributes = {name: _decoded(value) for name, value in span["attributes"].items()}
        run_id = runs[span["span_id"]] = attributes["langchain.run.id"]
        kind = attributes.get("mlflow.spanType")
        found[run_id] = Shown(
            name=span["name"],
            kind=None if kind in (None, "UNKNOWN") else kind,
            input=_first(attributes, "mlflow.spanInputs"),
            output=_first(attributes, "mlflow.spanOutputs"),
            model=attributes.get("mlflow.llm.model"),
            tokens=(attributes.get("mlflow.chat.tokenUsage") or {}).get("input_tokens"),
            session=session,
            tags=trace.get("tags", {}).get("tags"),
            error=span["status"]["code"] == "STATUS_CODE_ERROR",
        )
    for span in whole["spans"]:
        found[runs[span["span_id"]]].parent = runs.get(span.get("parent_span_id") or "")
    return found


def _decoded(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value
