"""Internationalised host names: against `idna`, which encodes a name or says why not; and the proof of lengths."""

from __future__ import annotations

import random
import re
import unicodedata
from itertools import pairwise

import idna
import pytest

from constrain.regular import compile
from constrain.regular.formats_idn import LONGEST, LONGEST_LOW, LOW, MOST_LABELS, idn_hostname, label, plain_label
from constrain.regular.formats_net import HOST_LENGTH

POOLS = [
    "abcl0-9", "lm\u00b7l", "\u03b1\u03b2\u0375\u03c2", "\u05d0\u05d1\u05f3\u05f4a0",
    "\u0628\u064a\u0660\u06f0\u200c7\u06fd",
    "\u0915\u0937\u094d\u200d\u200c\u0903\u093c", "\u30fb\u30a2\u3042\u4e08ab", "\u00fc\u00df\u0301\u0323e\u1ec7o",
    "\uc2e4\ub840\u302e", "a.\u3002\u05d00-", "\u0bc6\u0bbe\u0b95", "\u0640\u07fa\u0488A\u2163\u00ad",
    "xn--9a", "\U00020000\U0001e900ab",
]  # fmt: skip


def reference(name: str) -> bool:
    """Does `idna` encode the name? An A-label, or a dot at the end, is not what is meant here."""
    try:
        return bool(idna.encode(name)) and name[-1] not in ".\u3002\uff0e\uff61"
    except (idna.IDNAError, UnicodeError):
        return False


def names(seed: int, count: int) -> list[str]:
    """Names of characters that have rules about each other."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        pool = rng.choice(POOLS) + (rng.choice(POOLS) if rng.random() < 0.3 else "")
        found.append("".join(rng.choice(pool) for _ in range(rng.randint(1, rng.choice([3, 6, 14])))))
    return found


def pairs() -> tuple[set[tuple[bool, str]], set[tuple[bool, str]]]:
    """What composes: characters that come first and second, each with whether the second has a combining class."""
    firsts, seconds = set(), set()
    for x in range(0x110000):
        parts = unicodedata.decomposition(chr(x)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            a, b = (chr(int(part, 16)) for part in parts)
            firsts.add((unicodedata.combining(b) > 0, a))
            seconds.add((unicodedata.combining(b) > 0, b))
    return firsts, seconds


FIRSTS, SECONDS = pairs()


def left_out(name: str) -> bool:
    """Is the name longer than those in the language, or does it hold what the language leaves out on purpose?"""
    labels = re.split("[.\u3002\uff0e\uff61]", name)
    beyond = [x for x in labels if not x.isascii()]
    if any(x.lower().startswith("xn--") for x in labels) or (beyond and len(labels) > MOST_LABELS):
        return True
    if any(len(x) > (LONGEST_LOW if max(map(ord, x)) < LOW else LONGEST) for x in beyond):
        return True
    right = [{"R", "AL", "AN"} & {unicodedata.bidirectional(c) for c in x} for x in labels]
    if any(right) and not all(right):
        return True  # `idna` looks at the direction of each label alone
    for one, other in pairwise(name):
        if unicodedata.combining(one) and unicodedata.combining(other):
            return True
        if any((kind, one) in FIRSTS and (kind, other) in SECONDS for kind in (True, False)):
            return True
    return False


@pytest.mark.parametrize("seed", range(6))
def test_against_idna(seed: int) -> None:
    """No name that `idna` does not encode; and every one that it does, but for what is left out by name."""
    dfa = compile(idn_hostname())
    told = set()
    for name in names(seed, 4000):
        accepted, valid = dfa.accepts(name), reference(name)
        told.add((accepted, valid))
        assert valid or not accepted, (name, ascii(name))
        assert accepted or not valid or left_out(name), (name, ascii(name))
    assert told >= {(True, True), (False, False)}


@pytest.mark.parametrize("seed", range(3))
def test_walks(seed: int) -> None:
    """Texts on random walks through the automaton are names that `idna` encodes."""
    dfa, chance = compile(idn_hostname()), random.Random(seed)
    first: dict[int, list[tuple[int, int]]] = {}
    bounds = [*dfa.bounds.tolist(), 0x110000]
    for a, z, column in zip(bounds, bounds[1:], dfa.classes.tolist(), strict=False):
        first.setdefault(column, []).append((a, z))
    rows, found = dfa.table.tolist(), 0
    for _ in range(1500):
        text, q = "", 0
        while len(text) < 60 and not (dfa.accept[q] >= 0 and chance.random() < 0.2):
            column = chance.choice([i for i, to in enumerate(rows[q]) if to >= 0] or [-1])
            if column < 0:
                break
            text, q = text + chr(chance.randrange(*chance.choice(first[column]))), rows[q][column]
        if dfa.accept[q] >= 0:
            found += 1
            assert reference(text), ascii(text)
    assert found > 300


def most_digits(n: int, budget: int) -> int:
    """The most digits of n generalised variable-length integers (RFC 3492 3.3) with a sum up to `budget`.

    Whatever the bias, m + 1 digits need at least the number that `least` finds, and each further digit costs more
    than the one before it, so the cheapest ones are taken first.
    """
    costs = [least(m + 2) - least(m + 1) for m in range(8)]
    assert costs == sorted(costs)
    digits = n
    for cost in costs:
        taken = min(n, budget // cost)
        digits += taken
        budget -= taken * cost
        if taken < n:
            break
    return digits


def least(digits: int) -> int:
    """The least number that needs so many digits under some bias."""
    if digits == 1:
        return 0
    low, high = 0, 1 << 50
    while low < high:
        middle = (low + high) // 2
        if any(count(middle, bias) >= digits for bias in range(240)):
            high = middle
        else:
            low = middle + 1
    return low


def count(number: int, bias: int) -> int:
    """The digits of a number under a bias (RFC 3492 6.1 keeps a bias below 36 * 6)."""
    k, digits = 36, 1
    while True:
        threshold = max(1, min(26, k - bias))
        if number < threshold:
            return digits
        number = (number - threshold) // (36 - threshold)
        digits += 1
        k += 36


@pytest.mark.parametrize(("longest", "end"), [(LONGEST, 0x110000), (LONGEST_LOW, LOW)])
def test_punycode_is_never_too_long(longest: int, end: int) -> None:
    """The deltas of a label's Punycode add up to less than the code points above ASCII times the places for them."""
    worst = 0
    for size in range(1, longest + 1):
        for n in range(1, size + 1):
            plain = size - n
            budget = (end - 0x80) * (size + 1) + size
            worst = max(worst, len("xn--") + plain + (plain > 0) + most_digits(n, budget))
    assert worst <= 63
    assert MOST_LABELS * (worst + 1) - 1 <= HOST_LENGTH
    assert (MOST_LABELS - 1) * 64 + worst <= HOST_LENGTH


def test_lengths_by_example() -> None:
    rng = random.Random(1)
    for _ in range(3000):
        size = rng.randint(1, LONGEST)
        planes = [(0x80, 0xD800), (0x10000, 0x110000)]
        text = "".join(chr(rng.randrange(*rng.choice(planes))) for _ in range(size))
        assert len(b"xn--" + text.encode("punycode")) <= 63


def test_labels() -> None:
    assert compile(label()).accepts("\u00fc")
    assert not compile(label()).accepts("u")
    assert compile(plain_label()).accepts("U-2")
    assert not compile(plain_label()).accepts("ab--c")
    assert compile(idn_hostname()).n_states < 20_000
