"""Where things lie in the two int32 arrays of the kernels: the arena of a constraint and the store of a vocabulary.

Both are flat so that a kernel call unboxes few arrays. All references are absolute offsets; 0 means "none".

Arena `H` (one per compiled constraint): a header, then records appended at `H[BUMP]`, in any order:
  grammar nodes    found through the table at H[NODES] by node id (grammar index + 1); 0 there: not emitted yet
  terminals        found through the table at H[TERMS] by terminal id; terminal 0 is the unrestricted JSON string
  stack frames     [hash, KIND_STACK, node id, register, count, parent, depth, level]
  states           [hash, KIND_STATE, mask record, accepting, m, m configurations of CFG ints]
  seen-sets        [hash, KIND_SEEN, words, bits...]
  tails            [hash, KIND_TAIL, trie, configuration, number of ids; ids...]: what a walk of an entry's exits found
  memo nodes       see memo.py: the same for rules, by the part of the stack that was looked at
  sets             of terminals that a frame of rules can take, interned: see KIND_SET
  mask records     [rows, refs, ids, dense, lists; row numbers..., (offset, length) in the store..., the same in the
                        arena..., token ids in order (~id: clear it)...]; dense: the words of the mask. Before it stands
                   how often it was written, or, once it is spread out, the offset of its words
A stack, a state and a seen-set are interned: equal content, equal offset. A stack of 0 is the bottom.

A configuration is one parse: (pos, s, d, n, stack). pos = node id << 4 | phase. s, d, n depend on the phase: inside a
terminal s is the state of its automaton over characters, d that of the decoder that makes characters of bytes, n the
number of characters; between the parts of an object or array n counts whitespace and s is the label of the key.

Store `X` (one per vocabulary, append-only): a header, the byte trie, the tokens, and entries (see entries.py).
"""

from __future__ import annotations

# -- arena header -----------------------------------------------------------------------------------------------------
STATUS = 0  # 0, or one of NEED_* / LIMIT_*: what Python has to do before the kernel is called again
ARG = 1  # ARG..ARG+7: details of STATUS
BUMP = 9
CAP = 10
TABLE = 11  # hash table of interned records: (hash, offset) per slot
TABLE_SIZE = 12  # a power of two
TABLE_COUNT = 13
NODES = 14
TERMS = 15
WS_MODE = 16  # 0 flexible, 1 pretty
WS_MAX = 17  # flexible: longest run of whitespace
SCRATCH = 18
SCRATCH_END = 19
PENDING = 20
PENDING_END = 21
IDS = 22
IDS_END = 23
LISTS = 26  # row numbers and refs of the mask being made
N_ROWS = 27
N_REFS = 28
N_IDS = 29
N_CLEARS = 30  # how many of the ids are cleared
LR_WORK = 24  # work region of lr.py
LR_WORK_END = 25  # LOOKAHEAD more ints follow
LIVE_LIMIT = 32
DEPTH_LIMIT = 33
DENSE = 34  # a buffer of W ints
SPREAD_LEFT = 46  # how many more mask records may be spread out; see records.py
WORK = 35  # steps since the kernel was entered
WORK_LIMIT = 36
COVER = 48  # ints to work with: costs of meeting sets of demands; see distinct.py
COVER_END = 49
LOW = 38  # least depth of a frame of rules that the walk has looked at; see memo.py
ASKED = 39  # the last of the questions that wait for an answer, linked by K_Y (fresh.py)
PLACE = 40  # after run_bytes was interrupted: a state that the text passes through, and the bytes before it; 0: none
PLACE_BYTES = 41
IN_ORDER = 31  # 1: some ids of the mask were cleared, what is added from now on must come after them
N_LISTS = 43
N_LISTED = 44  # how many ids the lists of the arena have
IN_TAIL = 45  # tails that are being walked: what they find is saved as ids
COLUMNS = 42  # 1: the walk has looked at the columns of blocks, too
UNITS = 47  # UNIT_SLOTS times 6 ints, see lr.single
CHAIN = 50  # CHAIN_SIZE frames and one symbol
ESCAPES = 37  # 0: any JSON escape of a character, 1: those that json.dumps(ensure_ascii=False) writes
HEADER = 64

