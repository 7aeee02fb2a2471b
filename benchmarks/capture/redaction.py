"""What redaction costs per megabyte of text, what it takes for a secret that is none, and streams.

    python benchmarks/capture/redaction.py            # detect-secrets is compared where it is installed

Run at an earlier commit it prints what redaction cost then.
"""

from __future__ import annotations

import json
import sysconfig
import tempfile
import time
from pathlib import Path

from tracebus.capture import Capture, to_json

MEGABYTE = 1_000_000
ROOT = Path(__file__).parents[2]
EVERYTHING = {"max_string": 10**9, "max_size": 10**9}

ADVERSARIAL = [
    *(
        '"',
        "\\",
        "-",
        "a.",
        "a-",
        "{",
        '{"password":{',
        '"password":"',
        "password:'\n",
        "Cookie: a ",
        "://a:",
    ),
    *(
        "-----BEGIN ",
        "sk-",
        "eyJaaaaaaaa-",
        "SG.",
        "password: ",
        "password=",
        "--password ",
        "Bearer ",
        "AKIA",
    ),
]


def main() -> None:
    texts = samples()
    print("cost of turning one text into JSON, ms per MB, best of 3")
    print(f"  {'text':14} {'redacted':>9} {'without':>9}")
    for name, text in texts.items():
        redacted, without = (cost(text, Capture(**EVERYTHING, **more)) for more in ({}, {"redact_keys": ()}))
        print(f"  {name:14} {redacted:9.1f} {without:9.1f}")
    worst(ADVERSARIAL)
    false_positives(texts)
    streams(texts)
    another(texts["code"])


def samples() -> dict[str, str]:
    library = Path(sysconfig.get_paths()["stdlib"])
    code = "".join(path.read_text() for path in sorted(library.glob("*.py")))[: 2 * MEGABYTE]
    prose = "".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))
    rows = [
        {"id": n, "name": f"row {n}", "value": n * 1.5, "tags": ["a", "b"], "note": "as ever: ok"}
        for n in range(9_000)
    ]
    words = "the model said that over the bridge one finds a small house and there they ask the way again. "
    return {
        "plain words": (words * 11_000)[:MEGABYTE],
        "documentation": (prose * (1 + MEGABYTE // len(prose)))[:MEGABYTE],
        "code": code,
        "JSON": json.dumps(rows)[:MEGABYTE],
    }


def cost(text: str, capture: Capture) -> float:
    best = float("inf")
    for number in range(3):
        fresh = f"{text}{number}"  # a text that is known already costs nothing
        began = time.process_time()
        to_json([fresh], capture)
        best = min(best, time.process_time() - began)
    return best * 1_000 * MEGABYTE / len(text)


def worst(parts: list[str]) -> None:
    """Print the texts that cost most, and whether four times the text costs four times as much."""
    capture = Capture(**EVERYTHING)
    found = []
    for part in parts:
        text = part * (MEGABYTE // 4 // len(part))
        once, four = cost(text, capture), cost(text * 4, capture)
        found.append((four, four / max(once, 0.1), part))
    print("\nhostile texts, one short string over and over: ms per MB at 1 MB, and that against 0.25 MB")
    for four, ratio, part in sorted(found, reverse=True)[:5]:
        print(f"  {part!r:22} {four:9.1f} {ratio:6.2f} x")


def false_positives(texts: dict[str, str]) -> None:
    try:
        from tracebus.capture._scrub import find
    except ImportError:
        return
    print("\ntaken for secrets, per MB of text that holds none but examples")
    for name, text in texts.items():
        print(f"  {name:14} {len(find(text, Capture()).spans) * MEGABYTE / len(text):9.1f}")


def streams(texts: dict[str, str]) -> None:
    try:
        from tracebus.capture import TextScrubber
    except ImportError:
        return
    print("\na stream in pieces of four characters, µs a piece")
    for name, text in texts.items():
        pieces = [text[at : at + 4] for at in range(0, 200_000, 4)]
        scrubber = TextScrubber(Capture())
        began = time.process_time()
        for piece in pieces:
            scrubber.feed(piece)
        print(f"  {name:14} {(time.process_time() - began) * 1e6 / len(pieces):9.2f}")


def another(text: str) -> None:
    """Print what a scanner made for repositories takes."""
    try:
        from detect_secrets import SecretsCollection
        from detect_secrets.settings import default_settings
    except ImportError:
        print("\ndetect-secrets is not installed")
        return
    part = text[: MEGABYTE // 5]
    with tempfile.TemporaryDirectory() as folder, default_settings():
        path = Path(folder) / "code.py"
        path.write_text(part)
        began = time.process_time()
        found = SecretsCollection()
        found.scan_file(str(path))
        taken = time.process_time() - began
    print(f"\ndetect-secrets on code: {taken * 1_000 * MEGABYTE / len(part):.1f} ms per MB")


if __name__ == "__main__":
    main()
