"""What kind of run a LangChain callback speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import RunKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CHAIN_RUN_TYPES = {"prompt": RunKind.PROMPT, "parser": RunKind.PARSER}
UNSAID = ""
_RETRY_TAG = "retry:attempt:"


def chain_kind(run_type: str | None, name: str, tags: Sequence[str], metadata: Mapping[str, Any]) -> RunKind:
    """Return the kind of a run that LangChain reports as a chain.

    *run_type* is what the callback was given, `UNSAID` where it was given none.

    LangGraph marks its runs in tags and metadata only (measured on langgraph 1.2): a node carries
    its own name as `langgraph_node` and a `graph:step:N` tag; a graph called inside a node carries
    that node's checkpoint namespace under both spellings; the outermost graph has `ls_integration`
    but no node. Other Runnables inside a node carry the namespace as well: those that report a
    *run_type*, be it `None`, and LangChain's own compositions are told from graphs by that. A
    `RunnableSequence` that was given another name inside a node cannot be told from a graph.
    """
    if run_type and (kind := _CHAIN_RUN_TYPES.get(run_type)) is not None:
        return kind
    if not metadata and name not in _NAMED_KINDS:
        return RunKind.CHAIN
    node = metadata.get("langgraph_node")
    if node is not None and node == name and any(tag.startswith("graph:step:") for tag in tags):
        return RunKind.NODE
    if name == "AgentExecutor":
        return RunKind.AGENT
    if _is_graph(name, node, metadata, reports_run_type=run_type is None):
        return RunKind.AGENT if "lc_agent_name" in metadata and node is None else RunKind.GRAPH
    return RunKind.CHAIN


_NAMED_KINDS = frozenset(("AgentExecutor", "LangGraph"))


def _is_graph(name: str, node: object, metadata: Mapping[str, Any], *, reports_run_type: bool) -> bool:
    if name == "LangGraph":
        return True
    if reports_run_type or name.startswith("Runnable"):
        return False
    if node is None:
        return metadata.get("ls_integration") == "langgraph"
    namespace = metadata.get("checkpoint_ns")
    return namespace is not None and namespace == metadata.get("langgraph_checkpoint_ns")


def retry_attempt(tags: Sequence[str]) -> int | None:
    """Return N of a `retry:attempt:N` tag, which `with_retry` puts on every attempt but the first."""
    for tag in tags:
        if tag.startswith(_RETRY_TAG) and tag[len(_RETRY_TAG) :].isdigit():
            return int(tag[len(_RETRY_TAG) :])
    return None


def run_name(name: str | None, serialized: Mapping[str, Any] | None) -> str:
    """Return a run's name as LangChain's own tracers choose it."""
    if name is not None:
        return name
    if serialized:
        if (own := serialized.get("name")) is not None:
            return str(own)
        if path := serialized.get("id"):
            return str(path[-1])
    return "Unnamed"
