"""Our two themes, and which to begin with."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

DARK: Final = Theme(
    name="tracebus",
    primary="#5b9bd5",
    secondary="#4ec9b0",
    accent="#b48ead",
    warning="#e5c07b",
    error="#f7768e",
    success="#8fce7f",
    foreground="#d7dae0",
    background="#0f1217",
    surface="#141922",
    panel="#1a202b",
    variables={
        "text-primary": "#6cb6ff",
        "text-secondary": "#5fd3bc",
        "text-accent": "#c49bf0",
        "text-warning": "#e5b567",
        "text-error": "#ff6b7f",
        "text-success": "#8fce7f",
        "foreground-darken-3": "#737d8c",
        "foreground-muted": "#a9b1bd",
        "primary-muted": "#22344f",
        "warning-muted": "#463a1e",
        "warning": "#ffd166",
    },
)
LIGHT: Final = Theme(
    name="tracebus-light",
    primary="#1f6feb",
    secondary="#0f7b6c",
    accent="#7b3fb5",
    warning="#9a6700",
    error="#cf222e",
    success="#1a7f37",
    foreground="#1f2328",
    background="#fbfbfa",
    surface="#f3f4f6",
    panel="#e9ecf0",
    dark=False,
    variables={
        "text-primary": "#0b5ed7",
        "text-secondary": "#0f766a",
        "text-accent": "#7b3fb5",
        "text-warning": "#8a5a00",
        "text-error": "#c11f2a",
        "text-success": "#176b30",
        "foreground-darken-3": "#7a828c",
        "foreground-muted": "#535b65",
        "primary-muted": "#d3e4fb",
        "warning-muted": "#f6e7bd",
        "warning": "#b58100",
    },
)
CYCLE: Final = (DARK.name, LIGHT.name, "textual-dark", "nord", "gruvbox", "ansi-dark", "ansi-light")
