"""Token bytes of `tokenizers` against what its own decoders make of the tokens between others."""

from __future__ import annotations

from typing import Any

import pytest

from constrain.errors import InvalidVocabulary
from constrain.vocabulary import Vocabulary
from constrain.vocabulary.adapters.bytelevel import BYTE_OF, pack_byte_level

tokenizers = pytest.importorskip("tokenizers")
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models  # noqa: E402

SPELLING = {b: c for c, b in BYTE_OF.items()}


def make(texts: list[str], decoder: Any, **options: Any) -> Any:
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(texts)}, merges=[], **options))
    if decoder is not None:
        tokenizer.decoder = decoder
    return tokenizer


def assert_decodes(tokenizer: Any, v: Vocabulary, letter: int) -> None:
    """Every pair of tokens between two letters decodes to the text of the bytes."""
    ids = [i for i in range(tokenizer.get_vocab_size()) if v.token_bytes(i)]
    for a in ids:
        for b in ids:
            raw = b"".join(map(v.token_bytes, (letter, a, b, letter)))
            assert tokenizer.decode([letter, a, b, letter], skip_special_tokens=False) == raw.decode(
                "utf-8", "replace"
            ), (a, b)


def test_alphabet_is_that_of_the_library() -> None:
    from tokenizers import pre_tokenizers

    assert set(BYTE_OF) == set(pre_tokenizers.ByteLevel.alphabet())
    assert sorted(BYTE_OF.values()) == list(range(256))


def test_byte_level_with_added_tokens_outside_of_the_alphabet() -> None:
    tokenizer = make(["a", "Ġb", "âĤ", "¬", "é", "Ċ"], decoders.ByteLevel())
    tokenizer.add_tokens([AddedToken(" <tool> ", special=False), AddedToken("日本", special=False), "plain", "è"])
    tokenizer.add_special_tokens([AddedToken("<eos>", special=True), AddedToken("<ctl>", special=True)])
    v = Vocabulary.from_transformers(tokenizer, eos=10)
    assert v.tokens == [
        b"a", b" b", b"\xe2\x82", b"\xac", b"\xe9", b"\n",
        b" <tool> ", "日本".encode(), b"plain", b"\xe8",  # "è" is the spelling of a byte, and is decoded so
        b"", b"",
    ]  # fmt: skip
    assert v.eos_ids == (10,) and v.special_ids == (11,)
    assert v.special_names == {"<eos>": 10, "<ctl>": 11}
    assert_decodes(tokenizer, v, 0)


def test_every_byte_of_the_alphabet() -> None:
    data, lengths = pack_byte_level([SPELLING[b] for b in range(256)] + ["", "€" + SPELLING[10], "\ud800"])
    assert data == bytes(range(256)) + "€Ċ".encode() + b"?" and lengths.tolist() == [1] * 256 + [0, 5, 1]


def test_sentencepiece_with_byte_fallback() -> None:
    llama = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    texts = ["<unk>", "<s>", "</s>", "<0x41>", "<0xE4>", "<0xff>", "a", "▁b", "▁", "▁▁", "日", "<0x4>", "<0xGG>", "A"]
    tokenizer = make(texts, llama, byte_fallback=True, unk_token="<unk>")
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.add_tokens(["▁user ", "two\nlines"])
    v = Vocabulary.from_transformers(tokenizer, eos=[2])
    assert v.tokens == [
        b"", b"", b"", b"A", b"\xe4", b"\xff", b"a", b" b", b" ", b"  ", "日".encode(), b"<0x4>", b"<0xGG>", b"A",
        b" user ", b"two\nlines",
    ]  # fmt: skip
    assert v.special_ids == (0, 1)
    whole = Vocabulary.from_tokens([b"" if t in (b"\xe4", b"\xff") else t for t in v.tokens], eos=[2])
    assert_decodes(tokenizer, whole, 6)  # pieces of characters: `tokenizers` writes one U+FFFD a byte


