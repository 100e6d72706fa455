"""The SQL grammar against SQLite's own parser: Spider's queries, queries of every kind, and queries with mistakes."""

from __future__ import annotations

import json
import lzma
import random
import re
import sqlite3

import pytest

from tests.grammars.reading import SHARED, mistakes, reads

SPIDER = SHARED / "data/aligned/spider_dev.jsonl.xz"

QUERIES = [
    "select 1",
    "SELECT a, b AS c, t.*, 'x' y, \"q\" [z w] FROM t WHERE a <> 1 AND NOT b IS NULL OR c NOT NULL;",
    "select distinct a from t as u left outer join v on u.i = v.i natural join w, x cross join y using (i, j)",
    "select count(*), count(distinct a), sum(b) filter (where c > 1) from t group by a, b having count(*) > 2",
    "select * from (select a from t union all select b from u) as s order by 1 desc nulls last, a limit 3 offset 4",
    "select * from t limit 1, 2",
    "select a from t where b in (1, 2) and c not in (select d from u) and e in () or f in u",
    "select case a when 1 then 'b' else null end, case when a > 1 then 2 when b then 3 end from t",
    "select cast(a as integer), cast(a as varchar(10)), cast(a as decimal(10, -2)), cast(a as unsigned big int) from t",
    "with recursive c(n) as (select 1 union select n + 1 from c where n < 5), d as (values (1, 2)) select n from c",
    "with c as materialized (select 1), d as not materialized (select 2) select * from c, d",
    "select a like 'x%' escape '!', a not glob '*', a between 1 and 2 and b, a || b -> '$.c' ->> 2 from t",
    "select sum(a) over (partition by b order by c rows between 1 preceding and 2 following exclude ties) from t",
    "select rank() over w, first_value(a) over (w range current row) from t window w as (order by a), v as (w)",
    "select a is not distinct from b, a is distinct from b, a collate nocase = b, -a * +b % ~c << 2 & 3 | 4 from t",
    "select ?1, :name, @a, $b, ?, x'00ff', 0x1F, 1.5e-3, .5, 5., 'it''s', \"a\"\"b\", `c``d` from t",
    "values (1, 2), (3, 4) union select 1, 2 except select 3, 4 intersect select a, b from t",
    "select exists (select 1), not exists (select 2), (select 3), (1, 2) = (a, b) from t",
    "select year, date, name, rank, first, last, no, key, row, rows, match, like, desc from key as plan",
    "select f(), f(a, b), f(distinct a), \"f\"(1) from f(1) g, main.f(2) as h, (t join u on 1) k, (t, u)",
    "select a -- comment\nfrom t /* another * one **/ where /**/ b",
    "select max(a), replace(b, 'x', 'y') from main.t u where u.a = main.t.b",
]  # fmt: skip

INVALID = [
    "select", "select from t", "select a from", "select a b c from t", "select a from t where", "select a, from t",
    "select * from t limit", "select a from t order a", "select a from t group a", "select case end", "select (1",
    "select a from t1 t2 t3", "select count(* from t", "select a in 1", "select a between 1", "select a is",
    "from t",
    "select a from t union", "select 'a", "select \"a", "select 1a", "select x'0'", "select a.b.c.d", "select cast(a)",
    "select a from t where b = ", "select a as select", "select a not b", "select selectx from t where x y",
    "select a;b",
    "select 1 from t on", "select a from t join", "select a like", "select 1 2", "",
    "select a from t wher b = 1", "select a from t where b andc", "select a froms t", "selecta",
    "select 1and2", "update t set a = 1", "select a from t; select b", "select a from (select b",
]  # fmt: skip

PIECES = (
    "select from where and or not in is null like between case when then else end as on join left , ( ) * = < <> . ; "
    "'a' \"b\" 1 2.5 a t count distinct group by order limit union all having exists with x'00' x'0' -- /* + - || cast"
)


def valid(connection: sqlite3.Connection, text: str) -> bool | None:
    """What SQLite's parser says. None: it gave up before the end of the text, or wants more than the syntax."""
    try:
        connection.execute("explain " + text)
    except (sqlite3.Error, sqlite3.Warning) as error:
        said = str(error)
        if re.search(r"syntax error|incomplete input|unrecognized token", said):
            return False
        if re.search(r"come after|unknown join type|JOIN clause is required|one statement|variable number", said):
            return None  # wrong for reasons that it finds while it parses
    return True


def test_queries() -> None:
    read = reads("sql")
    connection = sqlite3.connect(":memory:")
    for text in QUERIES:
        assert read(text), text
        assert valid(connection, text), text
    for text in INVALID:
        assert not read(text), text
        if text and "update" not in text and ";" not in text:
            assert not valid(connection, text), text


@pytest.mark.skipif(not SPIDER.exists(), reason="shared/data/aligned/spider_dev.jsonl.xz")
def test_spider() -> None:
    """All of the 1034 gold queries."""
    read = reads("sql")
    with lzma.open(SPIDER, "rt", encoding="utf-8") as lines:
        queries = [json.loads(line)["query"] for line in lines]
    assert len(queries) == 1034
    for query in queries:
        assert read(query), query


def comparable(text: str) -> bool:
    """Is the text outside of the differences that the grammar names, and of statements that it has not?"""
    lower = text.lower()
    if not re.match(r"\s*(select|values|with)\b", lower) or ";" in lower.rstrip()[:-1]:
        return False
    if re.search(r"/\*(?!.*\*/)|\b(over|filter|window|indexed|raise)\b", lower, re.S):
        return False  # words that SQLite tells apart by what follows them; comments without an end
    if re.search(r"\b(cross|full|inner|left|natural|outer|right)\b", lower):
        return False  # it takes these for names as well
    if re.search(r"\bin\b.*\)\s*[-+*/%|&<>]|\bisnull\b|\bend\b", lower.replace(" end,", ",")):
        return False
    if "between" in lower or lower.count("not") > lower.count("not in") + lower.count("not null"):
        return False
    return "(*" not in lower or "count(*" in lower


@pytest.mark.parametrize("count", [4000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_mistakes(count: int) -> None:
    rng = random.Random(2)
    read = reads("sql")
    connection = sqlite3.connect(":memory:")
    seeds = [query for query in QUERIES if "match, like" not in query]  # those words are no aliases
    told = [0, 0]
    for _ in range(count):
        text = mistakes(rng.choice(seeds), PIECES, rng)
        if comparable(text):
            expected = valid(connection, text)
            if expected is not None:
                told[expected] += 1
                assert read(text) == expected, text
    assert min(told) > count // 10
