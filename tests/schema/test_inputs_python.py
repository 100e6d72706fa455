"""Python types as schemas, with the real pydantic: what a model writes is in the language, what is in it is read."""

from __future__ import annotations

import dataclasses
import enum
import ipaddress
import re
import subprocess
import sys
import uuid
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, Optional, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pydantic = pytest.importorskip("pydantic")

from typing import NotRequired, Required  # noqa: E402

from pydantic import (  # noqa: E402
    UUID4,
    AliasChoices,
    AliasPath,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    Json,
    NaiveDatetime,
    PastDate,
    RootModel,
    SecretStr,
    StringConstraints,
    TypeAdapter,
)  # fmt: skip
from typing_extensions import TypedDict  # noqa: E402

import constrain  # noqa: E402
from constrain.errors import InvalidSchema, InvalidText, UnsupportedFeature  # noqa: E402
from tests.schema.walks import texts  # noqa: E402

CHECKS = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10


class Mixed(enum.Enum):
    NOTHING = None
    HALF = 0.5
    WORD = "word"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(default=9, ge=1, le=9)


class Dog(BaseModel):
    model_config = ConfigDict(validate_by_name=False, validate_by_alias=True)
    kind: Literal["dog", "wolf"]
    name: str = Field(alias="dogName", min_length=1, max_length=5)


class Owner(BaseModel):
    """Somebody with pets."""

    model_config = ConfigDict(extra="forbid")
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = Field(max_length=3)
    best: Cat | None = None


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


class Ids(RootModel[list[int]]):
    pass


class Free(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]
    a: str


T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    content: T
    note: str | None = None


@dataclasses.dataclass
class Point:
    x: int
    y: Optional[float] = None  # noqa: UP045
    tags: list[str] = dataclasses.field(default_factory=list)


class Film(TypedDict, total=False):
    title: Required[str]
    year: int


class Book(TypedDict):
    title: str
    pages: NotRequired[Annotated[int, Field(gt=0)]]


class Pair(NamedTuple):
    left: int
    right: str = "x"


small = st.integers(-(10**6), 10**6)
words = st.text(max_size=8)
cats = st.builds(Cat, kind=st.just("cat"), lives=st.integers(1, 9))
dogs = st.builds(Dog, kind=st.sampled_from(["dog", "wolf"]), dogName=st.text(min_size=1, max_size=5))
trees = st.recursive(
    st.builds(Tree, value=small), lambda inner: st.builds(Tree, value=small, children=st.lists(inner, max_size=2))
)
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
finite = st.floats(allow_nan=False, allow_infinity=False)


def money(places: int, most: int) -> st.SearchStrategy[Decimal]:
    return st.integers(-most, most).map(lambda n: Decimal(n).scaleb(-places))