FILTER_FROM = 4  # subtree size from which on the walk asks first which bytes may come
MOST_DEMANDS = 8
RESERVE = 2048  # ints behind CAP that are left to keep the place in a text (kernels.keep_place)
MANY = 1 << 30  # what is counted stops here
LOOKAHEAD = 600
UNIT_SLOTS = 2048
CHAIN_SIZE = 1024  # frames of one item of an array with distinct items
MAX_LIST = 24  # rows, and refs, of one mask record; what is more goes to its ids
MAX_LISTS = 64  # lists of the arena, likewise

# -- status -----------------------------------------------------------------------------------------------------------
NEED_NODE = 1  # ARG: node id
NEED_TERM = 2  # ARG: terminal id
NEED_STORE = 3  # the store is full
NEED_SPACE = 4  # ARG: ints wanted
NEED_SCRATCH = 5
NEED_PENDING = 6
NEED_IDS = 7
NEED_LR_WORK = 8
NEED_COVER = 16  # ARG: ints wanted
NEED_ANSWER = 17  # there are questions in ASKED
NEED_WAYS = 18  # ARG: node id of an object (fresh.py)
NEW_MASK = 12  # the state has no mask yet: call again with the store's lock held
LIMIT_LIVE = 9
LIMIT_DEPTH = 10
LIMIT_WORK = 11
LIMIT_LOOKAHEAD = 13

# -- records ----------------------------------------------------------------------------------------------------------
KIND_STACK = 1
KIND_STATE = 2
KIND_SEEN = 3
KIND_TAIL = 4
KIND_TEXT = 8  # [hash, KIND_TEXT, parent, symbol, length]
KIND_MEMO = 10  # see memo.py
KIND_WINDOW = 14  # see memo.py
# [hash, KIND_INTS, n, x, ints...], x may be written: what several records name; see interning.shared
KIND_INTS = 16
SHARED_HEAD = 4
MASK_HEAD = 5
SET_HEAD = 3
KIND_SET = 15  # [hash, KIND_SET, rules, R_WORDS ints]: a set of terminals
# Records of interning.kept: [hash, kind, a, b, c, d, e, x, y, z], of which x, y and z may be written.
KEPT_SIZE, K_X, K_Y, K_Z = 10, 7, 8, 9
KIND_LIST = 9  # a: list before, b: text (0: the item is open), c: state of the automaton; see items.py
KIND_ASKED = 11  # a-e: configuration, x: answer (0: not known, 1: yes, 2: no), y: the question before (fresh.py)
KIND_TOLD = 12  # a: list, b: text, c: complete?, x: has an item this member? 1: yes, 2: no (fresh.py)
KIND_WAYS = 13  # a: terminal, b: state, c: need, d: room, x: number of words, y: counted up to here (becoming.py)
TAIL_HEAD = 9  # [hash, KIND_TAIL, offset of the exits' trie, configuration, number of ids; ids...]
CFG = 5
STATE_HEAD = 5
STACK_SIZE = 12
S_NODE, S_REG, S_CNT, S_PARENT, S_DEPTH, S_LEVEL = 2, 3, 4, 5, 6, 7
S_VIABLE = 8  # frames of rules: offset of the set of terminals that the parser can take here; 0: not known yet
S_TEXT = 9  # of an array with distinct items: the text of the open item (distinct.py); 0: none is open
S_LOW = 11  # least depth of a frame that S_VIABLE depends on
S_UNIQ = 10  # the innermost frame of the stack with a text, 0: there is none

OP_LITERAL = 1  # [op, length, bytes...]
OP_TEXT = 2  # [op, terminal]
OP_STRING = 3  # [op, terminal, lo, hi]
OP_ALT = 4  # [op, k, ids...]
OP_SEQ = 5  # [op, k, ids...]
OP_OBJECT = 6  # see O_*
OP_ARRAY = 7  # [op, prefix length, item, lo, hi, saturation, prefix ids...]
OP_FORWARD = 8  # [op, id]
OP_ITEMS = 12  # [op, states, lo, hi, distinct, (fewest, most, first step) per state and one more, (item, target)...]
OP_RULES = 9  # see R_*

O_TERM, O_NAMES, O_FREE, O_ORDERED, O_LO, O_HI, O_ANYFREE, O_VALUES, O_REQUIRED, O_NEXTREQ, O_AVAIL, O_REQAFTER = range(
    1, 13
)
O_DEMANDS = 13  # how many demands (ir.py)
O_OPTIONS = 14  # offset of (first option per label, end of options, (value, demands met)...)
O_EASY = 15  # without an upper bound, and a free member can meet each of the demands
O_BITS = 16  # names and demands: the bits of an unordered object's seen-set
O_WAYS = 17  # absolute offset of at least how many values each declared name has, at most MANY; 0: not known yet
O_DATA = 18  # O_VALUES.., O_OPTIONS hold offsets relative to the node

