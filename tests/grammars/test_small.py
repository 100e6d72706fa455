"""The small grammars against the standard library and other well-kept readers, on random texts and on mistakes."""

from __future__ import annotations

import csv
import datetime
import io
import random
import re
import warnings
import xml.etree.ElementTree as ET
from urllib.parse import urlsplit

import pytest
from rfc3986_validator import validate_rfc3986

from tests.grammars.reading import mistakes, reads


def test_csv() -> None:
    """What the standard library writes is read, and what it then reads differently, when edited, is not."""
    rng = random.Random(1)
    read = reads("csv")
    for _ in range(400):
        width = rng.randrange(1, 4)
        rows = [["".join(rng.choices('ab", \né', k=rng.randrange(5))) for _ in range(width)] for _ in "ab"]
        file = io.StringIO()
        csv.writer(file, lineterminator=rng.choice(["\n", "\r\n"])).writerows(rows)
        text = file.getvalue()
        assert read(text), text
        edited = mistakes(text, '" , "" \n a', rng)
        try:
            again = list(csv.reader(io.StringIO(edited, newline=""), strict=True))
            quoted = [field.replace('"', '""') for row in again for field in row if '"' in field]
            plain = all(f'"{field}"' in edited for field in quoted)
        except csv.Error:
            plain = False
        if "\r" not in edited:
            assert read(edited) == plain, edited


def test_urls() -> None:
    rng = random.Random(2)
    read = reads("url")
    seeds = [
        "https://user:pw@example.org:8080/a/b%20c;d?q=1&r=2/?#top", "http://[2001:db8::1]:80/", "ftp://1.2.3.4",
        "wss://[::ffff:1.2.3.4]/x", "http://a-b.c_d/~e//f/", "HTTP://h?#", "http://[1:2:3:4:5:6:7:8]:65535/",
    ]  # fmt: skip
    told = [0, 0]
    for _ in range(4000):
        text = mistakes(rng.choice(seeds), ": / // ? # @ [ ] %41 %4 :: 1 65536 . é ; a http://", rng)
        valid = bool(validate_rfc3986(text, rule="URI")) and bool(re.match(r"(?i)(https?|ftp|wss?)://", text))
        if valid:
            authority = re.sub(r"[/?#].*", "", text.split("//", 1)[1], flags=re.S).rsplit("@", 1)[-1]
            parts = re.fullmatch(r"(\[[^v].*\]|[^:\[]+)(?::([0-9]{1,5}))?", authority, re.I)
            valid = parts is not None and int(parts[2] or 0) < 65536 and "\n" not in text
        assert read(text) == valid, text
        told[valid] += 1
        if valid:
            assert urlsplit(text).hostname
    assert min(told) > 400


def is_time(text: str) -> bool:
    shape = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
    if not re.fullmatch(shape, text):
        return False
    try:
        datetime.time.fromisoformat(text)
    except ValueError:
        return False
    return not text.startswith("24")


def is_date(text: str) -> bool:
    try:
        return bool(re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) and datetime.date.fromisoformat(text))
    except ValueError:
        return False


def test_dates_and_times() -> None:
    read = reads("datetime")
    first = datetime.date(1, 1, 1)
    for days in range(0, 3_650_000, 977):
        assert read(str(first + datetime.timedelta(days)))
    for year in range(0, 10_000, 13):
        for end in ("02-29", "02-30", "04-31", "12-32", "13-01", "00-10"):
            assert read(f"{year:04}-{end}") == is_date(f"{year:04}-{end}")
    rng = random.Random(3)
    seeds = ["2024-02-29T12:30:59.25+01:00", "1999-12-31 23:59", "23:59:59Z", "00:00:00.123456789-23:59", "2000-02-29"]
    told = [0, 0]
    for _ in range(3000):
        text = mistakes(rng.choice(seeds), "0 1 9 29 : - T Z + . 30 60 24", rng)
        parts = re.fullmatch("(.{10})[T ](.*)", text, re.S)
        valid = is_date(text) or is_time(text) or (bool(parts) and is_date(parts[1]) and is_time(parts[2]))
        assert read(text) == valid, text
        told[valid] += 1
    assert min(told) > 80
    for text, valid in {"P1Y2M3DT4H5M6.5S": 1, "P3W": 1, "PT1M": 1, "P": 0, "PT": 0, "P1DT": 0, "1Y": 0}.items():
        assert read(text) == bool(valid), text


# What Python finds out after reading
LATER = (
    "group reference|unknown group name|redefinition|min repeat|bad character range|look-behind|open group|inline flags"
    "|global flags|conditional|undefined character|unicode escape|repetition|flag"
)