CASES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "model": (Owner, st.builds(Owner, pets=st.lists(cats | dogs, max_size=3), best=st.none() | cats)),
    "recursive": (Tree, trees),
    "root": (Ids, st.lists(small).map(Ids)),
    "typed extras": (Free, st.builds(Free, a=words, b=small)),
    "generic": (Box[Annotated[int, Field(multiple_of=5)]], st.integers(-99, 99).map(lambda n: Box(content=5 * n))),
    "dataclass": (Point, st.builds(Point, small, st.none() | finite, st.lists(words, max_size=3))),
    "TypedDict, not total": (Film, words.map(lambda t: {"title": t}) | small.map(lambda y: {"title": "", "year": y})),
    "TypedDict": (Book, st.integers(1, 10**9).map(lambda n: {"title": "", "pages": n})),
    "NamedTuple": (Pair, st.builds(Pair, small, words)),
    "adapter": (TypeAdapter(list[Cat]), st.lists(cats, max_size=2)),
    "enum": (Color, st.sampled_from(Color)),
    "enum of integers": (Level, st.sampled_from(Level)),
    "enum of values": (Mixed, st.sampled_from(Mixed)),
    "literal": (Literal["a", 1, None, True], st.sampled_from(["a", 1, None, True])),
    "union": (int | str | list[bool], small | words | st.lists(st.booleans())),
    "optional": (Optional[int], st.none() | small),  # noqa: UP045
    "tuple": (tuple[int, str], st.tuples(small, words)),
    "long tuple": (tuple[int, ...], st.lists(small).map(tuple)),
    "dict": (dict[str, int], st.dictionaries(words, small, max_size=3)),
    "dict of enum": (dict[Color, int], st.dictionaries(st.sampled_from(Color), small)),
    "dict of integers": (dict[int, bool], st.dictionaries(small, st.booleans(), max_size=3)),
    "dict of patterns": (
        dict[Annotated[str, Field(pattern="^[a-c]+$")], int],
        st.dictionaries(st.text("abc", min_size=1, max_size=4), small, max_size=3),
    ),
    "any": (Any, st.none() | small | words),
    "integer": (Annotated[int, Field(gt=-5, le=1000, multiple_of=5)], st.sampled_from(range(0, 1001, 5))),
    "float": (float, finite),
    "bounded float": (Annotated[float, Field(gt=0, lt=0.1)], st.floats(0, 0.1, exclude_min=True, exclude_max=True)),
    "finite float": (Annotated[float, Field(allow_inf_nan=False)], finite),
    "decimal": (Decimal, money(3, 10**9)),
    "price": (Annotated[Decimal, Field(ge=0, max_digits=7, decimal_places=2)], money(2, 10**7 - 1).map(abs)),
    "bounded decimal": (
        Annotated[Decimal, Field(gt=Decimal("-10.5"), le=Decimal("99.95"))],
        st.integers(-10499, 99950).map(lambda n: Decimal(n).scaleb(-3)),
    ),
    "digits": (Annotated[Decimal, Field(max_digits=3)], money(0, 999) | money(2, 999) | money(3, 999)),
    "string": (Annotated[str, StringConstraints(min_length=2, max_length=4)], st.text(min_size=2, max_size=4)),
    "stripped": (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)],
        st.text(min_size=1, max_size=5).filter(lambda s: s == TypeAdapter(
            Annotated[str, StringConstraints(strip_whitespace=True)]).validate_python(s)),
    ),
    "pattern of Rust": (
        Annotated[str, Field(pattern=r"^\d{2,4}[^\s\d]\S$")],
        st.from_regex(r"\A\d{2,4}[a-z][a-zé]\Z"),
    ),
    "pattern of re": (Annotated[str, Field(pattern=re.compile(r"^[a-f]\d+$"))], st.from_regex(r"\A[a-f]\d{1,3}\Z")),
    "datetime": (datetime, st.datetimes(timezones=st.none() | offsets)),
    "aware": (AwareDatetime, st.datetimes(timezones=offsets)),
    "naive": (NaiveDatetime, st.datetimes()),
    "date": (date, st.dates()),
    "time": (time, st.times()),
    "timedelta": (timedelta, st.timedeltas(timedelta(days=-(10**8)), timedelta(days=10**8))),
    "uuid": (uuid.UUID, st.uuids()),
    "uuid4": (UUID4, st.uuids(version=4)),
    "bytes": (bytes, words.map(str.encode)),
    "url": (
        HttpUrl,
        st.sampled_from(["https://example.com/a?b=%20#c", "http://127.0.0.1:80/", "https://a:b@x-y.org/~z"]).map(HttpUrl),
    ),
    "address": (ipaddress.IPv4Address, st.ip_addresses(v=4)),
    "address 6": (ipaddress.IPv6Address, st.ip_addresses(v=6)),
    "path": (Path, st.sampled_from(["a/b.txt", ".", "/"]).map(Path)),
    "secret": (SecretStr, st.just(SecretStr(""))),
}  # fmt: skip


def adapter_of(annotation: Any) -> Any:
    return annotation if isinstance(annotation, TypeAdapter) else TypeAdapter(annotation)