# rules (a context-free grammar). A stack frame is an LR state (S_REG); S_CNT: column of the block, open brackets << 16.
# Sets of terminals are R_WORDS ints; the end of the text is terminal R_TERMINALS. Offsets are relative to the node.
R_TERMINALS, R_WORDS, R_START = 1, 2, 3
R_SHIFTS = 4  # per LR state the offset of [n, (terminal, LR state) x n], sorted
R_GOTOS = 5  # per LR state the offset of [n, (nonterminal, LR state) x n], sorted
R_REDUCES = 6  # per LR state the offset of [n, (rule, set of terminals that may follow) x n]
R_SHIFT_SETS = 7  # per LR state the set of terminals that can be shifted
R_RULES = 8  # per rule its nonterminal and length
R_NODES = 9  # [n, terminals that are nodes...]; before it, how many of them are no special tokens
R_NODE_OF = 10  # per terminal its node's id, or 0
R_BRACKETS = 11  # per terminal 1: opens, -1: closes a bracket between which line ends are ignored, else 0
R_NEWLINE, R_INDENT, R_DEDENT = 12, 13, 14  # terminals, or -1
R_NESTED = 15  # may other nodes follow?
R_LEXER = 16  # the lexer: absolute offset of a T_DFA whose labels are numbers of exits; 0: scannerless
R_WATCH = 17  # absolute offset of a T_DFA; reaching its label proves that a token that ended should have been longer
R_LEXER_START = 18  # per LR state the lexer's state at the beginning of a token
R_BLANK = 19  # the lexer's state at the beginning of a line end
R_EXITS = 20  # per exit: terminal, state of the watch or -1
R_REACH = 21  # per lexer state the set of terminals that can still come out
R_IGNORED = 22  # set of terminals
R_KEEPS = 23  # per lexer state 1: a token ends here only where no byte that stays here follows
R_EMPTIES = 24  # [n, terminals that are nodes which may be empty...]
R_TAB = 25  # columns of a tab
R_AFTER = 26  # per terminal 256 bits: a superset of the bytes with which the text can go on after it
# (with indentation: R_INDENT: with which a line can begin; R_DEDENT: which may stand before one)
R_LIKE = 27  # per lexer state one that differs from it by few characters only, or -1
R_LIVE = 28  # per lexer state 128 bits: the ASCII characters with which it goes on
R_COVERED = 29  # per LR state a number, equal for those that go on alike after every nonterminal
R_OPEN = 30  # that many open brackets are as good as more, where the same frames are looked at
R_FIRST = 31  # per LR state a state of lalr.py that is joined in it
R_ALONE = 32  # per LR state the rule that it reduces where it can do nothing else, or -1
R_BEGINS = 33  # per lexer state 1: it is where a token begins, and only there
R_HEAD = 34

PH_IN = 0  # inside a terminal or literal
PH_OPEN = 1  # after { or [
PH_COMMA = 2  # after ,
PH_KEY = 3  # inside a key
PH_COLON = 4  # after a key, before :
PH_VALUE = 5  # after :
PH_AFTER = 6  # after a member's value or an item
PH_TAKE = 8  # rules: terminal s is to be taken; d: 1 at the end of the text; n: column, or watches
PH_INDENT = 9  # rules: after a line end, at column n; s: 1 before the first line
PH_BLANK = 10  # rules: inside a line end (and the blank line before it)
PH_DEAD = 13  # nowhere: what was finished may not be what it is (node id 0)
PH_DONE = 14  # the whole text is complete (node id 0)
PH_START = 15  # before a node

# -- decoder states: kind | detail << 4 ------------------------------------------------------------------------------
D_BODY, D_ESC, D_HEX, D_LOWBS, D_LOWU, D_LOWHEX, D_UTF8 = 0, 1, 2, 3, 4, 5, 6

