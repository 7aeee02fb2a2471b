"""tracebus beside the tracers installed here: what each costs, and whether what it records is right.

    python benchmarks/programs/compare.py [--rounds 3] [--agent 200] [--page docs/compared.md]
    python benchmarks/programs/compare.py --rounds 1 --agent 10     # a few minutes, to see that it works
    python benchmarks/programs/compare.py --check docs/compared.md  # only what is recorded, no times

Costs are CPU above nothing watching, of processes of their own, as in overhead.py and long_agent.py. What is
recorded is read where each peer puts it: the spans it ends in OpenTelemetry's in-memory exporter, our events.
The truth comes from the program: it knows which of its runs ran, under which, and what its models used.

Peers: openinference-instrumentation-langchain, opentelemetry-instrumentation-langchain (traceloop),
opentelemetry-instrumentation-genai-langchain, langfuse. `--page` puts the table and its chart between the two
marks of a page; `--check` fails where what a page says of the recorded runs is not so any more.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import long_agent
import overhead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TRACERS = ("tracebus", *overhead.PEERS)
RUNS, TOKENS = 1_200, 2_000
"""Of overhead.py's workloads `invoke` and `stream`."""
CANCELLED = 10
SUFFIXES = (".chat", ".tool", ".task", ".workflow")


class Span(NamedTuple):
    """What a tracer recorded of one run."""

    name: str
    parent: str | None
    tokens: int | None
    ended: bool


# -- what each records ----------------------------------------------------------------------------


def recording(name: str) -> Callable[[], list[Span]]:
    """Have the process watched by *name*; return what gives the spans when all is over."""
    if name == "tracebus":
        return _ours()
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    if name == "langfuse":
        from langfuse import Langfuse
        from langfuse.langchain import CallbackHandler

        Langfuse(public_key="pk", secret_key="sk", host="http://127.0.0.1:9", tracer_provider=provider)
        overhead._configure(CallbackHandler())  # noqa: SLF001 - of the same folder
    else:
        module = __import__(overhead.PEERS[name], fromlist=["*"])
        found = next(n for n in dir(module) if n.endswith("Instrumentor") and "Base" not in n)
        getattr(module, found)().instrument(tracer_provider=provider, skip_dep_check=True)
    return lambda: _from_spans(memory.get_finished_spans())


def _ours() -> Callable[[], list[Span]]:
    import tracebus

    tree, bus = tracebus.RunTree(), tracebus.EventBus()
    bus.attach(lambda batch: [tree.apply(event) for event in batch] and None)
    tracebus.install(bus=bus)

    def spans() -> list[Span]:
        bus.flush(30)
        nodes = [node for root in tree.roots for node in root.walk()]
        return [
            Span(
                node.name,
                node.parent.name if node.parent is not None else None,
                node.own_usage.input_tokens if node.own_usage is not None else None,
                node.end is not None,
            )
            for node in nodes
        ]

    return spans


def _from_spans(spans: Iterable[Any]) -> list[Span]:
    found = list(spans)
    names = {span.context.span_id: _name(span) for span in found}
    return [
        Span(_name(span), names.get(span.parent.span_id) if span.parent else None, _tokens(span), ended=True)
        for span in found
    ]


def _name(span: Any) -> str:
    """Return the run's name: some put the kind of span before or behind it."""
    name = str(span.name)
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    name = name.rpartition(" ")[2]
    return "model" if name == "ScriptedChatModel" else name  # some name models by their class


def _tokens(span: Any) -> int | None:
    for key, value in (span.attributes or {}).items():
        if key in ("gen_ai.usage.input_tokens", "llm.token_count.prompt", "gen_ai.usage.prompt_tokens"):
            return int(value)
        if key == "langfuse.observation.usage_details":
            return int(json.loads(value).get("input", 0))
    return None


# -- the programs, and what is true of them -------------------------------------------------------

TREE = {"outer": None, "step": "outer", "model": "step", "tool": "outer", "inner": "tool"}


def known_tree() -> int:
    """Run a chain of which `TREE` is true; return the input tokens its model used."""
    from langchain_core.runnables import RunnableLambda
    from langchain_core.tools import StructuredTool

    from tracebus.testing import ScriptedChatModel

    used: list[int] = []
    model = ScriptedChatModel(script=["At noon."]).with_config(run_name="model")

    def step(text: str) -> str:
        message = model.invoke(text)
        used.append(message.usage_metadata["input_tokens"])
        return message.text

    def search(query: str) -> str:
        return RunnableLambda(str.upper).with_config(run_name="inner").invoke(query)

    tool = StructuredTool.from_function(search, name="tool", description="Search.")

    def outer(text: str) -> str:
        answer = RunnableLambda(step).with_config(run_name="step").invoke(text)
        result: list[str] = []
        import contextvars

        context = contextvars.copy_context()  # a thread, as web frameworks use them
        thread = threading.Thread(target=lambda: result.append(context.run(tool.invoke, {"query": answer})))
        thread.start()
        thread.join()
        return result[0]

    RunnableLambda(outer).with_config(run_name="outer").invoke("When?")
    return sum(used)


async def cancelled() -> None:
    """Begin some model calls and give each up before its answer."""
    from tracebus.testing import Pacing, ScriptedChatModel

    model = ScriptedChatModel(script=lambda _: "word " * 50, pacing=Pacing(60, 0)).with_config(
        run_name="slow"
    )
    for number in range(CANCELLED):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(model.ainvoke(str(number)), 0.3)
    await asyncio.sleep(3)  # ends told later


