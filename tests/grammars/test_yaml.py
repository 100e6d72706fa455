"""The YAML grammar against PyYAML: what it reads is read there, as the same structure; dumps, mistakes, a list."""

from __future__ import annotations

import json
import random
import re
from importlib.resources import files
from typing import Any

import lark
import pytest
import yaml

from tests.grammars.reading import _parser, mistakes, reads

VALID = [
    'a: 1\nb:\n  - c: d e\n    f: "x"\n  - \'it\'\'s\'\ng:\n- h\n-\n- i: j\n  k:\n  - l\n',
    '# top\n---\nname: x # note\n\n# more\nlist: [1, two, \'three\', {a: b, "c":d}]\nempty: {}\ntext: |\n'
    '  line one\n    line two\n\n  line # three\nfolded: >-\n  a\n  b\nlast: ~\n',
    "- a\n- - b\n  - c\n-\n  d: e\n- f:\n    g: h\n    i: [\n      1, 2\n    ]\n- |\n  x\n",
    'version: \'3\'\nservices:\n  web:\n    image: nginx:1.25\n    ports:\n      - "80:80"\n    environment:\n'
    '      - KEY=value\n    date: 2024-02-28\n    url: http://example.org/#x\n',
    '{"a": [1, 2.5, true, null], "b": {"c": "d\\u00e9", "e":[]}}\n', "plain text\n",
    "- -1\n- .5\n- 1e5\n- yes\n- no: on\n", "a:\n  b:\n    c:\n      d: e\n  f: g\nh:\n", "a:   b   # c\n\n\nd: e",
    '\'a b\': "c\\td"\n"e": \'f\'\ng h: i:j', "a:\n- b\n- c:\n  - d\n  -\n    e: f\n", "[]",
    "- {a: 1, b: [c, d], }\n- [[], {}]\n- 12:30\n", "# only\n\n#\na: b\n# end",
    "a: >+\n  b\n\n\nc: |-\n  - d\n  e: f\n", "- a: b\n\n  # c\n  d: e\n# f\n- g\n", "x:\n    \n  y: z\n  \n",
]  # fmt: skip
INVALID = [
    "", "a: b: c\n", "a: [1\n", "a: b\n c: d\n", "- a\nb: c\n", "a:\n b: c\nd\n", "a: 'b\n", "{a: b\n", "a: |\nb\n",
    "\ta: b\n", "[a, b]: c\n", "a:\tb\n", "a: @b\n", "a: `b`\n", "a: - b\n", "a: b\n- c\n", "[a]]\n", 'a: "\\q"\n',
    "a: 2024-02-30\n", "a: =\n", "<<: a\n", "a: 0b_\n", "a: *b\n", "a: !b c\n", "a: %b\n", "- - a\n - b\n",
    "a:\n  - b\n c: d\n", "a: [b: ]]\n", "a: {b, }}\n",
]  # fmt: skip
# PyYAML reads these, the grammar does not, as its first lines tell
NARROWER = [
    "a:\n    b: c\n", "a: &x b\n", "a: !!str b\n", "? a\n: b\n", "a: b\n  c\n", "a:\n  b\n", "'a\n  b'\n", "{a}\n",
    "a: 2024-02-28 10:00:00\n", "--- a\n...\n", "a: b\n...\n", "a: |2\n  b\n", "a: [b, # c\n  d]\n", "[a: b]\n",
    "a: |\n\n  b\n", "- ?a\n- :b\n", "a: {b: }\n", "- a\n - b\n", "a: [b:c]\n",
]  # fmt: skip
PIECES = (
    "a b : - # , [ ] { } ' \" | > & * ! % @ ` ? = < << ~ 1 0b_ 2024-02-28"
    " 2024-02-30 key: - a: \n \n  \n    --- ... \\ \t é"
)


