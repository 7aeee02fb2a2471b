r"""Print what backends really show of our spans: the table in docs/opentelemetry.md.

    .venv/bin/python scripts/otel_backends.py --jaeger http://localhost:16686 http://localhost:4318 \
        --phoenix http://localhost:6006 --mlflow http://localhost:5000

Plays the demo's scenes, and an agent whose tool is an agent, into each backend that is named (start them
first), reads every span back through the backend's own API, and counts the runs that show a fact of those
where the program had it. Each backend gets them twice: by the README's recipe, and by content alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/backends"))

import programme
import reading

from tracebus_exporters.otel import from_url

if TYPE_CHECKING:
    from collections.abc import Callable

RECIPES = {
    "Jaeger": "content=span",
    "Phoenix": "openinference=true&content=span",
    "MLflow": "openinference=true&vendor=mlflow&content=span",
}
PLAIN = "content=span"


def sent(url: str, read: Callable[[], dict[str, reading.Shown]], **environment: str) -> dict[str, Any]:
    """Send everything to *url*; return by fact how many runs had it, and how many show it."""
    os.environ.update(environment, OTEL_METRICS_EXPORTER="none", OTEL_EXPORTER_OTLP_TIMEOUT="30")
    events = programme.send(from_url(url))
    wanted = reading.expected(events)
    shown: dict[str, reading.Shown] = {}
    deadline = time.monotonic() + 60
    while len(shown) < len(wanted) and time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            shown = read()
        except OSError:  # the project does not exist before its first span
            shown = {}
    had: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    empty: dict[str, set[str]] = {fact: set() for fact in reading.FACTS}
    kinds = {event.run_id: str(event.kind) for event in events if hasattr(event, "kind")}
    for run_id, facts in wanted.items():
        for fact in facts:
            had[fact] += 1
            if getattr(shown.get(run_id, reading.Shown()), fact) in (None, "", []):
                empty[fact].add(kinds[run_id])
            else:
                seen[fact] += 1
    return {"runs": len(wanted), "had": had, "seen": seen, "empty": empty}


def jaeger(api: str, otlp: str, options: str) -> dict[str, Any]:
    """Send to Jaeger and read back."""
    service = f"table-{uuid.uuid4()}"
    where = f"otlp+{otlp}?{options}"
    return sent(where, lambda: reading.jaeger(api, service), OTEL_SERVICE_NAME=service)


def phoenix(api: str, options: str) -> dict[str, Any]:
    """Send to Phoenix and read back."""
    project = f"table-{uuid.uuid4()}"
    attributes = f"openinference.project.name={project}"
    where = f"otlp+{api}?{options}"
    return sent(where, lambda: reading.phoenix(api, project), OTEL_RESOURCE_ATTRIBUTES=attributes)


def mlflow(api: str, options: str) -> dict[str, Any]:
    """Send to MLflow and read back."""
    named = {"name": f"table-{uuid.uuid4()}"}
    made = reading.get_json(f"{api}/api/2.0/mlflow/experiments/create", named)["experiment_id"]
    headers = f"x-mlflow-experiment-id={made}"
    where = f"otlp+{api}?{options}"
    return sent(where, lambda: reading.mlflow(api, made), OTEL_EXPORTER_OTLP_HEADERS=headers)


def table(columns: dict[str, dict[str, Any]]) -> str:
    """Return the table in Markdown: a row for each fact, a column for each backend and recipe."""
    lines = [
        "| of the runs where the program had it | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for fact in reading.FACTS:
        cells = []
        for column in columns.values():
            told = f"{column['seen'][fact]} of {column['had'][fact]}"
            without = ", ".join(sorted(column["empty"][fact]))
            cells.append(f"{told}; none of: {without}" if without else told)
        lines.append(f"| {fact} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Send, read back, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jaeger", nargs=2, metavar=("API", "OTLP"))
    parser.add_argument("--phoenix", metavar="URL")
    parser.add_argument("--mlflow", metavar="URL")
    options = parser.parse_args()
    for recipes, title in ((RECIPES, "By the README's recipe"), (None, "With `content=span` alone")):
        columns: dict[str, dict[str, Any]] = {}
        for name, send in (
            ("Jaeger", options.jaeger and (lambda query: jaeger(*options.jaeger, query))),
            ("Phoenix", options.phoenix and (lambda query: phoenix(options.phoenix, query))),
            ("MLflow", options.mlflow and (lambda query: mlflow(options.mlflow, query))),
        ):
            if send:
                columns[name] = send(recipes[name] if recipes else PLAIN)
        runs = max((column["runs"] for column in columns.values()), default=0)
        print(f"\n{title} ({runs} runs):\n\n{table(columns)}")


if __name__ == "__main__":
    main()
