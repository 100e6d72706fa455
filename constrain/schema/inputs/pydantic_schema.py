"""pydantic's JSON Schema generator, made exact: what it leaves open is closed, written as a pattern, or refused.

What comes out holds only texts that pydantic validates, up to functions in Python (validators), which nobody can see
into, and to the rounding of numbers to doubles. Imports pydantic: load it when it is needed.
"""

from __future__ import annotations

import math
import re
import sys
from decimal import Decimal
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from constrain.errors import UnsupportedFeature
from constrain.explain.words import OWN_WORDS
from constrain.schema.inputs import decimals, spellings
from constrain.schema.inputs.patterns import to_ecma
from constrain.schema.inputs.python import REFUSED

Json = dict[str, Any]
MOST = sys.float_info.max
SAFE = sys.float_info.dig  # decimal digits that a double keeps
_BOUNDS = ("gt", "ge", "lt", "le")


def refused(keyword: str, reason: str, hint: str = "") -> Json:
    """A schema that `schema_of` turns into an UnsupportedFeature, with its place."""
    return {REFUSED: [keyword, reason, hint]}


def text(pattern: str, words: str) -> Json:
    """The strings that match. words: what they are, for explanations."""
    return {"type": "string", "pattern": pattern, OWN_WORDS: {"pattern": words}}