@pytest.mark.parametrize("name", CASES)
def test_what_the_model_writes_is_in_the_language(name: str) -> None:
    annotation, values = CASES[name]
    adapter, c = adapter_of(annotation), constrain.json(annotation)

    @CHECKS
    @given(values)
    def check(value: Any) -> None:
        text = adapter.dump_json(value, by_alias=True).decode()
        assert c.explain(text) is None, text
        if name != "secret":
            again = c.parse(text)
            assert again == value or name in ("literal", "typed extras"), (text, again)
            assert type(again) is type(value) or name in ("literal", "path", "generic", "float"), (text, again)

    check()


@pytest.mark.parametrize("name", CASES)
def test_what_is_in_the_language_the_model_reads(name: str) -> None:
    annotation, _ = CASES[name]
    adapter, c = adapter_of(annotation), constrain.json(annotation, whitespace="compact")
    for text in texts(c, seed=len(name), n=12):
        adapter.validate_json(text)
        c.parse(text)


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        (Annotated[float, Field(gt=0.1)], ["0.10000000000000002", "1"], ["0.1", "0.10000000000000000001"]),
        (Annotated[float, Field(lt=0)], ["-5e-324", "-1e-300"], ["0", "-1e-400"]),
        (Annotated[float, Field(allow_inf_nan=False)], ["1e308", "-1.7976931348623157e308"], ["1e309", "-2e308"]),
        (Annotated[Decimal, Field(gt=Decimal("0.1"))], ["0.2", '"0.10000000000000000001"'],
         ["0.1", "0.10000000000000000001", '"0.100"']),
        (Annotated[Decimal, Field(ge=Decimal("0.123456789012345651"))], ['"0.123456789012345651"', "0.13"],
         ["0.123456789012345651", '"0.12345678901234565"']),
        (Annotated[Decimal, Field(max_digits=20, decimal_places=2)], ["12345678901234567", '"999999999999999999.99"'],
         ["999999999999999999.99", '"9999999999999999999"']),
        (Annotated[Decimal, Field(multiple_of=Decimal("0.3"))], ["0.9", "300", "0"], ["0.2", "12345678901234567.2"]),
        (Annotated[Decimal, Field(max_digits=2, decimal_places=2)], ["0.25", '"0.25"', '"0.0"'], ["0", '"0"', "1"]),
        (Decimal, ["1e308", '"1.50"'], ["1e309", '"1e5"', '"NaN"']),
    ],
)  # fmt: skip
def test_numbers_at_the_edge(annotation: Any, good: list[str], bad: list[str]) -> None:
    """What pydantic refuses there, after rounding, is not in the language; what it reads may be left out by name."""
    adapter, c = TypeAdapter(annotation), constrain.json(annotation)
    assert [c.matches(text) for text in good + bad] == [True] * len(good) + [False] * len(bad)
    for text in good:
        adapter.validate_json(text)
    with pytest.raises(ValueError, match="canonical"):
        constrain.json(annotation, numbers="any")


def test_members_that_are_ignored() -> None:
    """The default: what a class ignores is not written; extra="ignore": it is, as pydantic has it."""
    extra = '{"kind": "cat", "more": 1}'
    assert not constrain.json(Cat).matches(extra)
    c = constrain.json(Cat, extra="ignore")
    assert c.parse(extra) == Cat(kind="cat")
    assert not constrain.json(Owner, extra="ignore").matches('{"pets": [], "more": 1}')
    with pytest.raises(ValueError, match="extra"):
        constrain.json(Cat, extra="allow")


def test_options_of_json_schema_hold() -> None:
    assert constrain.json(Point, whitespace="compact", property_order="any").matches('{"y":null,"x":1}')
    with pytest.raises(ValueError, match="draft"):
        constrain.json(Point, draft="7")