@pytest.mark.parametrize("scheme", ["always", "never", "first"])
def test_metaspace(scheme: str) -> None:
    tokenizer = make(["a", "▁b", "c▁d", "▁"], decoders.Metaspace(prepend_scheme=scheme))
    v = Vocabulary.from_transformers(tokenizer, eos=())
    assert v.tokens == [b"a", b" b", b"c d", b" "]
    assert_decodes(tokenizer, v, 0)


@pytest.mark.parametrize(
    "decoder",
    [
        decoders.Strip("_", 1, 0),
        decoders.Strip("_", 2, 1),
        decoders.Strip("_", 0, 3),
        decoders.Sequence([decoders.Replace("_", "-"), decoders.Strip("-", 1, 1), decoders.Fuse()]),
        decoders.Sequence([decoders.Sequence([decoders.Replace("_", "")]), decoders.Fuse()]),
        decoders.Fuse(),
    ],
    ids=str,
)
def test_stages_that_act_on_each_token(decoder: Any) -> None:
    tokenizer = make(["a", "_", "__", "_a_", "b__", "____b____", "-_-"], decoder)
    assert_decodes(tokenizer, Vocabulary.from_transformers(tokenizer, eos=()), 0)


@pytest.mark.parametrize(
    ("decoder", "reason"),
    [
        (None, "no decoder"),
        (decoders.WordPiece(), "WordPiece"),
        (decoders.BPEDecoder(), "BPEDecoder"),
        (decoders.CTC(), "CTC"),
        (decoders.Replace(Regex("_+"), " "), "Replace"),
        (decoders.Sequence([decoders.Fuse(), decoders.Replace("ab", "c")]), "Replace"),
        (decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 0, 1)]), "Strip"),
        (decoders.Sequence([decoders.ByteFallback(), decoders.Replace("A", "B")]), "Replace"),
    ],
    ids=str,
)
def test_decoders_that_need_the_neighbours_are_refused(decoder: Any, reason: str) -> None:
    with pytest.raises(InvalidVocabulary, match=reason):
        Vocabulary.from_transformers(make(["a", "b"], decoder), eos=())


def test_wordpiece_model_is_refused() -> None:
    tokenizer = Tokenizer(models.WordPiece({"a": 0, "##b": 1, "[UNK]": 2}, unk_token="[UNK]"))
    tokenizer.decoder = decoders.WordPiece("##")
    with pytest.raises(InvalidVocabulary, match="WordPiece"):
        Vocabulary.from_transformers(tokenizer, eos=())


def test_unknown_token_of_a_unigram_model_is_no_text() -> None:
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁a", -1.0), ("b", -2.0)], 0, False))
    tokenizer.decoder = decoders.Metaspace()
    assert Vocabulary.from_transformers(tokenizer, eos=()).tokens == [b"", b" a", b"b"]


def test_ids_with_holes_and_padding() -> None:
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 5}, merges=[]))
    tokenizer.decoder = decoders.ByteLevel()
    v = Vocabulary.from_transformers(tokenizer, eos=(), size=9)
    assert v.tokens == [b"a", b"", b"", b"", b"", b"b", b"", b"", b""] and v.special_ids == (1, 2, 3, 4, 6, 7, 8)


def test_a_bare_tokenizer_names_no_end() -> None:
    with pytest.raises(InvalidVocabulary, match="eos"):
        Vocabulary.from_tokenizer(make(["a"], decoders.ByteLevel()))


def wrapped(**options: Any) -> Any:
    transformers = pytest.importorskip("transformers")
    texts = [*(SPELLING[b] for b in range(256)), "<eos>", "<turn>"]
    tokenizer = make(texts, decoders.ByteLevel())
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", **options)