class Open(GenerateJsonSchema):
    """Classes that ignore members they do not know allow them."""

    closed = False
    ignored_warning_kinds = {"non-serializable-default", "skipped-choice"}  # noqa: RUF012  (as the base has it)

    def _setting(self, name: str, default: Any = None) -> Any:
        """What the configuration of the model at hand says."""
        found = getattr(self._config, "config_dict", {}).get(name)
        return default if found is None else found

    # Classes ---------------------------------------------------------------------------------------------------------

    def _shut(self, made: Json) -> Json:
        """No further members, unless the class says what becomes of them."""
        if self.closed and "properties" in made and "additionalProperties" not in made:
            made["additionalProperties"] = False
        return made

    def model_schema(self, schema: Any) -> Json:
        return self._shut(super().model_schema(schema))

    def dataclass_schema(self, schema: Any) -> Json:
        return self._shut(super().dataclass_schema(schema))

    def typed_dict_schema(self, schema: Any) -> Json:
        return self._shut(super().typed_dict_schema(schema))

    def model_field_schema(self, schema: Any) -> Json:
        return _path_alias(schema) or super().model_field_schema(schema)

    def dataclass_field_schema(self, schema: Any) -> Json:
        return _path_alias(schema) or super().dataclass_field_schema(schema)

    def typed_dict_field_schema(self, schema: Any) -> Json:
        return _path_alias(schema) or super().typed_dict_field_schema(schema)

    # Types without a schema ------------------------------------------------------------------------------------------

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Json:
        return refused("type", f"{error_info} can't be read from JSON", "Leave the field out, or give it another type")

    def callable_schema(self, schema: Any) -> Json:
        return self.handle_invalid_for_json_schema(schema, "a callable")

    def is_subclass_schema(self, schema: Any) -> Json:
        return self.handle_invalid_for_json_schema(schema, "a class")

    def json_schema(self, schema: Any) -> Json:
        return refused("contentSchema", "JSON inside a JSON string can't be enforced", "Nest the value itself")

    # Numbers ---------------------------------------------------------------------------------------------------------

    def float_schema(self, schema: Any) -> Json:
        """Open ends are closed at the next double: a text between would be rounded to the end, and refused."""
        made = super().float_schema(schema)
        for keyword, bound, direction in (
            ("exclusiveMinimum", "minimum", math.inf),
            ("exclusiveMaximum", "maximum", -math.inf),
        ):
            end = made.get(keyword)
            if isinstance(end, (int, float)) and math.isfinite(end):
                next_one = math.nextafter(float(end), direction)
                if math.isfinite(next_one) and bound not in made:
                    del made[keyword]
                    made[bound] = next_one
                    word = "above" if bound == "minimum" else "below"
                    made[OWN_WORDS] = made.get(OWN_WORDS, {}) | {bound: f"a number {word} {end}"}
        if not schema.get("allow_inf_nan", self._setting("allow_inf_nan", True)):
            made.setdefault("minimum", -MOST)
            made.setdefault("maximum", MOST)
        return made

    def decimal_schema(self, schema: Any) -> Json:
        """A number, or a string without exponent. With a multiple: a number of at most 15 digits.

        pydantic reads a number with a point or exponent as a double, and makes a decimal of what that is written as. So
        the bounds of numbers are doubles within those given, and only so many digits are taken as a double keeps.
        """
        ends: dict[str, Decimal] = {k: _decimal(schema[k]) for k in _BOUNDS if schema.get(k) is not None}
        digits, places, step = (schema.get(k) for k in ("max_digits", "decimal_places", "multiple_of"))
        lo, lo_open = _tighter(ends, "ge", "gt", max)
        hi, hi_open = _tighter(ends, "le", "lt", min)
        numbers: Json = {
            "type": "number",
            "minimum": Decimal(repr(-MOST if lo is None else _double(lo, lo_open, math.inf))),
            "maximum": Decimal(repr(MOST if hi is None else _double(hi, hi_open, -math.inf))),
        }
        extra: list[Json] = []
        if step is not None:
            fine = max(-int(_decimal(step).normalize().as_tuple().exponent), 0)
            most = Decimal(1).scaleb(max(SAFE - fine, 0))
            extra.append({"multipleOf": _decimal(step), "exclusiveMinimum": -most, "exclusiveMaximum": most})
        if digits is not None or places is not None:
            fine = min(places or 0, digits if digits is not None else places or 0)
            extra.append({"multipleOf": Decimal(1).scaleb(-fine if digits is None or digits <= SAFE else 0)})
        if digits is not None:
            most = Decimal(1).scaleb(max(digits - (places or 0), 0))
            extra.append({"exclusiveMinimum": -most, "exclusiveMaximum": most})
        if decimals.no_zero(digits, places):
            extra.append({"not": {"const": 0}})
        if extra:
            numbers["allOf"] = extra
        if step is not None:
            return numbers
        if digits is not None and digits > 100:
            return refused("max_digits", "so many digits can't be counted", "Leave `max_digits` out")
        pattern = decimals.pattern(lo, hi, lo_open, hi_open, digits, places)
        if pattern is None:
            return numbers
        return {"anyOf": [numbers, text(pattern, "a decimal number within the bounds, as a string")]}

    # Strings ---------------------------------------------------------------------------------------------------------

    def str_schema(self, schema: Any) -> Json:
        """The pattern is read by its own dialect; strings that would be stripped are written as they are after it."""
        made: Json = {"type": "string"}
        for keyword, name in (("minLength", "min_length"), ("maxLength", "max_length")):
            bound = schema.get(name, self._setting(f"str_{name}"))
            if bound is not None and not (keyword == "minLength" and bound == 0):
                made[keyword] = bound
        patterns = []
        given = schema.get("pattern")
        if given is not None:
            compiled = isinstance(given, re.Pattern)
            if compiled and given.flags & ~re.UNICODE:
                return refused("pattern", "flags of a pattern can't be enforced", "Write the pattern without flags")
            python = compiled or schema.get("regex_engine", self._setting("regex_engine")) == "python-re"
            try:
                patterns.append(to_ecma(given.pattern if compiled else given, python))
            except UnsupportedFeature as error:
                return refused("pattern", error.reason, error.hint or "")
        if schema.get("strip_whitespace", self._setting("str_strip_whitespace")):
            space = to_ecma(r"\s")
            patterns.append(f"^(?!{space})(?:[^]*{to_ecma('[^' + chr(92) + 's]')})?$")
        if patterns:
            made["pattern"] = patterns[0]
            shown = given.pattern if isinstance(given, re.Pattern) else given
            words = "a string without whitespace around it" if given is None else f"a string that matches {shown}"
            made[OWN_WORDS] = {"pattern": words}
        if len(patterns) > 1:
            made["allOf"] = [{"pattern": p} for p in patterns[1:]]
        return made

    def bytes_schema(self, schema: Any) -> Json:
        lo, hi = schema.get("min_length") or 0, schema.get("max_length")
        form = self._setting("val_json_bytes", "utf8")
        if form == "hex":
            return text(spellings.hexadecimal(lo, hi), "bytes as hexadecimal digits")
        if lo > 1 or hi is not None:
            return refused("max_length" if hi is not None else "min_length", "bytes can't be counted in characters")
        if form == "base64":
            made = text(spellings.whole(spellings.BASE64URL), "bytes in Base64")
        else:
            made = {"type": "string"}
        return made | ({"minLength": 1} if lo else {})

    def uuid_schema(self, schema: Any) -> Json:
        made: Json = {"type": "string", "format": "uuid"}
        if schema.get("version"):
            made["pattern"] = spellings.uuid(schema["version"])
        return made

    def url_schema(self, schema: Any) -> Json:
        made = text(spellings.url(schema.get("allowed_schemes")), _url_words(schema))
        if schema.get("max_length") is not None:
            made["maxLength"] = schema["max_length"]
        return made

    # Times -----------------------------------------------------------------------------------------------------------

    def date_schema(self, schema: Any) -> Json:
        return _bounded(schema) or text(spellings.whole(spellings.DATE), "a date, as in 2024-02-29")

    def time_schema(self, schema: Any) -> Json:
        return _bounded(schema) or _zoned(schema, False)

    def datetime_schema(self, schema: Any) -> Json:
        return _bounded(schema) or _zoned(schema, True)

    def timedelta_schema(self, schema: Any) -> Json:
        return _bounded(schema) or text(spellings.whole(spellings.DURATION), "a duration, as in P1DT2H3M4.5S")

    # Mappings --------------------------------------------------------------------------------------------------------

    def dict_schema(self, schema: Any) -> Json:
        made: Json = {"type": "object"}
        if "values_schema" in schema:
            made["additionalProperties"] = self.generate_inner(schema["values_schema"])
        names = self._names(schema.get("keys_schema", {"type": "any"}))
        if names:
            made["propertyNames"] = names
        for keyword, name in (("minProperties", "min_length"), ("maxProperties", "max_length")):
            if schema.get(name) is not None:
                made[keyword] = schema[name]
        return made

    frozendict_schema = ordered_dict_schema = counter_schema = dict_schema

    def _names(self, keys: Any) -> Json:
        """The schema of the names of members, for keys of this type."""
        kind = keys["type"]
        if kind == "any":
            return {}
        if kind == "int":
            if any(keys.get(k) is not None for k in (*_BOUNDS, "multiple_of")):
                return refused("propertyNames", "bounds of keys that are integers can't be enforced")
            return text(r"^(?:0|-?[1-9]\d*)$", "an integer")
        if kind in ("function-after", "function-before", "function-wrap"):
            return self._names(keys["schema"])
        plain = kind in ("str", "uuid", "url", "date", "datetime", "time", "timedelta", "bytes")
        if kind == "literal":
            plain = all(isinstance(getattr(v, "value", v), str) for v in keys["expected"])
        elif kind == "enum":
            plain = all(isinstance(v.value, str) for v in keys["members"])
        if not plain:
            hint = "Use strings, integers, or an enum or Literal of strings"
            return refused("propertyNames", f"keys of the type {kind!r} can't be enforced", hint)
        made = self.generate_inner(keys)
        return {} if made == {"type": "string"} else made


