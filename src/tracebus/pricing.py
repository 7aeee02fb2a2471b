"""What model calls cost, by the providers' list prices.

The prices come with the package `genai-prices` (Pydantic, MIT) and are as old as the installed
version of it; nothing is fetched over the network. Prices of your own come from the file that
`TRACEBUS_PRICES` names and go before them. A program that calls
`genai_prices.UpdatePrices().start()` of its own accord is served the prices it fetched.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from datetime import UTC, datetime
from functools import lru_cache
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

import msgspec

from tracebus._prices import own_prices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from decimal import Decimal

    from tracebus.events import ModelInfo, TokenUsage

__all__ = ["cost_of", "warm_up"]

_log = logging.getLogger("tracebus")

_PROVIDERS = {"azure_ai": "azure", "azure_openai": "azure"}
"""LangChain's `ls_provider`, where genai-prices does not know it as an alias or takes it for another's."""

_NS = 1_000_000_000
_QUARTER_HOUR = 15 * 60 * _NS
"""How long a price is kept: some providers charge less at night, all change prices at some date."""

_PROBE = 1_000_000
"""Tokens in a probe: large enough that a unit price is exact."""


class _Rates(msgspec.Struct, frozen=True):
    """US dollars per token, by class of token, and per request."""

    request: float
    input: float
    cache_read: float
    cache_creation: float
    cache_creation_1h: float
    input_audio: float
    output: float
    reasoning: float
    output_audio: float


class _PriceList(msgspec.Struct, frozen=True):
    """A model's rates: `rates[i]` apply where the input is above `i` of the `thresholds`."""

    thresholds: tuple[int, ...]
    rates: tuple[_Rates, ...]


def cost_of(model: ModelInfo, usage: TokenUsage, *, at: int | None = None) -> float | None:
    """Return what *usage* of *model* costs in US dollars, by list price.

    Cached input, audio and reasoning are charged at their own rate where the model has one. Discounts
    (batch, committed use) are not known. Never raises, opens no connection.

    Args:
        model: provider and name as LangChain has them; without a provider, the name has to tell.
        usage: the tokens, inclusive as `TokenUsage` has them.
        at: when, in nanoseconds since the epoch; now where `None`.

    Returns:
        Dollars, or `None` where the model, its price or a token count is unknown.
    """
    if not model.name or usage.input_tokens is None:
        return None
    quarter = (at if at is not None else int(datetime.now(UTC).timestamp()) * _NS) // _QUARTER_HOUR
    prices = _price_list(model.provider, model.name, quarter)
    if prices is None:
        return None
    rates = prices.rates[bisect_left(prices.thresholds, usage.input_tokens)]
    if usage.output_tokens is None and rates.output:
        return None
    return rates.request + _input_cost(rates, usage) + _output_cost(rates, usage)


def warm_up() -> None:
    """Load the list of prices, which the first `cost_of` would do: it takes a tenth of a second."""
    _price_list(None, "", 0)


def _input_cost(rates: _Rates, usage: TokenUsage) -> float:
    if not (
        usage.cache_read_tokens or usage.cache_creation_tokens or usage.input_audio_tokens or usage.other
    ):
        return (usage.input_tokens or 0) * rates.input
    read, audio = usage.cache_read_tokens or 0, usage.input_audio_tokens or 0
    # langchain-anthropic reports either the sum or these two, by lifetime of the cache entry.
    created = (usage.cache_creation_tokens or 0) + usage.other.get("input_ephemeral_5m_input_tokens", 0)
    created_1h = usage.other.get("input_ephemeral_1h_input_tokens", 0)
    plain = max(0, (usage.input_tokens or 0) - read - created - created_1h - audio)
    cached = read * rates.cache_read + created * rates.cache_creation + created_1h * rates.cache_creation_1h
    return plain * rates.input + cached + audio * rates.input_audio


