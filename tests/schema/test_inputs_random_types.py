"""Random Python types: what pydantic writes for their values is in the language, and what is in it pydantic reads."""

from __future__ import annotations

import dataclasses
import enum
import warnings
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pydantic = pytest.importorskip("pydantic")

from pydantic import ConfigDict, Field, RootModel, TypeAdapter, create_model  # noqa: E402
from typing_extensions import TypedDict  # noqa: E402

import constrain  # noqa: E402
from tests.schema.walks import texts  # noqa: E402

Kind = tuple[Any, st.SearchStrategy[Any]]  # an annotation, and values of it
NAMES = ["a", "b", "ab", "é", "x_y"]
Shade = enum.Enum("Shade", {"LIGHT": "light", "DARK": "dark"})


@st.composite
def leaves(draw: st.DrawFn) -> Kind:
    lo = draw(st.integers(-20, 20))
    hi = lo + draw(st.integers(0, 30))
    return draw(
        st.sampled_from(
            [
                (int, st.integers(-(10**9), 10**9)),
                (Annotated[int, Field(ge=lo, le=hi)], st.integers(lo, hi)),
                (Annotated[float, Field(gt=lo)], st.floats(lo, 1e300, exclude_min=True)),
                (Annotated[Decimal, Field(ge=lo, le=hi, decimal_places=2)],
                 st.integers(100 * lo, 100 * hi).map(lambda n: Decimal(n).scaleb(-2))),
                (bool, st.booleans()),
                (type(None), st.none()),
                (str, st.text(max_size=4)),
                (Annotated[str, Field(min_length=1, max_length=3)], st.text(min_size=1, max_size=3)),
                (Annotated[str, Field(pattern=r"^[a-c]+\d?$")], st.from_regex(r"\A[a-c]+[0-9]?\Z")),
                (date, st.dates()),
                (Literal["a", "b", 3], st.sampled_from(["a", "b", 3])),
                (Shade, st.sampled_from(Shade)),
            ]
        )
    )  # fmt: skip


@st.composite
def classes(draw: st.DrawFn, inner: st.SearchStrategy[Kind]) -> Kind:
    """A model, dataclass or TypedDict with random fields."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
    kinds = [draw(inner) for _ in names]
    form = draw(st.sampled_from(["model", "model", "dataclass", "TypedDict"]))
    values = {name: strategy for name, (_, strategy) in zip(names, kinds, strict=True)}
    if form == "TypedDict":
        total = draw(st.booleans())
        made: Any = TypedDict("Made", dict(zip(names, [a for a, _ in kinds], strict=True)), total=total)  # type: ignore[misc]
        return made, st.fixed_dictionaries(values)
    if form == "dataclass":
        made = dataclasses.make_dataclass("Made", [(name, a) for name, (a, _) in zip(names, kinds, strict=True)])
        return made, st.builds(made, **values)
    fields: dict[str, Any] = {}
    aliased = {}
    for i, (name, (annotation, _)) in enumerate(zip(names, kinds, strict=True)):
        alias = draw(st.sampled_from([None, None, f"other {i}"]))
        fields[name] = (annotation, Field(alias=alias)) if alias else (annotation, ...)
        aliased[alias or name] = values[name]
    extra = draw(st.sampled_from([None, "forbid", "ignore", "allow"]))
    made = create_model("Made", __config__=ConfigDict(extra=extra) if extra else None, **fields)
    return made, st.fixed_dictionaries(aliased).map(made.model_validate)


@st.composite
def containers(draw: st.DrawFn, inner: st.SearchStrategy[Kind]) -> Kind:
    form = draw(st.sampled_from(["list", "tuple", "dict", "optional", "union", "class", "class", "root"]))
    if form == "class":
        return draw(classes(inner))
    annotation, values = draw(inner)
    if form == "list":
        most = draw(st.none() | st.integers(0, 3))
        made = Annotated[list[annotation], Field(max_length=most)]  # type: ignore[valid-type]
        return made, st.lists(values, max_size=3 if most is None else most)
    if form == "dict":
        return dict[str, annotation], st.dictionaries(st.text("ab", max_size=3), values, max_size=2)  # type: ignore[valid-type]
    if form == "optional":
        return annotation | None, st.none() | values
    if form == "root":
        made = RootModel[annotation]  # type: ignore[valid-type]
        return made, values.map(made)
    other, more = draw(inner)
    if form == "tuple":
        return tuple[annotation, other], st.tuples(values, more)  # type: ignore[valid-type]
    return annotation | other if annotation is not other else annotation, values | more


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.recursive(leaves(), lambda inner: containers(inner), max_leaves=4), st.data(), st.integers(0, 10**6))
def test_random_types(kind: Kind, data: st.DataObject, seed: int) -> None:
    annotation, values = kind
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydantic warns of names and unions
        adapter: Any = TypeAdapter(annotation)
        c = constrain.json(annotation, whitespace="compact", property_order="any")
        for _ in range(3):
            text = adapter.dump_json(data.draw(values), by_alias=True).decode()
            assert c.explain(text) is None, text
        for text in texts(c, seed, 4, least=0):
            adapter.validate_json(text)