# -- terminals --------------------------------------------------------------------------------------------------------
T_ANY, T_DFA, T_TRIE = 0, 1, 2
# all: [kind, global id, ...]
# TD_MINREM holds for each state the characters to acceptance; of keys under demands, the labels ahead as bits
# T_DFA:  [1, gid, states, ncls, nint, ascii, bounds, classes, table, accept, minrem, wide, all, first bytes...]
TD_STATES, TD_NCLS, TD_NINT, TD_ASCII, TD_BOUNDS, TD_CLASSES, TD_TABLE, TD_ACCEPT, TD_MINREM = range(2, 11)
TD_WIDE = 11  # does any state take more than ASCII?
TD_ALL = 12  # the state from which every string is accepted, with label 0; -1: there is none
TD_FIRST = 13  # 256 bits: a superset of the bytes that state 0 can take
TD_OPEN = 21  # can every state go on? (then it can without end)
TD_HEAD = 22
# T_TRIE: [2, gid, nodes, open label, edge0, chars, label, lo, hi, perm, free]; edge e leads to node e + 1. Other names
# than those of the trie have the labels from `open label` on (-1: there are none); free: offset of the T_DFA that says
# which and with what label (0: all, with the first). A state is node + (nodes + 1) * q: the node is `nodes` when the
# name is not in the trie, q the state of that automaton, its number of states when it has failed, 0 without one.
TT_NODES, TT_OPEN, TT_EDGE0, TT_CHARS, TT_LABEL, TT_LO, TT_HI, TT_PERM, TT_FREE = range(2, 11)
TT_DATA = 11

# -- store ------------------------------------------------------------------------------------------------------------
X_BUMP = 0
X_CAP = 1
X_ROWS = 2  # rows of B in use; the first holds all tokens that have bytes
X_ROWCAP = 3
X_TRIE = 4  # nodes of TN ints: byte, end, first, child table
X_IDS = 5
X_OFFSETS = 6
X_DATA = 7
X_ETABLE = 8  # hash table of entries
X_ESIZE = 9
X_ECOUNT = 10
X_SIZE = 11  # V
X_MAXLEN = 12  # longest token in bytes, as it is spelled
X_EOS = 13
X_NEOS = 14
X_NODES = 15
X_SPACES = 16  # whitespace tokens, see store.py
X_CHARS = 17  # for each token the number of its bytes that are not continuation bytes of UTF-8
X_BELOW = 18  # BN ints per trie node: set of the ASCII bytes below, of HIGH_GROUPS, bytes to the deepest descendant
X_BASES = 19  # the last base of entries of lexers, see splices.py
X_HEADER = 32
TN = 4
BN = 6
# Where groups of characters beyond ASCII begin, each with first bytes of its own; a trie node has a bit for each that
# begins below it. The bit after them says that something below is no UTF-8, or that the node is inside of a character.
HIGH_GROUPS = (
    0x80, 0xC0, 0x2C0, 0x380, 0x500, 0x800, 0x1000, 0x2000, 0x3000, 0x4000, 0xA000, 0xD000, 0xE000, 0x10000, 0x40000,
)  # fmt: skip
NO_UTF8 = len(HIGH_GROUPS)
BIG_NODE = 16  # children from which on a trie node has a child table

ROW_ALL = 0
ROOM_FREE = 1 << 20  # "no upper bound near"
# entry: [gid, s, d, v, need, room, usable, row of inner, row of inner and closers, inner offset, inner count, sections;
#         sections...]
E_USABLE, E_ROW, E_ROWALL, E_INNER, E_NINNER, E_NSEC = 6, 7, 8, 9, 10, 11
# where bounds were asked for: offset of [most, exits, tokens by room needed (running count), ids, exits x 4, rooms,
# needs]: of rooms 0..most (needs 0..most + 1) the least (greatest) that chooses the same tokens and exits
E_PROFILE = 12
E_HEAD = 13
# section: [label, closers offset, closers count, suffix trie offset (0: none), its ids offset]
E_SEC = 5
# entry of a lexer: [gid, s, d, v, watches, 0, usable, groups, sections; groups..., sections...]
# group of tokens that stay inside: [row or -1, ids offset, count, set of terminals that can still come out...]
# section: [exit, suffix trie offset (0: none), its ids offset, far nodes offset, their number, whole: 1: v itself]
# exit -1: what is far are children of v, to be walked with the watches
L_GROUPS, L_SECTIONS, L_HEAD = 7, 8, 9
L_GROUP = 3
L_SEC = 6
WIDE = 64  # subtree size from which on an entry is worth its look-up
