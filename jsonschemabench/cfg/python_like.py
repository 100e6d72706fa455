"""A grammar of Python with lines but without indentation, which every engine here can read: they refuse the exact one.

It reads files as `ast.unparse` writes them (`reprinted`): a statement is one line, without comments. A file is a row of
simple statements and of headers (`if x:`); how they nest is left open. So every file of Python's is in the language,
and much that is none. It is a load for parsers with Python's terminals and expressions, no grammar to write programs
with. Left out: `match` and `type` statements, f-strings with quotes of their own kind inside, names outside of ASCII,
empty strings beside others (a lexer could not tell them from the beginning of a long one).

One rule a line, groups in parentheses only, so that the same text becomes GBNF by `gbnf`.
"""

from __future__ import annotations

import ast
import re

RULES = r"""
start: line*
line: (header simples? | simples | decorator) NEWLINE+
simples: simple (";" simple)*
simple: results (targets | ":" expr ("=" results)? | AUGMENTED results)? | word_statement | imports
targets: ("=" results)+
word_statement: "pass" | "break" | "continue" | "return" results? | "raise" (expr ("from" expr)?)? | jumps
jumps: "del" listed | "assert" expr ("," expr)? | "global" names | "nonlocal" names
imports: "import" dotted_as ("," dotted_as)* | "from" ("." | "...")* dotted? "import" imported
imported: "*" | name_as ("," name_as)* | "(" name_as ("," name_as)* ","? ")"
dotted: NAME ("." NAME)*
dotted_as: dotted ("as" NAME)?
name_as: NAME ("as" NAME)?
names: NAME ("," NAME)*
header: "async"? block ":"
block: "if" expr | "elif" expr | "else" | "while" expr | for_in | "try" | "finally" | handler | with | def | class
for_in: "for" places "in" listed
handler: "except" "*"? (expr ("as" NAME)?)?
with: "with" with_item ("," with_item)* | "with" "(" with_item ("," with_item)* ","? ")"
with_item: expr ("as" place)?
def: "def" NAME "(" parameters? ")" ("->" expr)?
class: "class" NAME ("(" arguments? ")")?
decorator: "@" expr
parameters: parameter ("," parameter)* ","?
parameter: ("*" | "**")? NAME (":" expr)? ("=" expr)? | "/" | "*"
bare_parameters: bare_parameter ("," bare_parameter)* ","?
bare_parameter: ("*" | "**")? NAME ("=" expr)? | "/" | "*"
results: yield | listed
yield: "yield" ("from" expr | listed)?
listed: starred ("," starred)* ","?
starred: "*" expr | expr
places: place ("," place)* ","?
place: "*"? unary_place
unary_place: primary
expr: NAME ":=" expr | either ("if" either "else" expr)? | lambda
lambda: "lambda" bare_parameters? ":" expr
either: operand (operator operand)*
operator: BINARY | "*" | "**" | "/" | "-" | "+" | "@" | "in" | "not" "in" | "is" | "is" "not" | "and" | "or"
operand: ("-" | "+" | "~" | "not" | "await")* primary
primary: atom trailer*
trailer: "." NAME | "(" arguments? ")" | "[" slices "]"
arguments: argument ("," argument)* ","?
argument: NAME "=" expr | ("*" | "**")? expr comprehension?
slices: slice ("," slice)* ","?
slice: starred | expr? ":" expr? (":" expr?)?
atom: NAME | NUMBER | EMPTY | STRING+ | "..." | "(" inside? ")" | "[" inside? "]" | "{" members? "}"
inside: yield | starred comprehension | listed
members: member ("," member)* ","? | member comprehension
member: "**" expr | starred | expr ":" expr
comprehension: ("async"? "for" places "in" either condition*)+
condition: "if" expr
"""
TERMINALS = r'''
NAME: /[A-Za-z_][A-Za-z0-9_]*/
NUMBER: /(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][+-]?[0-9]+)?[jJ]?)/
STRING: /[rRbBuUfF]?[rRbBfF]?("([^"\\\n]|\\(.|\n))+"|'([^'\\\n]|\\(.|\n))+')/ | LONG
EMPTY: /[rRbBuUfF]?[rRbBfF]?(""|'')/
LONG: /[rRbBuUfF]?[rRbBfF]?("""("?"?([^"\\]|\\(.|\n)))*"""|\'\'\'(\'?\'?([^'\\]|\\(.|\n)))*\'\'\')/
BINARY: /\/\/|%|<<|>>|&|\||\^|==|!=|<=|>=|<|>/
AUGMENTED: /(\+|-|\*|\/|\/\/|%|@|&|\||\^|>>|<<|\*\*)=/
NEWLINE: /\n/
BLANK: /[ \t]+/
%ignore BLANK
'''.replace("\\'", "'")
GBNF_TERMINALS = r"""
NAME ::= [A-Za-z_] [A-Za-z0-9_]* ws
NUMBER ::= (based | decimal) ws
based ::= "0" ([xX] [0-9a-fA-F_]+ | [bB] [01_]+ | [oO] [0-7_]+)
decimal ::= ([0-9] [0-9_]* ("." [0-9_]*)? | "." [0-9] [0-9_]*) ([eE] [+-]? [0-9]+)? [jJ]?
STRING ::= [rRbBuUfF]? [rRbBfF]? ("\"" plain2 double | "'" plain1 single | "\"\"\"" doubles | "'''" singles) ws
EMPTY ::= [rRbBuUfF]? [rRbBfF]? ("\"\"" | "''") ws
double ::= "\"" | plain2 double
plain2 ::= [^"\\\n] | "\\" [^\x00]
single ::= "'" | plain1 single
plain1 ::= [^'\\\n] | "\\" [^\x00]
doubles ::= "\"\"\"" | ("\"" "\""?)? (char2 doubles)
char2 ::= [^"\\] | "\\" [^\x00]
singles ::= "'''" | ("'" "'"?)? (char1 singles)
char1 ::= [^'\\] | "\\" [^\x00]
BINARY ::= ("//" | "%" | "<<" | ">>" | "&" | "|" | "^" | "==" | "!=" | "<=" | ">=" | "<" | ">") ws
AUGMENTED ::= ("+" | "-" | "*" | "/" | "//" | "%" | "@" | "&" | "|" | "^" | ">>" | "<<" | "**") "=" ws
NEWLINE ::= "\n" ws
ws ::= [ \t]*
"""


def reprinted(text: str) -> str:
    """A file of Python's as `ast.unparse` writes it."""
    return ast.unparse(ast.parse(text)) + "\n"


def lark() -> str:
    """The grammar in Lark's dialect."""
    return RULES + TERMINALS


def gbnf() -> str:
    """The same for engines without a lexer: white space is written behind every terminal."""
    lines = []
    for line in RULES.strip().split("\n"):
        name, body = line.split(":", 1)
        body = re.sub(r'"[^"]*"', lambda found: f"({found[0]} ws)", body)
        lines.append(f"{'root' if name == 'start' else name.replace('_', '-')} ::={_dashed(body)}")
    lines[0] = lines[0].replace("::=", "::= ws")
    return "\n".join(lines) + GBNF_TERMINALS


def _dashed(body: str) -> str:
    """GBNF's names have no underscores; texts in quotes stay as they are."""
    parts = re.split(r'("[^"]*")', body)
    return "".join(part if part.startswith('"') else part.replace("_", "-") for part in parts)
