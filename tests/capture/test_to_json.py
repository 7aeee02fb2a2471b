"""What becomes of every sort of value."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import queue
import threading
import types
import unittest.mock
import uuid

import msgspec
import numpy as np
import pydantic
import pydantic.v1
import pytest

from tracebus.capture import Capture, NotHandled, to_json

DEFAULT = Capture()


def json_of(value, **arguments):
    """Return the JSON of *value*, having checked that both encoders take it and give it back."""
    result, cuts = to_json(value, Capture(**arguments), "/inputs")
    assert msgspec.json.decode(msgspec.json.encode(result)) == result
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(result)) == result
    return result, [(cut.path, cut.reason, cut.size) for cut in cuts]


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Name(enum.StrEnum):
    ANNA = "anna"


class Place(pydantic.BaseModel):
    city: str
    password: pydantic.SecretStr = pydantic.SecretStr("hunter2")
    client: object = pydantic.Field(default="a connection", exclude=True)


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    a: int = 1


@dataclasses.dataclass
class Point:
    x: int
    y: list[int]


@dataclasses.dataclass(slots=True)
class Slotted:
    x: int
    unset: int = dataclasses.field(init=False)


class Struct(msgspec.Struct):
    a: int


Pair = collections.namedtuple("Pair", "left right")  # noqa: PYI024  # the untyped one is what must work too


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1, 1),
        (2**63, 2**63),
        (2**64, "18446744073709551616"),
        (-(2**63) - 1, "-9223372036854775809"),
        (1.5, 1.5),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        ("\ud800 lone", "\ufffd lone"),
        ("\ud83d\ude00 pair", "\U0001f600 pair"),
        ((1, 2), [1, 2]),
        ({1}, [1]),
        (frozenset([1]), [1]),
        (collections.deque([1, 2], maxlen=2), [1, 2]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.Counter("aa"), {"a": 2}),
        (collections.ChainMap({"a": 1}, {"b": 2}), {"b": 2, "a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (collections.UserDict(a=1), {"a": 1}),
        (collections.UserList([1]), [1]),
        (collections.UserString("abc"), "abc"),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        ({"a": 1}.items(), [["a", 1]]),
        (range(10**12), "range(0, 1000000000000)"),
        (Pair(1, 2), {"left": 1, "right": 2}),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Name.ANNA, "anna"),
        (dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC), "2026-01-02T03:04:00+00:00"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.time(3, 4), "03:04:00"),
        (dt.timedelta(seconds=61), "0:01:01"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (decimal.Decimal("1.10"), "1.10"),
        (decimal.Decimal("sNaN"), "sNaN"),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        (1 + 2j, "(1+2j)"),
        (Point(1, [2]), {"x": 1, "y": [2]}),
        (Struct(1), {"a": 1}),
        (Open(b=2), {"a": 1, "b": 2}),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), "NaN"),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(5), 5),
        (np.array([float("nan")]), ["NaN"]),
        (np.array([{"a": 1}], dtype=object), [{"a": 1}]),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (ValueError("no"), {"type": "ValueError", "message": "no"}),
        (int, "int"),
        (Point, "PLACE"),
        (json_of, "FUNCTION"),
        (print, "builtins.print"),
        ({None: 1, True: 2, 3: 3, 1.5: 4}, {"null": 1, "true": 2, "3": 3, "1.5": 4}),
        (
            {("a", 1): 1, Colour.RED: 2, b"x": 3, b"\xff": 4},
            {"('a', 1)": 1, "red": 2, "x": 3, "<1 bytes>": 4},
        ),
        ({"\ud800": 1}, {"\ufffd": 1}),
        ({1: "a", "1": "b"}, {"1": "a", "1 (2)": "b"}),
    ],
    ids=lambda value: repr(type(value).__name__),
)
def test_values_become_json(value, expected):
    """Every usual type has its JSON form, with nothing noted as cut."""
    if expected == "PLACE":
        expected = f"{Point.__module__}.Point"
    if expected == "FUNCTION":
        expected = f"{json_of.__module__}.json_of"
    assert json_of(value) == (expected, [])


def test_bytes_are_counted_not_shown():
    """Binary data is replaced by its size, and that is noted."""
    for value in (b"abc", bytearray(b"abc"), memoryview(b"abc")):
        assert json_of({"a": value}) == ({"a": "<3 bytes>"}, [("/inputs/a", "binary", 3)])


def test_an_integer_of_thousands_of_digits_does_not_raise():
    """Python refuses to print it; its size is told instead."""
    value, cuts = json_of([10**6_000, {10**6_000: 1}])
    assert value[0].startswith("<integer of ")
    assert len(value[1]) == 1
    assert cuts[0][:2] == ("/inputs/0", "length")


def test_models_are_read_without_running_their_serialisers():
    """A pydantic model's fields are read, its secrets and excluded fields are not."""
    value, cuts = json_of(Place(city="Oslo"))
    assert value == {"city": "Oslo", "password": "[redacted]"}
    assert cuts == [("/inputs/password", "redacted", None)]

    class Serialised(pydantic.BaseModel):
        a: int = 1

        @pydantic.model_serializer
        def serialise(self):
            raise RuntimeError

    assert json_of(Serialised()) == ({"a": 1}, [])