def structure(node: Any) -> Any:
    """What lark's tree says: mappings, lists, and scalars as texts, like yaml.BaseLoader. None: a block of text."""
    if node is None:
        return ""
    if isinstance(node, lark.Token):
        return None if node.type.startswith("LITERAL") else yaml.load(node, yaml.BaseLoader)
    rule = str(node.data)
    kind = re.sub(r"_\d+$", "", rule)
    inside = node.children
    if kind in ("start", "value", "item", "scalar", "flow_scalar", "flow", "member"):
        return structure(inside[0])
    if kind in ("mapping", "pair"):
        pairs: dict[Any, Any] = {}
        if kind == "mapping":
            for child in inside:
                pairs |= {} if child is None else structure(child)
            return pairs
        key = yaml.load(str(inside[0]).rstrip().removesuffix(":"), yaml.BaseLoader)
        return {key: structure(inside[1]) if len(inside) > 1 else ""}
    if kind == "list":
        return [structure(child) for child in inside if child is not None]
    if kind in ("sequence", "items"):
        return [structure(child) for child in inside]
    assert kind in ("object", "entry"), rule
    if kind == "entry":
        return {yaml.load(str(inside[0]).rstrip().removesuffix(":"), yaml.BaseLoader): structure(inside[1])}
    return {key: value for child in inside if child is not None for key, value in structure(child).items()}


def same(ours: Any, theirs: Any) -> bool:
    if ours is None:
        return isinstance(theirs, str)
    if isinstance(ours, dict):
        return isinstance(theirs, dict) and list(ours) == list(theirs) and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list):
        return isinstance(theirs, list) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    return bool(ours == theirs)


def refusal(text: str) -> str:
    """Why PyYAML does not read the text; nothing where it does."""
    try:
        yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def check(text: str) -> None:
    """PyYAML reads what the grammar reads, as the same structure."""
    assert not refusal(text), (text, refusal(text))
    ours = structure(_parser("yaml")[0].parse(text))
    assert same(ours, yaml.load(text, yaml.BaseLoader)), (text, ours)


def test_lists() -> None:
    read = reads("yaml")
    for text in VALID:
        assert read(text), text
        check(text)
    for text in INVALID:
        assert not read(text), text
        assert refusal(text) or not text, text
    for text in NARROWER:
        assert not read(text), text
        assert not refusal(text), text


def test_schemas() -> None:
    """JSON Schema's own schemas, as PyYAML writes them: those that go eight levels deep at most."""
    read = reads("yaml")
    told = [0, 0]
    for name in ("draft3", "draft4", "draft6", "draft7", "draft201909", "draft202012"):
        for file in sorted((files("jsonschema_specifications") / "schemas" / name).iterdir()):
            if file.name == "metaschema.json":
                text = yaml.safe_dump(json.loads(file.read_text("utf-8")), default_flow_style=False, width=10**6)
                deepest = max(len(line) - len(line.lstrip()) for line in text.splitlines())
                assert read(text) or deepest > 12, text
                told[read(text)] += 1
                if read(text):
                    check(text)
    assert told[True] > 3


def value(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(7 if depth else 5)
    if kind == 0:
        return rng.choice([None, True, False, 0, -17, 2.5, 1e300])
    if kind < 5:
        return "".join(rng.choices("ab 1:-#'\"[]{},.é\\=<>|&*!%@`~?", k=rng.randrange(8)))
    if kind == 5:
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {f"k{rng.randrange(9)}": value(rng, depth - 1) for _ in range(rng.randrange(4))}


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_dumps(count: int) -> None:
    """What PyYAML and json write of random values is read."""
    rng = random.Random(3)
    read = reads("yaml")
    for _ in range(count):
        data = value(rng, 4)
        for options in ({"default_flow_style": False}, {"default_flow_style": False, "default_style": '"'}):
            text = yaml.safe_dump(data, width=10**6, allow_unicode=True, sort_keys=False, **options)
            if re.search(r"\n\.\.\.|\? |!!|(?m:(?:: |- |^)(?:[?:]\S|[<=](?m: |$)|<<))", text):
                continue  # the end of a document, keys that are no text, tags, plain scalars such as ?a
            assert read(text), text
            check(text)


@pytest.mark.parametrize("count", [2500, pytest.param(60_000, marks=pytest.mark.slow)])
def test_mistakes(count: int) -> None:
    rng = random.Random(7)
    read = reads("yaml")
    told = [0, 0]
    for _ in range(count):
        text = mistakes(rng.choice(VALID), PIECES, rng)
        told[read(text)] += 1
        if read(text):
            check(text)
    assert min(told) > count // 10
