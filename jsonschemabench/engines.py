"""One small adapter per engine, all behind one protocol, so that an engine is a page of code and nothing else knows it.

To add an engine, write its class and name it in `ENGINES` (or keep it elsewhere and call it `module:Class`):

    class Mine(Engine):
        package = "my-engine"                       # its name in the package index
        module = "my_engine"                        # its name in `import`

        def setup(self, tokenizer):                 # once per process, not timed: import it, hand it the vocabulary
            import my_engine
            self.engine = my_engine.Engine(tokenizer.tokens, tokenizer.eos)
            self.words = np.zeros(words_for(tokenizer), np.uint32)

        def compile(self, schema):                  # timed; any exception of `refusals` refuses the schema
            return self.engine.compile(schema)

        def start(self, compiled):                  # timed as a part of the first mask: the state of one text
            state = compiled.start()
            return Walk(self.words, mask=partial(state.mask_into, self.words), accept=state.accept,
                        may_end=partial(has_bit, self.words, tokenizer.eos))

`Walk.mask` and `Walk.accept` are what is timed per token: bind the engine's own cheapest call, wrap nothing around it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from jsonschemabench.tokenizers import Tokenizer

Words = NDArray[np.uint32]


class Refused(Exception):
    """An adapter's own refusal, for engines that report errors without raising. feature: what the engine names."""

    def __init__(self, message: str, feature: str | None = None) -> None:
        super().__init__(message)
        self.feature = feature


@dataclass(slots=True)
class Walk:
    """The state of one text in an engine.

    words: bitmask over the vocabulary that `mask` fills (bit t % 32 of word t // 32: token t is allowed).
    mask: fills `words`. accept: takes a token; False (or a raised error) where the engine does not take it.
    may_end: may the text end here; asked after `mask`. check: raises where the engine has failed silently.
    """

    words: Words
    mask: Callable[[], object]
    accept: Callable[[int], object]
    may_end: Callable[[], bool]
    check: Callable[[], None] | None = None


class Engine:
    """What the worker asks of an engine. One instance lives in one process."""

    package: ClassVar[str]
    module: ClassVar[str]
    options: ClassVar[frozenset[str]] = frozenset()  # names of the options that `compile` takes
    refusals: tuple[type[BaseException], ...] = (Exception,)  # what a refusal of a schema raises; the rest is a crash

    def setup(self, tokenizer: Tokenizer) -> None:
        """Import the engine and give it the vocabulary."""
        raise NotImplementedError

    def compile(self, schema: str, **options: Any) -> Any:
        """Compile one schema, given as JSON text, from cold."""
        raise NotImplementedError

    def start(self, compiled: Any) -> Walk:
        """The state before the first token of a new text."""
        raise NotImplementedError

    def feature(self, error: BaseException) -> dict[str, Any]:
        """What a refusal says: `feature` (keyword or first words of the message) and `pointer`, if it has one."""
        return {"feature": _words(str(error))}


class Constrain(Engine):
    """This project's engine."""

    package = "constrain-decoding"
    module = "constrain"
    options = frozenset({"property_order", "numbers", "whitespace", "formats", "escapes", "draft"})

    def setup(self, tokenizer: Tokenizer) -> None:
        import constrain

        self.constrain, self.eos = constrain, tokenizer.eos
        self.refusals = (constrain.ConstraintError,)
        tokens = [*tokenizer.tokens, *[b""] * (tokenizer.size - len(tokenizer.tokens))]
        self.vocabulary = constrain.Vocabulary.from_tokens(
            tokens, eos=[tokenizer.eos], special=sorted(tokenizer.special)
        )
        self.words = np.zeros(words_for(tokenizer), np.uint32)

    def compile(self, schema: str, **options: Any) -> Any:
        if options:  # no time is taken: an explanation is looked for, and may need more parses at once
            options["limits"] = self.constrain.Limits(live_stacks=200_000, mask_work=2_000_000_000)
        return self.constrain.json(schema, **options).compile(self.vocabulary)

    def start(self, compiled: Any) -> Walk:
        m, words = compiled.matcher(), self.words
        return Walk(words, partial(m.fill_mask, words), m.accept, partial(has_bit, words, self.eos))

    def feature(self, error: BaseException) -> dict[str, Any]:
        keyword = getattr(error, "keyword", None) or _words(getattr(error, "reason", str(error)))
        return {"feature": keyword, "pointer": getattr(error, "pointer", None)}