def test_objects_with_declared_fields_are_read_by_these():
    """Attrs classes (known by what attrs leaves on the class) and pydantic 1 models become objects."""

    class Attrs:
        __attrs_attrs__ = (types.SimpleNamespace(name="x"), types.SimpleNamespace(name="password"))

        def __init__(self):
            self.x, self.password, self.hidden = 1, "p", 2

    assert json_of(Attrs())[0] == {"x": 1, "password": "[redacted]"}

    class Old(pydantic.v1.BaseModel):
        x: int = 1
        token: pydantic.v1.SecretStr = pydantic.v1.SecretStr("t")
        plain: pydantic.v1.SecretStr = pydantic.v1.SecretStr("t")

    assert json_of(Old())[0] == {"x": 1, "token": "[redacted]", "plain": "[redacted]"}


def test_secrets_stay_hidden_under_any_name():
    """A SecretStr is hidden because of its type, whatever key it stands under."""
    value, _ = json_of({"harmless": pydantic.SecretStr("hunter2"), "bytes": pydantic.SecretBytes(b"hunter2")})
    assert value == {"harmless": "[redacted]", "bytes": "[redacted]"}


def test_an_unset_slot_costs_its_field_only():
    """A field that cannot be read is noted, the others are shown."""
    assert json_of(Slotted(1)) == (
        {"x": 1, "unset": "<unreadable>"},
        [("/inputs/unset", "unserialisable", None)],
    )


def test_iterators_are_never_consumed():
    """Generators, iterators, files and coroutines are shown, and still whole afterwards."""
    generator = (n for n in range(3))
    iterator = iter([1, 2])
    mapped = map(str, [1])

    async def work():
        return 1

    coroutine = work()
    value, cuts = json_of([generator, iterator, mapped, coroutine, threading.RLock(), queue.Queue()])
    coroutine.close()
    assert [text.startswith("<") for text in value] == [True] * 6
    assert "generator" in value[0]
    assert cuts == []
    assert (list(generator), list(iterator), list(mapped)) == ([0, 1, 2], [1, 2], ["1"])


def test_mocks_are_shown_not_walked():
    """An object that answers to every attribute is not mistaken for a model or an array."""
    value, _ = json_of([unittest.mock.MagicMock(name="m"), unittest.mock.Mock()])
    assert all("Mock" in text for text in value)


def test_cycles_are_cut_and_shared_parts_are_not():
    """A value inside itself is cut; one that merely occurs twice is shown twice."""
    shared = [1]
    looped = {"a": shared, "b": shared}
    looped["self"] = looped
    assert json_of(looped) == (
        {"a": [1], "b": [1], "self": "<cycle>"},
        [("/inputs/self", "cycle", None)],
    )
    point = Point(1, [])
    point.y.append(point)
    assert json_of(point) == ({"x": 1, "y": ["<cycle>"]}, [("/inputs/y/0", "cycle", None)])


def test_pointers_are_escaped():
    """RFC 6901: `~` and `/` in keys are escaped."""
    assert json_of({"a/b~c": b""})[1] == [("/inputs/a~1b~0c", "binary", 0)]


class Raising:
    """Raises from everything a caller may touch."""

    def __init__(self, error=RuntimeError):
        object.__setattr__(self, "error", error)

    def __getattribute__(self, name):
        raise object.__getattribute__(self, "error")(name)

    def _raise(self, *_):
        raise object.__getattribute__(self, "error")

    __repr__ = __str__ = __iter__ = __len__ = __eq__ = __hash__ = __bool__ = __getitem__ = _raise


class Panic(BaseException):
    """How extension modules written in Rust report a panic."""


@pytest.mark.parametrize(
    "error", [RuntimeError, RecursionError, MemoryError, StopIteration, Panic, GeneratorExit]
)
def test_hostile_objects_cost_themselves_only(error):
    """Whatever an object raises, its neighbours are shown and the cut is noted."""
    value, cuts = json_of({"before": 1, "bad": Raising(error), "after": [2]})
    assert value["before"] == 1
    assert value["after"] == [2]
    assert value["bad"].endswith("Raising>")
    assert cuts == [("/inputs/bad", "unserialisable", None)]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_interruptions_pass(interruption):
    """Ctrl-C is never swallowed."""
    with pytest.raises(interruption):
        to_json([Raising(interruption)], DEFAULT)


