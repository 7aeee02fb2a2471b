"""Text from models and programs, made safe to show in a terminal, a log line or a page.

A model's answer can hold escape sequences that write to the clipboard, retitle the window or hide
text (OSC 52 passed unchanged through every widget tried), and bidirectional overrides that show
other text than what is there. Such characters are shown, not obeyed. The events keep the raw text.
"""

from __future__ import annotations

import sys
import unicodedata

__all__ = ["encodable", "first_line", "sanitise"]

_KEPT = frozenset("\t\n")

_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
"""C0 controls and DEL as Unicode's control pictures: ESC becomes `␛`."""

_HIDDEN = (
    range(0x80, 0xA0),  # C1: one-byte forms of ESC [, ESC ] and others
    range(0x00AD, 0x00AE),  # soft hyphen
    range(0x034F, 0x0350),  # combining grapheme joiner
    range(0x061C, 0x061D),  # Arabic letter mark
    range(0x115F, 0x1161),  # Hangul fillers: blank, yet letters
    range(0x17B4, 0x17B6),
    range(0x180B, 0x1810),
    range(0x200B, 0x200C),  # zero width space; the joiners after it are needed by emoji and by scripts
    range(0x200E, 0x2010),  # direction marks
    range(0x2028, 0x202F),  # line and paragraph separators, embeddings, overrides
    range(0x2060, 0x2070),  # invisible operators, isolates
    range(0x3164, 0x3165),
    range(0xD800, 0xE000),  # lone surrogates: no encoding takes them
    range(0xFEFF, 0xFF00),
    range(0xFFA0, 0xFFA1),
    range(0xFFF0, 0xFFFC),  # interlinear annotations
    range(0xE0000, 0xE1000),  # tags: text a model reads and a person does not see
)

_MULTILINE = {
    **{code: chr(picture) for code, picture in _PICTURES.items() if chr(code) not in _KEPT},
    **{code: f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}" for span in _HIDDEN for code in span},  # noqa: PLR2004 - the end of the basic plane
}
_ONE_LINE = {**_MULTILINE, ord("\n"): "␊", ord("\t"): " "}


def sanitise(text: str, *, one_line: bool = False) -> str:
    r"""Return *text* with every character that a terminal obeys or hides made visible.

    Control characters become control pictures (ESC is `␛`), C1 controls, bidirectional controls,
    invisible characters and lone surrogates become escapes such as `\u202e`. Line breaks and tabs stay,
    unless *one_line*: then a break is `␊` and a tab a space. Joiners, variation selectors and
    everything that can be seen stay as they are. The result holds neither control characters nor
    surrogates, so it can be written anywhere; it is *not* escaped for markup or HTML.
    """
    if text.isprintable():
        return text
    return text.translate(_ONE_LINE if one_line else _MULTILINE)


def first_line(text: str, limit: int = sys.maxsize) -> str:
    """Return the first line of *text* that says something, sanitised, at most *limit* characters long."""
    # Cut before translating: an error message may hold a whole document.
    line = next((line for line in text[:10_000].split("\n") if line.strip()), "").strip()
    line = sanitise(line, one_line=True)
    return line if len(line) <= limit else line[: limit - 1] + "…"


_PLAIN = str.maketrans(
    {"…": "~", "µ": "u", "×": "x", "→": ">", "–": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"'}  # noqa: RUF001 - they are to be replaced
)


def encodable(text: str, encoding: str) -> str:
    """Return *text* as *encoding* can have it, the rest by what looks like it: `42us`, `Muller`.

    What nothing looks like is escaped, as Python does it.
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        pass
    else:
        return text
    return "".join(_like(character, encoding) for character in text.translate(_PLAIN))


def _like(character: str, encoding: str) -> str:
    for candidate in (character, unicodedata.normalize("NFKD", character)):
        found = candidate.encode(encoding, "ignore").decode(encoding)
        if found:
            return found
    return "" if unicodedata.combining(character) else character.encode(encoding, "backslashreplace").decode()
