"""`tracebus watch`: runs live, in the terminal."""

from __future__ import annotations

import click

from tracebus.cli._logs import log_argument
from tracebus.cli._tui import terminal_ui

__all__ = ["watch"]


@click.command(epilog="Keys: ? shows them all. Your program: from tracebus import observe; observe(chain)")
@log_argument
@click.option("--plain", is_flag=True, help="Print lines instead of drawing; also for screen readers.")
@click.option("--json", "as_json", is_flag=True, help="Print new events as JSON lines.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only.")
@click.option("--no-motion", is_flag=True, help="Keep everything still that only shows that time passes.")
@click.option(
    "--fps", type=click.FloatRange(1, 60), help="Frames a second at most.  [default: 40, over ssh 15]"
)
@click.option("--receive", is_flag=True, help="Take OTLP into LOG meanwhile, as `tracebus receive` does.")
@click.pass_context
def watch(
    ctx: click.Context,
    *,
    log_url: str | None,
    plain: bool,
    as_json: bool,
    ascii_only: bool,
    no_motion: bool,
    receive: bool,
    fps: float | None,
) -> None:
    """Watch the runs in LOG live: what runs now, what ran before.

    LOG is a log's URL, such as sqlite:PATH, jsonl:PATH or redis://host:6379/0; without it, the log that
    `observe(chain)` writes to on this machine. Where there is no screen, lines are printed.
    """
    from tracebus.logs import open_log  # noqa: PLC0415  `--help` must not pay for it

    tui = terminal_ui()
    log = open_log(log_url or "sqlite:")
    options = tui.Options(plain=plain, as_json=as_json, ascii=ascii_only, motion=not no_motion, fps=fps)
    if not receive:
        ctx.exit(tui.watch(log, options))
    from tracebus.cli._receiving import receiving  # noqa: PLC0415  only for `--receive`

    with receiving(log_url):
        code = tui.watch(log, options)
    ctx.exit(code)