def correctness(name: str) -> dict[str, str]:
    """Return what is right of what *name* records: called in a process of its own."""
    spans = recording(name)
    used = known_tree()
    tree = [span for span in spans() if span.name in TREE]
    parents = sum(span.parent == TREE[span.name] for span in tree)
    before = len(spans())
    counted = [span.tokens for span in spans() if span.tokens is not None]
    asyncio.run(cancelled())
    closed = sum(span.ended for span in spans()[before:] if span.name == "slow" or name != "tracebus")
    return {
        "runs recorded": f"{len({span.name for span in tree})} of {len(TREE)}",
        "parents right": f"{parents} of {len(TREE)}",
        "usage": "right" if sum(counted) == used else f"{sum(counted)} for {used}",
        "cancelled closed": f"{min(closed, CANCELLED)} of {CANCELLED}",
    }


# -- the table ------------------------------------------------------------------------------------


def costs(rounds: int, agent_rounds: int, tracers: list[str]) -> dict[str, dict[str, str]]:
    """Return what each adds: CPU a run and a token, of an agent, and memory."""
    least: dict[tuple[str, str], float] = {}
    for _ in range(rounds):
        for workload in ("invoke", "stream"):
            for name in ("nothing", *tracers):
                watcher = "tracebus, 1 reader" if name == "tracebus" else name
                seconds = overhead.in_process(watcher, workload)
                least[name, workload] = min(seconds, least.get((name, workload), seconds))
    found: dict[str, dict[str, str]] = {}
    with long_agent.serving() as servers:
        bare = long_agent.once("nothing", agent_rounds, servers)
        for name in tracers:
            a_run = (least[name, "invoke"] - least["nothing", "invoke"]) / RUNS * 1e6
            a_token = (least[name, "stream"] - least["nothing", "stream"]) / TOKENS * 1e6
            row = {"µs a run": f"{a_run:.0f}", "µs a token": f"{a_token:.1f}"}
            watcher = "otlp with content" if name == "tracebus" else name
            if watcher in (*long_agent.OURS, *long_agent.PEERS):
                measured = long_agent.once(watcher, agent_rounds, servers)
                row[f"s, agent of {agent_rounds}"] = f"{measured['cpu'] - bare['cpu']:.2f}"
                row["MB more"] = f"{measured['rss'] - bare['rss']:.0f}"
            found[name] = row
    return found


def chart(rows: dict[str, dict[str, str]], column: str) -> str:
    """Return one column as bars of text."""
    values = {name: float(row[column]) for name, row in rows.items() if column in row}
    most = max([*values.values(), 1e-9])
    lines = [
        f"{name:16} {'█' * max(1, round(40 * value / most))} {value:g}" for name, value in values.items()
    ]
    return f"{column}\n" + "\n".join(lines)


def table(rows: dict[str, dict[str, str]]) -> str:
    """Return the rows as a Markdown table."""
    heads = list(dict.fromkeys(head for row in rows.values() for head in row))
    lines = [f"| tracer | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    lines += [
        f"| {name} | {' | '.join(row.get(head, '-') for head in heads)} |" for name, row in rows.items()
    ]
    return "\n".join(lines)


BEGIN, END = "<!-- printed by benchmarks/programs/compare.py -->", "<!-- up to here -->"


def put_into(page: Path, text: str) -> None:
    """Put *text* between the marks of a page.

    Raises:
        SystemExit: it has no marks.
    """
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        sys.exit(f"{page} has no place for the table: {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def rows_in(page: Path) -> dict[str, dict[str, str]]:
    """Return the rows of the table between the marks of a page."""
    part = page.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return {name: dict(zip(lines[0][1:], cells, strict=True)) for name, *cells in lines[1:]}


def check(page: Path, rows: dict[str, dict[str, str]]) -> None:
    """Compare what a page says of recorded runs with what was found.

    Raises:
        SystemExit: they differ, or the page knows nothing of a tracer that is here.
    """
    said = rows_in(page)
    wrong = [
        f"{name}, {head}: {said.get(name, {}).get(head, 'nothing')} on the page, {value} found"
        for name, row in rows.items()
        for head, value in row.items()
        if said.get(name, {}).get(head) != value
    ]
    if wrong:
        sys.exit("\n".join([f"{page} is out of date:", *wrong]))
    print(f"{page} says what is so of {', '.join(rows)}")


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--agent", type=int, default=200, help="tool rounds of the agent")
    parser.add_argument("--page", type=Path, help="put the table and its chart between the marks there, too")
    parser.add_argument("--check", type=Path, help="compare what is recorded with the table of a page")
    parser.add_argument("--record", choices=TRACERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record:
        print(json.dumps(correctness(options.record)))
        return
    here = [name for name in TRACERS if name == "tracebus" or overhead.installed(overhead.PEERS[name])]
    rows = {name: {} for name in here} if options.check else costs(options.rounds, options.agent, here)
    for name in here:
        done = subprocess.run(
            [sys.executable, __file__, "--record", name],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        right = (
            json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {"runs recorded": "failed"}
        )
        rows[name] |= right
    if options.check:
        check(options.check, rows)
        return
    absent = [name for name in TRACERS if name not in here]
    text = f"{table(rows)}\n\n```text\n{chart(rows, 'µs a run')}\n\n{chart(rows, 'µs a token')}\n```\n"
    text += f"\nNot installed, so not measured: {', '.join(absent) or 'none'}\n"
    print(text)
    if options.page:
        put_into(options.page, text)


if __name__ == "__main__":
    main()
