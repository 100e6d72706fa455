"""The C grammar on programs and on texts with mistakes; gcc tells the same where it is installed."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.grammars.reading import mistakes, reads

GCC = shutil.which("gcc")
PRELUDE = "typedef unsigned long size_t; typedef struct Node Node; typedef int bool; typedef struct FILE FILE;\n"

VALID = [
    "int x;", "int x, *y, z[3], f(void), (*g)(int, char *), **h[2][3];",
    "static const unsigned long long int x = 1ULL;",
    "typedef struct Node { struct Node *next; int key : 3, : 2; } Node;",
    "typedef int (*Handler)(const char *, size_t, ...);", "enum { A, B = 2, C, };\nenum Color { Red };",
    "union u { int i; float f; } v = { .i = 1 };", "Node *list = 0; Node n;",
    "int a[] = { 1, [3] = 4, [4] = 5, }; struct p { int x, y; } q = { .y = 1, .x = 2 };",
    "extern int f(int n, int a[n]);",
    "static int add(const int *a, size_t n) { int s = 0; for (size_t i = 0; i < n; i++) s += a[i]; return s; }",
    "int main(int argc, char **argv)\n{\n  if (argc > 1) return 1; else if (argc) ; else { return 2; }\n  return 0;\n}",
    "void f(void) { while (1) if (2) break; else continue; do { } while (0); for (;;) ; switch (3) "
    "{ case 1: default: ; } }",
    "void f(int x) { again: x--; if (x) goto again; x = x ? 1 : 2, x += 3; x <<= 1; x = -x + ~x * "
    "!x / 2 % 3 & 4 | 5 ^ 6; }",
    "void f(void) { int x = (int) 1.5; size_t s = sizeof(int) + sizeof x + sizeof (x) + _Alignof(double); x = *&x; }",
    "struct p { int x; }; int f(struct p *p, struct p q) { return p->x + q.x + (*p).x + ((struct p){ 1 }).x; }",
    "void f(void) { if (1) if (2) ; else ; else ; }",
    "int x = 'a' + L'\\n' + '\\x41' + 0x1F + 017 + 1u;\nfloat y = 1.5e-3f + .5;",
    "char *s = \"a\\\"b\" \"c\\n\" u8\"d\"; /* c */ // d\nint y;", "_Static_assert(1, \"x\"); _Alignas(8) int x;",
    "int f(bool);\ntypedef int x_t;", "inline static int f(register int a) { return a; }",
    "int (*f(int a))(int) { return 0; }",
    "void f(int *restrict a, const char *const b, int (*)(int), int c[static 3]) { }",
    "int x = _Generic(1, int: 2, default: 3);", "void f(void) { FILE *p; Node a, *b = &a; (void) p; (void) b; }",
    "int f0(); int f(void) { return f0(1, (2, 3)) + 4; }",
]  # fmt: skip
INVALID = [
    "int", "int x", "int x = ;", "int 1x;", "int x y;", "int f( { }", "int f() { return 1 }", "int f() { if 1 ; }",
    "int f() { else ; }", "int f() { x = = 1; }", "int f() { for (;) ; }", "int f() { do ; while 1; }", "int a[ = 1;",
    "int f() { case: ; }", "int f() { return (1; }", "int x = 08;", "int x = 1.2.3;", "int f() { 'a; }",
    "char *s = \"a;", "int f() { goto 1; }", "int f(int, ) { }", "int x = 1x;", "return 1;", "int f() { ",
    "enum { 1 } ;", "int f() { int = 1; }", "int f() { x+; }", "int f() { switch { } }", "int while;", "/* int x;",
    "int x;}", "int x;;", "int f() { sizeof; }", "int f() { x.1; }", "typedef;x", "int x = {1, 2;",
    "int f() { a ? b; }", "int f() { if (1) }", "struct { int x } y z;",
]  # fmt: skip
PIECES = "int char * & ( ) { } [ ] ; , = + - 1 x if else for while return const . -> ? : \"a\" 'b' == ++ case"


@pytest.mark.parametrize("valid", [True, False])
def test_programs(valid: bool) -> None:
    read = reads("c")
    for text in VALID if valid else INVALID:
        assert read(text) == valid, text


def well_formed(text: str, folder: Path) -> bool:
    """Has gcc nothing to say about the form of the text? (About its meaning it may.)"""
    assert GCC is not None
    file = folder / "a.c"
    file.write_text(PRELUDE + text, "utf-8")
    command = [GCC, "-std=c11", "-pedantic-errors", "-fsyntax-only", "-fno-diagnostics-show-caret", str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return not re.search(
        r"error: (?:.*expected|stray|missing terminating|unterminated|.*invalid suffix|invalid digit"
        r"|empty character|exponent has no|too many decimal|ISO C (?:forbids|does not allow|requires)"
        r"|.*parse error|a label can only)",
        said,
    )


@pytest.mark.skipif(GCC is None, reason="gcc is not installed")
@pytest.mark.parametrize("count", [40, pytest.param(3000, marks=pytest.mark.slow)])
def test_mistakes(count: int, tmp_path: Path) -> None:
    """What gcc finds ill-formed is not read. (Of other texts gcc may not have looked at the whole.)"""
    rng = random.Random(8)
    read = reads("c")
    told = [0, 0]
    for _ in range(count):
        text = mistakes(rng.choice(VALID), PIECES, rng)
        formed = well_formed(text, tmp_path)
        told[formed] += 1
        if "#" not in text and not re.search(r"\b[A-Z]\w*|_t\b", text):
            assert formed or not read(text), text
    assert min(told) > count // 10