def test_regular_expressions() -> None:
    rng = random.Random(4)
    read = reads("regex")
    seeds = [
        r"^(?P<year>[0-9]{4})-\d\d?(?:T.*)?$", r"(a|b)*?c+\1(?P<x>y)(?P=x)", r"[^\]a-z\-]{2,3}?|(?=x)(?!y)(?<=z)(?<!w)",
        r"(?i:a)(?-s:b)(?>c)d++\x41\u00e9\n\\", r"(?ms)()(?#c)\bx\B\Z(?(1)a|b)[]x][^]y]", r"a{,3}b{1,}c{2}\.\(\{",
    ]  # fmt: skip
    told = [0, 0]
    for _ in range(6000):
        text = mistakes(rng.choice(seeds), r"( ) [ ] { } * + ? | ^ $ . \ \d \1 (?: (?= {1,2} a - , x* [^ \q 0", rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                re.compile(text)
                valid, said = True, ""
            except (re.error, OverflowError) as error:
                valid, said = False, str(error)
        if valid != read(text):
            if valid:  # the grammar wants escapes there, and a flag group in front
                assert re.search(r"(?s)\{|\[.*\[|\\[0-9]|\(\?[aimsux]", text), text
            else:
                assert re.search(LATER, said), (text, said)
        told[valid] += 1
    assert min(told) > 1000


NAMES = {
    "item", "items", "name", "value", "note", "title", "text", "list", "entry", "data", "row", "key", "person", "p",
    "a",
}  # fmt: skip


def test_xml() -> None:
    rng = random.Random(5)
    read = reads("xml")
    seeds = [
        '<?xml version="1.0" encoding="utf-8"?>\n<list><item key="1">a &amp; b</item><item/></list>\n',
        "<!-- c --><a b='1' c=\"d &lt;\"><p>x</p >y<![CDATA[ < ]] ]]><?pi d?></a><?end?>", "<note> ] ]] > \n</note>",
    ]  # fmt: skip
    pieces = "< > / </ <a> </a> <p/> & &amp; ]]> -- <!-- --> \" ' = b=\"2\" <? ?> ] - a p <![CDATA[ x"
    told = [0, 0]
    for _ in range(4000):
        text = mistakes(rng.choice(seeds), pieces, rng)
        try:
            root = ET.fromstring(text)
            valid, said = True, ""
        except ET.ParseError as error:
            valid, said = False, str(error)
        if valid and not {node.tag for node in root.iter()} <= NAMES:
            valid = False
        if valid != read(text):
            assert re.search("duplicate attribute|unbound prefix", said) or re.search(r"<\?|:", text), (text, said)
        told[valid] += 1
    assert min(told) > 300


def test_html() -> None:
    rng = random.Random(6)
    read = reads("html")

    def tree(depth: int) -> str:
        inside = "".join(
            tree(depth - 1) if depth and rng.random() < 0.6 else rng.choice(["x", " ", "&amp;", "<br>", "<!-- c -->"])
            for _ in range(rng.randrange(4))
        )
        name = rng.choice(["div", "p", "b", "ul", "li", "pre", "h1", "a"])
        given = rng.choice(["", ' class="c"', " hidden", " id=x title='y &lt;'"])
        return f"<{name}{given}>{inside}</{name}>"

    for _ in range(200):
        text = tree(4)
        assert read(text), text
        assert read("<!DOCTYPE html>\n" + text)
        at = rng.choice([m.start() for m in re.finditer("</", text)])
        assert not read(text[:at] + re.sub("</[a-z0-9]+", "</td", text[at:], count=1)), text
        assert not read(text[:at] + re.sub("</[^>]*>", "", text[at:], count=1)), text


@pytest.mark.parametrize(("text", "valid"), [
    (r"\sum_{i=1}^{n} \frac{x_i^2}{2} \leq \left( \int_0^1 f(x) \, dx \right)^{2}", True),
    (r"x^2_3", True),
    (r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", True),
    (r"f'(x) = \sqrt[3]{y}", True),
    (r"\text{if } x \in A", True),
    (r"e^{i\pi} + 1 = 0", True), (r"\hat{x}_1 \to \infty", True), ("", True), (r"\alpha\beta", True),
    (r"\frac12", True),
    (r"x_1_2", False), (r"x^", False), (r"{x", False), (r"x}", False), (r"\frac{1}", False), (r"\left( x", False),
    (r"\alphax", False), (r"\begin{cases} x \end{matrix}", False), (r"x & y", False), (r"\foo", False), (r"$x$", False),
])  # fmt: skip
def test_latex(text: str, valid: bool) -> None:
    assert reads("latex")(text) == valid