def test_values_of_the_types() -> None:
    assert constrain.json(Color).parse('"red"') is Color.RED
    assert constrain.json(Level).parse("10") is Level.HIGH
    assert constrain.json(Point).parse('{"x": 1, "tags": ["a"]}') == Point(1, None, ["a"])
    assert constrain.json(Book).parse('{"title": "x"}') == {"title": "x"}
    assert constrain.json(list[Cat]).parse('[{"kind": "cat"}]') == [Cat(kind="cat")]


def test_sets() -> None:
    try:
        constrain.json({"type": "array", "uniqueItems": True, "items": {"type": "integer"}})
    except UnsupportedFeature:
        with pytest.raises(UnsupportedFeature):
            constrain.json(set[int])
        return
    c = constrain.json(set[int])
    assert c.parse("[1, 2]") == {1, 2} and not c.matches("[1, 1]")


def test_aliases() -> None:
    class M(BaseModel):
        a: int = Field(validation_alias=AliasChoices("first", "second"))

    assert constrain.json(M).parse('{"first": 1}').a == 1
    assert not constrain.json(M).matches('{"a": 1}')

    class N(BaseModel):
        inner: int = Field(validation_alias=AliasPath("outer", 0))

    with pytest.raises(UnsupportedFeature) as caught:
        constrain.json(N)
    assert (caught.value.pointer, caught.value.keyword) == ("/properties/inner", "validation_alias")


@pytest.mark.parametrize(
    ("annotation", "keyword"),
    [
        (Annotated[date, Field(ge=date(2020, 1, 1))], "ge"),
        (PastDate, "now_op"),
        (Json[int], "contentSchema"),
        (type[int], "type"),
        (Annotated[bytes, Field(max_length=3)], "max_length"),
        (Annotated[str, Field(pattern=re.compile("a", re.IGNORECASE))], "pattern"),
        (Annotated[str, Field(pattern="(?i)a")], "pattern"),
        (Annotated[str, Field(pattern="[a-z&&[^b]]")], "pattern"),
        (dict[float, int], "propertyNames"),
        (pydantic.FilePath, "format"),
        (pydantic.IPvAnyNetwork, "format"),
        (pydantic.PostgresDsn, "format"),
    ],
)
def test_refused(annotation: Any, keyword: str) -> None:
    """What pydantic checks and a schema can't say is refused, with its place."""

    class M(BaseModel):
        fine: int
        a: list[annotation]  # type: ignore[valid-type]

    with pytest.raises(UnsupportedFeature) as caught:
        constrain.json(M)
    assert caught.value.keyword == keyword
    assert (caught.value.pointer or "").startswith("/properties/a/items")


def test_formats_that_nobody_knows_can_be_allowed() -> None:
    annotation = Annotated[str, Field(json_schema_extra={"format": "shade"})]
    with pytest.raises(UnsupportedFeature) as caught:
        constrain.json(annotation)
    assert caught.value.hint is not None and "unknown_formats" in caught.value.hint
    assert constrain.json(annotation, unknown_formats="annotate").parse('"x"') == "x"


def test_no_schema() -> None:
    with pytest.raises(InvalidSchema):
        constrain.json("list[int]")

    class Odd:
        pass

    with pytest.raises((InvalidSchema, UnsupportedFeature)):
        constrain.json(Odd)
    with pytest.raises(InvalidSchema):
        constrain.json(list["Nowhere"])  # type: ignore[name-defined]  # noqa: F821


def test_a_validator_in_python_speaks_when_the_text_is_parsed() -> None:
    def odd(value: int) -> int:
        if value % 2 == 0:
            raise ValueError("not odd")
        return value

    c = constrain.json(Annotated[int, pydantic.AfterValidator(odd)])
    assert c.parse("3") == 3
    with pytest.raises(InvalidText, match="not odd"):
        c.parse("4")


def test_without_pydantic() -> None:
    code = """
import sys
sys.modules["pydantic"] = None
import constrain
assert constrain.json({"type": "integer"}).parse("1") == 1
try:
    constrain.json(list[int])
except ImportError as error:
    assert "constrain-decoding[pydantic]" in str(error)
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
