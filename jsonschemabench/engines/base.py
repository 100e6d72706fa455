"""What the benchmark asks of an engine: one small adapter each, so that nothing else knows any of them.

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
An engine that reads more than JSON Schemas says so in `inputs` and has `compile_regex` or `compile_grammar`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
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


class NotSupported(Refused):
    """The engine has no such kind of input at all (a dialect of grammars, regular expressions, masks)."""


@dataclass(slots=True)
class Walk:
    """The state of one text in an engine.

    words: bitmask over the vocabulary that `mask` fills (bit t % 32 of word t // 32: token t is allowed).
    mask: fills `words`. accept: takes a token; False (or a raised error) where the engine does not take it.
    may_end: may the text end here; asked after `mask`. check: raises where the engine has failed silently.
    nothing: the engine's cheapest call that changes nothing, to tell what crossing its binding costs.
    view: for engines that hand out a mask of their own instead of filling one: `words` after `mask`.
    """

    words: Words
    mask: Callable[[], object]
    accept: Callable[[int], object]
    may_end: Callable[[], bool]
    check: Callable[[], None] | None = None
    nothing: Callable[[], object] | None = None
    view: Callable[[], Words] | None = None


class Engine(ABC):
    """What the worker asks of an engine. One instance lives in one process."""

    package: ClassVar[str]
    module: ClassVar[str]
    about: ClassVar[str] = ""  # one line for `jsonschemabench list`
    requirements: ClassVar[tuple[str, ...]] = ()  # what `jsonschemabench install` installs
    environment: ClassVar[str] = ""  # the environment's name, where several adapters share one
    inputs: ClassVar[tuple[str, ...]] = ("json",)  # "json", "regex" and dialects of grammars, the preferred one first
    slow: ClassVar[bool] = False  # takes a small sample: seconds a schema or milliseconds a token
    quick: ClassVar[bool] = True  # False: takes minutes to start, left out of `run --quick`
    masks: ClassVar[bool] = True  # False: no access to masks, scored end to end only
    options: ClassVar[frozenset[str]] = frozenset()  # names of the options that `compile` takes
    refusals: tuple[type[BaseException], ...] = (Exception,)  # what a refusal of a schema raises; the rest is a crash

    @abstractmethod
    def setup(self, tokenizer: Tokenizer) -> None:
        """Import the engine and give it the vocabulary."""

    @abstractmethod
    def compile(self, schema: str, **options: Any) -> Any:
        """Compile one schema, given as JSON text, from cold."""

    def compile_regex(self, pattern: str) -> Any:
        """Compile a regular expression (Python's dialect) whose whole texts are meant."""
        raise NotSupported(f"{self.package} takes no regular expressions", "regular expressions")

    def compile_grammar(self, dialect: str, text: str) -> Any:
        """Compile a context-free grammar in one of the dialects of `inputs`."""
        raise NotSupported(f"{self.package} takes no {dialect} grammars", f"{dialect} grammars")

    def specification(self, resources: dict[str, Any]) -> dict[str, Any]:
        """Options under which a schema means exactly what the specification says. resources: schemas by their URI."""
        return {}

    @abstractmethod
    def start(self, compiled: Any) -> Walk:
        """The state before the first token of a new text."""

    def write(self, model: str, prompt: str, compiled: Any, max_tokens: int) -> dict[str, Any]:
        """A whole text by a model that the engine runs itself (a GGUF file), for engines without access to masks."""
        raise NotSupported(f"{self.package} runs no models", "models")

    def feature(self, error: BaseException) -> dict[str, Any]:
        """What a refusal says: `feature` (keyword or first words of the message) and `pointer`, if it has one."""
        return {"feature": getattr(error, "feature", None) or first_words(str(error))}


def words_for(tokenizer: Tokenizer) -> int:
    """Number of 32-bit words in a mask over the vocabulary."""
    return (tokenizer.size + 31) // 32


def has_bit(words: Words, token: int) -> bool:
    """Is the token allowed in this mask?"""
    return bool(words[token >> 5] >> np.uint32(token & 31) & np.uint32(1))


def first_words(message: str) -> str:
    """The start of a message with what differs from schema to schema left out, to group refusals by."""
    line = message.strip().split("\n")[0]
    kept = ["…" if any(c in "\"'`/#{[<0123456789" for c in word) else word for word in line.split()]
    return " ".join(kept)[:80] or "(no message)"
