"""The prompt template that a model's messages were made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus_exporters.otel.content._text import clean
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from tracebus.events import RunStarted

_MOST_VARIABLES = 32


class Prompt:
    """A prompt template that was filled in: its name, its version, and what it was filled with."""

    __slots__ = ("name", "variables", "version")

    def __init__(self, event: RunStarted) -> None:
        metadata = event.metadata
        self.version = _text(metadata.get("lc_hub_commit_hash"))
        self.name = _text(metadata.get("prompt_name")) or _hub_name(metadata) or _own_name(event)
        partial = event.partial_variables if isinstance(event.partial_variables, dict) else {}
        given = event.inputs if isinstance(event.inputs, dict) else {}
        self.variables: dict[str, Any] = {**partial, **given}

    def name_attributes(self) -> dict[str, str]:
        """Return the template's name and version, where it has them."""
        if self.name is None:
            return {}
        named = {sc.PROMPT_NAME: clean(self.name, 256)}
        return named if self.version is None else {**named, sc.PROMPT_VERSION: clean(self.version, 256)}

    def variable_attributes(self) -> dict[str, Any]:
        """Return what the template was filled with, which is content."""
        return {
            sc.PROMPT_VARIABLE_PREFIX + (clean(name, 64) or "_"): value
            for name, value in list(self.variables.items())[:_MOST_VARIABLES]
        }


def _hub_name(metadata: dict[str, Any]) -> str | None:
    """Return the name of a template pulled from LangChain's hub."""
    owner, repository = _text(metadata.get("lc_hub_owner")), _text(metadata.get("lc_hub_repo"))
    if repository is None or owner in {None, "-"}:
        return repository
    return f"{owner}/{repository}"


def _own_name(event: RunStarted) -> str | None:
    return None if event.name.endswith(("PromptTemplate", "Prompt")) else event.name or None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