class Closed(Open):
    """Classes that would ignore members they do not know have none."""

    closed = True


def generator(closed: bool) -> type[GenerateJsonSchema]:
    """The generator to use."""
    return Closed if closed else Open


def _path_alias(field: Any) -> Json | None:
    """A refusal where the value is found by a path only, which is no property."""
    alias = field.get("validation_alias")
    if not isinstance(alias, list) or not alias:
        return None
    paths = alias if isinstance(alias[0], list) else [alias]
    if any(len(path) == 1 and isinstance(path[0], str) for path in paths):
        return None
    return refused("validation_alias", "an alias that is a path into other values can't be enforced", "Use a name")


def _bounded(schema: Any) -> Json | None:
    """A refusal of bounds that depend on the clock or on the order of times."""
    for name in (*_BOUNDS, "now_op"):
        if schema.get(name) is not None:
            what = "a bound that moves with the clock" if name == "now_op" else "bounds of dates and times"
            return refused(name, f"{what} can't be enforced", "Check it after parsing")
    return None


def _zoned(schema: Any, date: bool) -> Json:
    wanted = schema.get("tz_constraint")
    if isinstance(wanted, int):
        return refused("tz_constraint", "a fixed offset can't be enforced")
    zone = {"aware": True, "naive": False}.get(wanted)
    words = "a date and time, as in 2024-02-29T12:00:00" if date else "a time, as in 12:00:00"
    words += {True: "Z, with an offset", False: ", without an offset", None: ""}[zone]
    return text(spellings.moment(date, zone), words)


def _url_words(schema: Any) -> str:
    schemes = schema.get("allowed_schemes")
    return "a URL with a host" + (f" and the scheme {' or '.join(schemes)}" if schemes else "")


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value))


def _double(end: Decimal, is_open: bool, inwards: float) -> float:
    """The first double, as it is written, that a bound allows."""
    at = max(min(float(end), MOST), -MOST)
    while (Decimal(repr(at)) - end) * (1 if inwards > 0 else -1) < 0 or (is_open and Decimal(repr(at)) == end):
        after = math.nextafter(at, inwards)
        if not math.isfinite(after):
            break
        at = after
    return at


def _tighter(ends: dict[str, Decimal], closed: str, opened: str, choose: Any) -> tuple[Decimal | None, bool]:
    """The tighter one of two bounds, and whether it is open."""
    chosen = [ends[k] for k in (closed, opened) if k in ends]
    if not chosen:
        return None, False
    end = choose(chosen)
    return end, ends.get(opened) == end