def test_transformers_fast_tokenizer() -> None:
    tokenizer = wrapped(pad_token="<pad>")
    tokenizer.add_tokens(["<tool_call>"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<turn>"]})
    v = Vocabulary.from_tokenizer(tokenizer)
    assert v.eos_ids == (256,)
    assert v.tokens[:256] == [bytes([b]) for b in range(256)] and v.missing_bytes == b""
    assert v.token_bytes(tokenizer.convert_tokens_to_ids("<tool_call>")) == b"<tool_call>"
    assert v.special_ids == (257, tokenizer.pad_token_id)
    assert v.special_id("<pad>") == tokenizer.pad_token_id and v.special_id("<tool_call>") is None
    assert v.special_id(tokenizer.eos_token) == 256
    assert Vocabulary.from_tokenizer(tokenizer, eos=[256, 257]).eos_ids == (256, 257)
    assert Vocabulary.from_tokenizer(tokenizer, eos=257).special_ids[0] == 256, "an end that is not asked for is silent"


def test_the_same_tokenizer_is_read_once_until_it_changes() -> None:
    tokenizer = wrapped()
    first = Vocabulary.from_tokenizer(tokenizer)
    assert Vocabulary.from_tokenizer(tokenizer) is first
    tokenizer.add_tokens(["more text"])
    second = Vocabulary.from_tokenizer(tokenizer)
    assert second != first and second.token_bytes(258) == b"more text"
    tokenizer.add_special_tokens({"eos_token": "<turn>"})
    assert Vocabulary.from_tokenizer(tokenizer).eos_ids == (257,)
    tokenizer.backend_tokenizer.decoder = decoders.Fuse()
    assert Vocabulary.from_tokenizer(tokenizer).token_bytes(0) == SPELLING[0].encode()


def test_a_processor_is_read_through_its_tokenizer() -> None:
    class Processor:
        def __init__(self, tokenizer: Any) -> None:
            self.tokenizer = tokenizer

    assert Vocabulary.from_tokenizer(Processor(wrapped())).eos_ids == (256,)


def test_slow_tokenizer_of_bytes() -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.ByT5Tokenizer()
    v = Vocabulary.from_tokenizer(tokenizer)
    text = "Grüße, 世界 🙂\n\t{}"
    assert b"".join(map(v.token_bytes, tokenizer.encode(text, add_special_tokens=False))) == text.encode()
    assert v.eos_ids == (1,) and v.missing_bytes == b"" and len(v.trie.ids) == 248 + len(v.special_names)


def test_slow_tokenizer_that_no_rule_fits_is_refused() -> None:
    transformers = pytest.importorskip("transformers")
    with pytest.raises(InvalidVocabulary, match="CanineTokenizer"):
        Vocabulary.from_tokenizer(transformers.CanineTokenizer(), eos=1)


class Slow:
    """A slow byte-level tokenizer in the shape of transformers 4, whose decoding can be bent."""

    def __init__(self, bend: str = "") -> None:
        self.texts = [*(SPELLING[b] for b in range(256)), "the", "Ġof", "<eos>", " added é"]
        self.byte_decoder = BYTE_OF
        self.added_tokens_decoder = {258: AddedToken("<eos>", special=True), 259: AddedToken(" added é", special=False)}
        self.eos_token_id, self.unk_token_id, self.all_special_ids, self.bend = 258, None, [258], bend

    def __len__(self) -> int:
        return len(self.texts)

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [self.texts[i] for i in ids]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return bytes(BYTE_OF[c] for c in "".join(tokens)).decode("utf-8", "replace").replace(" ", " " + self.bend)


def test_slow_byte_level_tokenizer() -> None:
    v = Vocabulary.from_tokenizer(Slow())
    assert v.tokens[:256] == [bytes([b]) for b in range(256)]
    assert v.tokens[256:] == [b"the", b" of", b"", " added é".encode()] and v.eos_ids == (258,)
    assert v.special_names == {"<eos>": 258}


def test_a_tokenizer_that_rewrites_text_is_refused() -> None:
    with pytest.raises(InvalidVocabulary, match="decodes token 257"):
        Vocabulary.from_tokenizer(Slow(bend="_"))