def test_a_class_property_that_raises_is_not_asked():
    """`isinstance` asks `__class__`, which may be anything; the type decides instead."""

    class Lying:
        @property
        def __class__(self):
            raise RuntimeError

        def __repr__(self):
            return "lying"

    assert json_of(Lying()) == ("lying", [])


def test_a_metaclass_that_raises_is_survived():
    """Even asking the type may run code that fails."""

    class Meta(type):
        def __getattribute__(cls, name):
            raise RuntimeError(name)

        def __hash__(cls):
            raise RuntimeError

        def __eq__(cls, other):
            raise RuntimeError

        def __instancecheck__(cls, other):
            raise RuntimeError

    class Thing(metaclass=Meta):
        pass

    value, _ = json_of({"a": Thing(), "b": Thing, "c": 1})
    assert value["c"] == 1


def test_string_subclasses_cannot_lie():
    """A `str` subclass gives its characters, whatever its methods say."""

    class Odd(str):
        __slots__ = ()

        def __str__(self):
            raise RuntimeError

        encode = isascii = __len__ = __getitem__ = __hash__ = __eq__ = __str__

    assert json_of([Odd("text")]) == (["text"], [])


def test_containers_that_lie_are_read_by_their_base_class():
    """Overridden methods of dict, list and set subclasses are not called."""

    class Liar:
        def _raise(self, *_):
            raise RuntimeError

        __iter__ = __len__ = __getitem__ = keys = items = values = copy = __repr__ = _raise

    class LyingDict(Liar, dict):
        pass

    class LyingList(Liar, list):
        pass

    class LyingSet(Liar, set):
        pass

    class LyingTuple(Liar, tuple):
        __slots__ = ()

    value = [LyingDict(a=1), LyingList([1]), LyingSet([1]), LyingTuple([1])]
    assert json_of(value) == ([{"a": 1}, [1], [1], [1]], [])


def test_a_mapping_that_fails_half_way_keeps_what_it_gave():
    """What was read before a failure is shown, and the failure noted."""

    class Failing(collections.abc.Mapping):
        def __iter__(self):
            yield "a"
            raise RuntimeError

        def __len__(self):
            return 2

        def __getitem__(self, key):
            return 1

    assert json_of(Failing()) == ({"a": 1}, [("/inputs", "unserialisable", 2)])


def test_containers_changed_by_another_thread_meanwhile_are_survived():
    """A `repr` that empties the container being walked does no harm."""
    state = {}

    class Clearing:
        def __repr__(self):
            state.clear()
            return "cleared"

    state.update(a=Clearing(), b=1)
    assert json_of(state) == ({"a": "cleared", "b": 1}, [])


def test_a_value_converting_into_itself_ends():
    """Wrapping hooks cannot lead in circles."""

    class Onion(enum.Enum):
        LAYER = object()

    def wrapped(value):
        return [value] if isinstance(value, Point) else NotHandled

    value, cuts = to_json(Point(1, []), DEFAULT, "/inputs", wrapped)
    assert value == ["<cycle>"]
    assert [cut.reason for cut in cuts] == ["cycle"]
    assert isinstance(json_of(Onion.LAYER)[0], str)

    def fresh(value):
        return Point(1, []) if isinstance(value, Point) else NotHandled

    value, _ = to_json(Point(1, []), DEFAULT, "/inputs", fresh)
    assert "Point" in value


def test_the_hook_is_asked_first_and_may_fail():
    """`convert` decides on foreign objects; where it raises, the generic form is used."""

    def convert(value):
        if isinstance(value, Point):
            return {"point": value.x, "nested": Struct(7)}
        raise RuntimeError

    assert to_json([Point(1, []), Struct(2)], DEFAULT, "", convert)[0] == [
        {"point": 1, "nested": {"a": 7}},
        {"a": 2},
    ]


def test_pandas_like_tables_are_read_without_importing_pandas():
    """A DataFrame becomes records, recognised by its type's name; of a long one only the head is converted."""

    class Head:
        def __getitem__(self, where):
            rows, columns = where
            assert rows.stop == columns.stop == 2
            return self

        def to_dict(self, orient):
            assert orient == "records"
            return [{"a": 1}, {"a": 2}]

    class DataFrame:
        __module__ = "pandas.core.frame"
        iloc = Head()

        def __len__(self):
            return 1_000_000

    assert json_of(DataFrame(), max_items=2) == (
        [{"a": 1}, {"a": 2}],
        [("/inputs", "items", 1_000_000)],
    )
