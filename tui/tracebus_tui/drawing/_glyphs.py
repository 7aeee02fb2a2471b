"""The signs of the screen, in Unicode and in ASCII; every sign is one cell wide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tracebus import signs
from tracebus.tree import RunStatus

if TYPE_CHECKING:
    from tracebus.events import RunKind


class Glyphs(msgspec.Struct, frozen=True):
    """One set of signs."""

    status: dict[RunStatus, str]
    kind: dict[RunKind, str]
    spinner: str
    batch: str
    crowd: str
    times: str
    sum: str
    sticky: str
    opened: str
    closed: str
    branch: str
    corner: str
    trunk: str
    blank: str
    wait: str
    token: str
    work: str
    head: str
    done: str
    todo: str
    retry: str
    loop: str
    fallback: str
    pin: str
    arrow: str
    ellipsis: str
    sparks: str
    sorts: str
    dot: str
    rule: str


UNICODE: Final = Glyphs(
    status=signs.STATUS,
    kind=signs.KIND,
    spinner="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
    batch="▤",
    crowd="≡",
    times="×",  # noqa: RUF001 - the sign it is
    sum="Σ",
    sticky="›",  # noqa: RUF001 - likewise
    opened="▾",
    closed="▸",
    branch="├─",
    corner="╰─",
    trunk="│ ",
    blank="  ",
    wait="·",
    token="◆",  # noqa: S106 - no password
    work="━",
    head="╸",
    done="█",
    todo="░",
    retry="↻",
    loop="∞",
    fallback="⤷",
    pin="★",
    arrow="→",
    ellipsis="…",
    sparks="▁▂▃▄▅▆▇█",
    sorts="▼▲",
    dot="●",
    rule="─",
)

ASCII: Final = Glyphs(
    status=signs.ASCII_STATUS,
    kind=signs.ASCII_KIND,
    spinner="|/-\\",
    batch="B",
    crowd="=",
    times="x",
    sum="S",
    sticky=">",
    opened="v",
    closed=">",
    branch="|-",
    corner="`-",
    trunk="| ",
    blank="  ",
    wait=".",
    token="+",  # noqa: S106 - no password
    work="=",
    head="=",
    done="#",
    todo=".",
    retry="r",
    loop="@",
    fallback="f",
    pin="*",
    arrow=">",
    ellipsis="~",
    sparks="_.-=+*#@",
    sorts="v^",
    dot="*",
    rule="-",
)

SPELLING: Final = str.maketrans(
    {
        "…": "~",
        "▌": "_",
        "•": "*",
        "│": "|",
        "─": "-",
        "┼": "+",
        "▾": "v",
        "▸": ">",
        "›": ">",  # noqa: RUF001 - it is replaced here
        "×": "x",  # noqa: RUF001 - likewise
        "–": "-",  # noqa: RUF001 - likewise
        "“": '"',
        "”": '"',
        "⏎": "enter",
        "µ": "u",
        **{chr(picture): "^" for picture in range(0x2400, 0x2422)},
        "↓": "v",
        "↑": "^",
        "←": "<",
        "→": ">",
    }
)
"""Our own signs outside `Glyphs` in ASCII; text from programs keeps its script."""

LETTERS: Final[dict[RunStatus, str]] = {
    RunStatus.RUNNING: "r",
    RunStatus.OK: " ",
    RunStatus.ERROR: "E",
    RunStatus.CANCELLED: "C",
    RunStatus.ABANDONED: "A",
    RunStatus.INTERRUPTED: "I",
    RunStatus.LOST: "L",
}
"""The state as a letter, for whom neither colour nor sign will do; what is well needs none."""
