"""What kind of run a LangChain callback speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import RunKind
from tracebus.sources.reading._chain_model import model_kind
from tracebus.sources.reading._odd import as_text, is_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUN_TYPES = {
    "prompt": RunKind.PROMPT,
    "parser": RunKind.PARSER,
    "tool": RunKind.TOOL,
    "retriever": RunKind.RETRIEVER,
    "embedding": RunKind.EMBEDDING,
    "chat_model": RunKind.CHAT_MODEL,
}
"""Kinds by LangChain's `run_type`; `chain` and `llm` say less than the metadata do."""
_MODEL, _CHAIN = "llm", "chain"
UNSAID = ""
_RETRY_TAG = "retry:attempt:"


def chain_kind(
    run_type: str | None,
    name: str,
    tags: Sequence[str],
    metadata: Mapping[str, Any],
    parent: RunKind | None = None,
    *,
    graph: bool = False,
) -> RunKind:
    """Return the kind of a run that LangChain reports as a chain.

    *run_type* is what the callback was given, `UNSAID` where it was given none, and one that is not
    known makes an `unknown`; *parent* the kind of the run above. LangGraph marks its runs in tags and
    metadata only (measured on langgraph 1.2, langchain 1.4): a node carries its own name as
    `langgraph_node` and a `graph:step:N` tag; a task of the functional API likewise, but is the first
    step of a sequence that reports nothing; an agent of `create_agent` its own name as `lc_agent_name`;
    an outermost graph `ls_integration` but no node; a graph called inside a node that node's checkpoint
    namespace under both spellings.
    Other Runnables inside a node carry the namespace as well: those that report a *run_type*, be it
    `None`, LangChain's own compositions, and what is not directly below a node or a tool are told
    from graphs by that. A `RunnableSequence` of another name cannot be, unless a *graph* is known to be one.
    """
    if run_type and run_type != _CHAIN:
        return model_kind(metadata) if run_type == _MODEL else RUN_TYPES.get(run_type, RunKind.UNKNOWN)
    if not metadata and not graph:
        return NAMED.get(name, RunKind.CHAIN)
    node = metadata.get("langgraph_node")
    if node is not None and is_text(node, name) and _is_node(tags, metadata):
        return RunKind.NODE
    if name == _EXECUTOR or is_text(metadata.get(_AGENT_NAME), name):
        return RunKind.AGENT
    if graph or name == _GRAPH or (run_type == UNSAID and _is_graph(name, node, metadata, parent)):
        return RunKind.AGENT if _is_agent(node, metadata) else RunKind.GRAPH
    return RunKind.CHAIN


_GRAPH = "LangGraph"
"""A graph's name where nobody gave it another."""
_EXECUTOR = "AgentExecutor"
NAMED = {_GRAPH: RunKind.GRAPH, _EXECUTOR: RunKind.AGENT}
"""Kinds of chains without metadata, by name; all others are chains."""
_AGENTS = "langchain_create_agent"
_AGENT_NAME = "lc_agent_name"
_CALLED_TASK = 4
"""Length of a `langgraph_path` that ends in `True`: a task somebody called."""
_GRAPH_CALLERS = frozenset((RunKind.NODE, RunKind.TOOL, None))


def _is_agent(node: object, metadata: Mapping[str, Any]) -> bool:
    """Tell an agent from another graph: it has a name even where nobody gave one."""
    unnamed = node is None and _AGENT_NAME in metadata
    return unnamed or is_text(metadata.get("ls_integration"), _AGENTS)


def _is_node(tags: Sequence[str], metadata: Mapping[str, Any]) -> bool:
    if any(tag.startswith("graph:step:") for tag in tags):
        return True
    path = metadata.get("langgraph_path")
    called = isinstance(path, list | tuple) and len(path) == _CALLED_TASK and path[-1] is True
    return called and "seq:step:1" in tags


def _is_graph(name: str, node: object, metadata: Mapping[str, Any], parent: RunKind | None) -> bool:
    if name.startswith("Runnable"):
        return False
    if node is None:
        return is_text(metadata.get("ls_integration"), "langgraph") or _is_agent(node, metadata)
    namespace, inner = metadata.get("checkpoint_ns"), metadata.get("langgraph_checkpoint_ns")
    if parent not in _GRAPH_CALLERS or not isinstance(namespace, str) or not isinstance(inner, str):
        return False
    # Two graphs deep, a tool that hands its config on has the outermost's under the one name.
    return namespace == inner or inner.startswith(f"{namespace}|")


_told: dict[tuple[str, ...], tuple[tuple[str, ...], int | None]] = {}
_MOST_TOLD = 1_024


def told_by(tags: Sequence[object]) -> tuple[tuple[str, ...], int | None]:
    """Return *tags* as text, and which attempt they tell of: a program has few sets of tags."""
    key: Any = tuple(tags)
    for tag in key:
        if type(tag) is not str:  # another's `__hash__` would be the program's code
            return _told_by(key)
    found = _told.get(key)
    if found is None:
        if len(_told) >= _MOST_TOLD:
            _told.clear()
        found = _told[key] = _told_by(key)
    return found


def _told_by(tags: Sequence[object]) -> tuple[tuple[str, ...], int | None]:
    texts = tuple(map(as_text, tags))
    return texts, retry_attempt(texts)


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
