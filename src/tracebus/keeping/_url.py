"""`keep` as a function, and as an option of any exit's URL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tracebus._opening import open_exit, without_secrets
from tracebus.bus import as_exporter
from tracebus.exceptions import UnknownExporterError
from tracebus.keeping._exporter import KeepingExporter
from tracebus.keeping._rules import Overflow, Rules, is_rule, parse_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.bus import BatchCallable, Exporter

__all__ = ["keep", "kept_from_url", "opened", "with_rules_joined", "without_rules"]

_KEEP = re.compile(r"[?&]keep=([^&]*)")


def keep(
    to: Exporter | BatchCallable | str,
    *,
    errors: bool = False,
    slower_than: float | None = None,
    cost: float | None = None,
    tokens: int | None = None,
    loops: bool = False,
    sampled: bool = False,
    share: float = 0.0,
    overflow: Overflow = "keep",
    hold: float = 900.0,
) -> Exporter:
    """Return the exit *to*, by which only those whole root runs go out that a rule is true of.

    What is kept says why: in `RunEnded.kept` of the root run, which spans and log lines show. What is not
    kept still counts in the metrics of an exit that has some.

    Args:
        to: an exporter, a function of a batch, or a URL.
        errors: keep a run in which something failed, though the program may have caught that.
        slower_than: keep what took more than so many seconds.
        cost: keep what cost more than so many US dollars, as far as prices are known.
        tokens: keep what used more than so many tokens.
        loops: keep what ran in circles.
        sampled: keep what belongs to a trace its caller records (the sampled flag of the `traceparent`).
        share: keep this part of the others, from 0 to 1; runs of one trace alike, in every process.
        overflow: `keep` or `drop` a run that grows too large or takes too long to be held, if no rule is
            true of it by then. Held runs take a quarter of the bus's `max_bytes` at most.
        hold: seconds a run is held at most.

    Raises:
        ValueError: no rule is given, or a number is out of range.
        UnknownExporterError: *to* is a URL that nobody answers for.
    """
    rules = Rules(
        errors=errors,
        slower_than=slower_than,
        cost=cost,
        tokens=tokens,
        loops=loops,
        sampled=sampled,
        share=share,
        overflow=overflow,
        hold=hold,
    )
    return KeepingExporter(opened(to) if isinstance(to, str) else as_exporter(to), rules)


def opened(url: str) -> Exporter:
    """Return the exporter that *url* names, behind the rules of its option `keep`.

    Raises:
        UnknownExporterError: nobody answers for it, its backend is not installed, or a rule makes no sense.
        InvalidLogError: a log that cannot be written there.
    """
    url, rules = without_rules(url)
    exporter = open_exit(url)
    if rules is None:
        return exporter
    try:
        return kept_from_url(exporter, rules)
    except ValueError as error:
        raise UnknownExporterError(f"{without_secrets(url)!r} with {error}") from error


def without_rules(url: str) -> tuple[str, str | None]:
    """Return *url* without its option `keep`, and the option's value; `None` where it has none."""
    found = _KEEP.search(url)
    if found is None:
        return url, None
    before, after = url[: found.start()], url[found.end() :]
    if found[0].startswith("?") and after:
        after = f"?{after[1:]}"
    return before + after, unquote(found[1])


def kept_from_url(exporter: Exporter, text: str) -> Exporter:
    """Return *exporter* behind the rules in *text*, a URL's option `keep`.

    Raises:
        ValueError: a rule is unknown, or its value makes no sense.
    """
    return KeepingExporter(exporter, parse_rules(text))


def with_rules_joined(parts: Iterable[str]) -> list[str]:
    """Return *parts* of a list split at its commas, with the rules after a `keep=` put back to it."""
    joined: list[str] = []
    for part in parts:
        if joined and _KEEP.search(joined[-1]) and is_rule(part):
            joined[-1] += f",{part}"
        else:
            joined.append(part)
    return joined