def _output_cost(rates: _Rates, usage: TokenUsage) -> float:
    if not (usage.reasoning_tokens or usage.output_audio_tokens):
        return (usage.output_tokens or 0) * rates.output
    reasoning, audio = usage.reasoning_tokens or 0, usage.output_audio_tokens or 0
    plain = max(0, (usage.output_tokens or 0) - reasoning - audio)
    return plain * rates.output + reasoning * rates.reasoning + audio * rates.output_audio


@lru_cache(maxsize=4096)
def _price_list(provider: str | None, name: str, quarter: int) -> _PriceList | None:
    """Return the prices of a model at some quarter of an hour; `None` where they are unknown."""
    provider = _PROVIDERS.get(provider, provider) if provider is not None else None
    name = name.removeprefix("models/")  # Google's API names its models so
    when = datetime.fromtimestamp(quarter * (_QUARTER_HOUR // _NS), UTC)
    if (own := own_prices(provider, name)) is not None:
        return _PriceList((), (_own_rates(own),))
    try:
        return _probed(provider, name, when)
    except LookupError:
        return None
    except Exception:  # noqa: BLE001 - a price is never worth a fold; the library's data is not ours to trust
        _log.debug("no price for %s %s", provider, name, exc_info=True)
        return None


def _own_rates(prices: Mapping[str, float]) -> _Rates:
    rate = {kind: price / 1e6 for kind, price in prices.items()}
    given, made = rate["input"], rate.get("output", 0.0)
    created = rate.get("cache_creation", given)
    return _Rates(
        request=0.0,
        input=given,
        cache_read=rate.get("cache_read", given),
        cache_creation=created,
        cache_creation_1h=created,
        input_audio=given,
        output=made,
        reasoning=made,
        output_audio=made,
    )


def _probed(provider: str | None, name: str, when: datetime) -> _PriceList:
    """Ask genai-prices for the price of each class of token, once.

    It takes 0.1 ms a question, too long for every model call of a fold, but its prices are linear
    between thresholds of the input size.

    Raises:
        LookupError: the provider, the model or its price per token is unknown.
    """
    from genai_prices import Usage, calc_price  # noqa: PLC0415 - a quarter of a second, and not always wanted

    known = signature(Usage).parameters  # older ones know neither reasoning nor writes that last an hour
    any_kind = any(one.kind is Parameter.VAR_KEYWORD for one in known.values())

    def dollars(**tokens: int) -> Decimal:
        usage = Usage(**{kind: count for kind, count in tokens.items() if any_kind or kind in known})
        return calc_price(usage, name, provider_id=provider, genai_request_timestamp=when).total_price

    price = calc_price(Usage(), name, provider_id=provider, genai_request_timestamp=when).model_price
    if price.input_mtok is None:
        raise LookupError(f"{name} is not sold by the token")
    thresholds = _thresholds(vars(price).values())
    sizes = (*thresholds, thresholds[-1] + _PROBE) if thresholds else (_PROBE,)
    return _PriceList(thresholds, tuple(_rates(dollars, size) for size in sizes))


def _thresholds(prices: Iterable[Any]) -> tuple[int, ...]:
    """Return the input sizes above which another price applies, ascending."""
    return tuple(sorted({tier.start for price in prices for tier in getattr(price, "tiers", ())} - {0}))


def _rates(dollars: Callable[..., Decimal], size: int) -> _Rates:
    """Return the rates for an input of *size* tokens."""
    request = dollars()
    input_only = dollars(input_tokens=size)

    def per_input(*kinds: str) -> float:
        return float((dollars(input_tokens=size, **dict.fromkeys(kinds, size)) - request) / size)

    def per_output(**kind: int) -> float:
        return float((dollars(input_tokens=size, output_tokens=_PROBE, **kind) - input_only) / _PROBE)

    return _Rates(
        request=float(request),
        input=float((input_only - request) / size),
        cache_read=per_input("cache_read_tokens"),
        cache_creation=per_input("cache_write_tokens"),
        cache_creation_1h=per_input("cache_write_tokens", "cache_write_1h_tokens"),
        input_audio=per_input("input_audio_tokens"),
        output=per_output(),
        reasoning=per_output(output_reasoning_tokens=_PROBE),
        output_audio=per_output(output_audio_tokens=_PROBE),
    )