class LLGuidance(Engine):
    """llguidance: a compiled matcher is copied for each text; errors are states of the matcher, not exceptions."""

    package = "llguidance"
    module = "llguidance"

    def setup(self, tokenizer: Tokenizer) -> None:
        self.matcher, self.eos = import_module("llguidance").LLMatcher, tokenizer.eos
        self.tokenizer = import_module("llguidance.hf").from_tokenizer(tokenizer.fast, n_vocab=tokenizer.size)
        self.words = np.zeros(words_for(tokenizer), np.uint32)

    def compile(self, schema: str, **options: Any) -> Any:
        matcher = self.matcher(self.tokenizer, self.matcher.grammar_from_json_schema(schema), log_level=0)
        self._check(matcher)
        return matcher

    def start(self, compiled: Any) -> Walk:
        m, words = compiled.deep_copy(), self.words
        mask = partial(m.unsafe_compute_mask_ptr, words.ctypes.data, words.nbytes)
        return Walk(words, mask, m.consume_token, partial(has_bit, words, self.eos), partial(self._check, m))

    def feature(self, error: BaseException) -> dict[str, Any]:
        keys = re.search(r"Unimplemented keys: (\[.*?\])", str(error))
        return {"feature": ", ".join(json.loads(keys[1]))} if keys else super().feature(error)

    @staticmethod
    def _check(matcher: Any) -> None:
        if matcher.is_error():
            raise Refused(matcher.get_error())


class GlrMask(Engine):
    """glrmask: everything is made at compile time; its mask has no bit for the end, it is asked apart."""

    package = "glrmask"
    module = "glrmask"

    def setup(self, tokenizer: Tokenizer) -> None:
        glrmask = import_module("glrmask")
        self.grammar = glrmask.Grammar
        self.vocabulary = glrmask.Vocab.from_id_to_bytes(dict(enumerate(tokenizer.tokens)))
        self.buffer = np.zeros(words_for(tokenizer), np.int32)
        self.words = self.buffer.view(np.uint32)

    def compile(self, schema: str, **options: Any) -> Any:
        return self.grammar.from_json_schema(schema).compile(self.vocabulary)

    def start(self, compiled: Any) -> Walk:
        m = compiled.start()
        return Walk(self.words, partial(m.fill_mask, self.buffer), m.commit_token, m.is_accepting)


class XGrammar(Engine):
    """XGrammar with its defaults, except for one compile thread: objects without `additionalProperties` are closed."""

    package = "xgrammar"
    module = "xgrammar"
    strict = True

    def setup(self, tokenizer: Tokenizer) -> None:
        xgrammar = self.xgrammar = import_module("xgrammar")
        self.eos = tokenizer.eos
        info = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer.fast, vocab_size=tokenizer.size, stop_token_ids=[tokenizer.eos]
        )
        self.compiler = xgrammar.GrammarCompiler(info, max_threads=1)
        self.bitmask = xgrammar.allocate_token_bitmask(1, tokenizer.size)
        self.words = self.bitmask.numpy()[0].view(np.uint32)

    def compile(self, schema: str, **options: Any) -> Any:
        return self.compiler.compile_json_schema(schema, any_whitespace=True, strict_mode=self.strict)

    def start(self, compiled: Any) -> Walk:
        m = self.xgrammar.GrammarMatcher(compiled)
        mask = partial(m.fill_next_token_bitmask, self.bitmask)
        return Walk(self.words, mask, m.accept_token, partial(has_bit, self.words, self.eos))


class XGrammarLoose(XGrammar):
    """XGrammar with open objects left open, as JSON Schema means them."""

    strict = False


ENGINES: dict[str, type[Engine]] = {
    "constrain": Constrain,
    "llguidance": LLGuidance,
    "glrmask": GlrMask,
    "xgrammar": XGrammar,
    "xgrammar-loose": XGrammarLoose,
}


def lookup(name: str) -> type[Engine]:
    """The adapter of that name, or the class `package.module:Class` anywhere on the path. KeyError: there is none."""
    if ":" not in name:
        return ENGINES[name]
    module, _, attribute = name.partition(":")
    adapter = getattr(import_module(module), attribute)
    if not (isinstance(adapter, type) and issubclass(adapter, Engine)):
        raise KeyError(name)
    return adapter


def installed(name: str) -> bool:
    """Can the engine be imported here?"""
    return importlib.util.find_spec(lookup(name).module) is not None


def version(name: str) -> str:
    """Version of an installed engine's package; empty where it has no metadata (a source tree on the path)."""
    try:
        return importlib.metadata.version(lookup(name).package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def words_for(tokenizer: Tokenizer) -> int:
    """Number of 32-bit words in a mask over the vocabulary."""
    return (tokenizer.size + 31) // 32


def has_bit(words: Words, token: int) -> bool:
    """Is the token allowed in this mask?"""
    return bool(words[token >> 5] >> np.uint32(token & 31) & np.uint32(1))


def _words(message: str) -> str:
    """The start of a message with what differs from schema to schema left out, to group refusals by."""
    line = message.strip().split("\n")[0]
    kept = ["…" if any(c in "\"'`/#{[<0123456789" for c in word) else word for word in line.split()]
    return " ".join(kept)[:80] or "(no message)"
