"""Ends the runs of models' sync v3 streams that the program drops: LangChain has no callback for it.

`observe` watches for what it returned; under `observing` and `install` the program calls LangChain itself.
So LangChain's own method is made to watch; to the program it is as before.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from tracebus._when_imported import when_imported
from tracebus.sources.attaching._later import carrying, when_dropped
from tracebus.sources.attaching._observed_call import ObservedCall
from tracebus.sources.callbacks._handler import report
from tracebus.sources.callbacks._scope import current_handler
from tracebus.sources.tracking._call import Call

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["watch_model_streams"]

_MODULE, _METHOD = "langchain_core.language_models.chat_models", "_chat_model_stream_v3"
_MARK = "_watched_by_tracebus"


def watch_model_streams() -> None:
    """Have chat models tell of v3 streams that are dropped, as soon as the program has imported them."""
    when_imported(_MODULE, _watch)


def _watch() -> None:
    model: Any = getattr(sys.modules.get(_MODULE), "BaseChatModel", None)
    method = getattr(model, _METHOD, None)  # langchain-core 1.4 and newer
    if method is not None and not hasattr(method, _MARK):
        setattr(model, _METHOD, _watching(method))


def _watching(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        handler = current_handler()
        if handler is None:
            return method(self, *args, **kwargs)
        call = Call(None)
        try:
            args, kwargs = carrying(handler.recorders, call, args, kwargs)
        except Exception as error:  # noqa: BLE001  # the user's program is sacred: what we do wrong ends here
            report(handler, _METHOD, error)
        stream = method(self, *args, **kwargs)
        when_dropped(stream, ObservedCall(handler.recorders[-1], call).forgotten)
        return stream

    setattr(watched, _MARK, True)
    return watched
