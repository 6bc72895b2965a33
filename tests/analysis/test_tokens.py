import copy
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from analysis.errors import TextError
from analysis.models.forward import MAX_CHARACTERS, encode
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import _vocabulary, prepare_model
from analysis.tokens import Piece, Token, Vocabulary, shown
from tests.tiny import byte_level_tokenizer, make_tiny, sentencepiece_tokenizer

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates, control characters and all
TRICKY = [" ", "\n", "\x00", "\u202e", "👨‍👩‍👧", "🧀 🧀", "é", "e\u0301", "مرحبا", "<b>&amp;", "<|endoftext|>"]


@cache
def long_model(kind: str) -> LanguageModel:
    return make_tiny(kind, max_position_embeddings=4000)


def with_tokenizer(tokenizer: Any) -> LanguageModel:
    return prepare_model("tiny", make_tiny("gpt2").network, tokenizer)


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        (" the", "·the"),
        ("  ", "··"),
        ("\n", "↵"),
        ("\r\n", "␍↵"),
        ("\t", "⇥"),
        ("\x00", "␀"),
        ("\x1b", "␛"),
        ("\x7f", "␡"),
        ("\x85", "‹U+0085›"),
        ("\u202e", "‹U+202E›"),  # right-to-left override
        ("\u200d", "‹U+200D›"),  # zero-width joiner
        ("\ufeff", "‹U+FEFF›"),
        ("\u00ad", "‹U+00AD›"),  # soft hyphen
        ("\u00a0", "⍽"),
        ("\u3000", "‹U+3000›"),  # ideographic space
        ("\u2028", "‹U+2028›"),
        ("\U000e0041", "‹U+E0041›"),  # tag
        ("é", "é"),
        ("e\u0301", "e\u0301"),
        ("\u0301", "◌\u0301"),
        (" \u0301", "·\u0301"),
        ("中文", "中文"),
        ("🧀", "🧀"),
        (" مرحبا", "\u2068·مرحبا\u2069"),
        ("<b>", "<b>"),
        (b"\xf0\x9f", "‹F0 9F›"),
        (b"\x9f\xa7a", "‹9F A7›a"),
        (b" \xe4\xb8", "·‹E4 B8›"),
        (b"\xff\xc3\xa9\xff", "‹FF›é‹FF›"),
        (b"\xed\xa0\x80", "‹ED A0 80›"),  # a surrogate, which is not UTF-8
        (b"", ""),
    ],
)
def test_how_bytes_are_shown(raw: str | bytes, label: str):
    assert shown(raw if isinstance(raw, bytes) else raw.encode()) == label


@given(st.binary())
def test_any_bytes_are_shown_without_invisible_characters(raw: bytes):
    label = shown(raw)
    assert bool(label) == bool(raw)
    assert not any(c.isspace() or ord(c) < 32 for c in re.sub("‹[0-9A-F ]+›", "", label))


def test_markup_is_escaped_once():
    assert Piece(0, "<b>&lt;</b>").markup == "&lt;b&gt;&amp;lt;&lt;/b&gt;"
    assert Piece(0, "·<a href='x'>").markup == "·&lt;a href='x'&gt;"


@pytest.mark.parametrize(
    ("label", "short"),
    [
        ("abcd", "abcd"),
        ("abcde", "abc…"),
        ("<<<<", "&lt;" * 4),
        ("<&>ab", "&lt;&amp;&gt;…"),  # cut before it is escaped: no half an entity
        ("\u2068·مرح\u2069", "\u2068·مرح\u2069"),
        ("\u2068·مرحبا\u2069", "\u2068·مر…\u2069"),  # what follows is not turned around
    ],
)
def test_a_long_label_is_cut_for_a_figure(label: str, short: str):
    assert Piece(0, label).short(4) == short
    assert Token(0, label, 3, 3).short(4) == short


@given(ANY_TEXT)
def test_the_bytes_of_all_tokens_are_the_text(text: str):
    model = long_model("gpt2")
    try:
        tokens = encode(model, text)
    except TextError:
        assert not text or any(0xD800 <= ord(c) < 0xE000 for c in text)
        return
    assert b"".join(model.vocabulary.bytes(token.id) for token in tokens) == text.encode()
    assert [token.position for token in tokens] == list(range(len(tokens)))
    assert all(token.label for token in tokens)


@given(ANY_TEXT)
def test_groups_are_whole_characters(text: str):
    """Groups are runs of neighbours, and the bytes of each run are text: no character is split between two of them."""
    model = long_model("gpt2")
    try:
        tokens = encode(model, text)
    except TextError:
        return
    groups: dict[int, bytes] = {}
    for token in tokens:
        groups[token.group] = groups.get(token.group, b"") + model.vocabulary.bytes(token.id)
        assert token.group in (token.position, token.position and tokens[token.position - 1].group)
    assert "".join(raw.decode() for raw in groups.values()) == text


@given(ANY_TEXT)
def test_a_sentencepiece_vocabulary_takes_any_text_or_says_why_not(text: str):
    model = long_model("llama")
    try:
        tokens = encode(model, text)
    except TextError:
        assert not text or any(0xD800 <= ord(c) < 0xE000 for c in text)
        return
    assert all(token.label and token.markup for token in tokens)
    said = b"".join(model.vocabulary.bytes(token.id) for token in tokens).decode()
    # A `▁` that is typed is a space to such a tokenizer.
    assert said.removeprefix(" ") == text.replace("▁", " ").removeprefix(" ")


@pytest.mark.parametrize("text", TRICKY)
def test_every_family_takes_tricky_texts(tiny_model: LanguageModel, text: str):
    tokens = encode(tiny_model, text)
    assert tokens
    assert all(token.label for token in tokens)


def test_an_emoji_is_one_group_of_bytes(tiny_gpt2: LanguageModel):
    tokens = encode(tiny_gpt2, "a👨‍👩b")
    family = [(token.label, token.group) for token in tokens]
    assert family == [
        ("a", 0), ("‹F0 9F›", 1), ("‹91›", 1), ("‹A8›", 1), ("‹E2›", 4), ("‹80›", 4), ("‹8D›", 4),
        ("‹F0 9F›", 7), ("‹91›", 7), ("‹A9›", 7), ("b", 10),
    ]  # fmt: skip


def test_a_space_and_half_an_emoji_in_one_token_are_grouped_with_the_other_half():
    """As GPT-2 does it: `Ġð Ł` is a token of its vocabulary, so that ` 😀` is a space with bytes, then bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=258, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([" 🧀 😀 🧀 😃"] * 5, trainer)
    tokens = encode(with_tokenizer(PreTrainedTokenizerFast(tokenizer_object=tokenizer)), "x 😀y")
    assert [(token.label, token.group) for token in tokens] == [
        ("x", 0), ("·‹F0 9F›", 1), ("‹98›", 1), ("‹80›", 1), ("y", 4),
    ]  # fmt: skip


def test_added_tokens_are_spelled_as_the_vocabulary_is():
    """Gemma's tokens for several spaces are in its list of added tokens as well."""
    for make, expected in ((sentencepiece_tokenizer, b"  "), (byte_level_tokenizer, "▁▁".encode())):
        tokenizer = copy.deepcopy(make())
        tokenizer.add_tokens([AddedToken("▁▁", normalized=False)])
        token_id = tokenizer.convert_tokens_to_ids("▁▁")
        assert tokenizer.decode([0, token_id]).encode() == tokenizer.eos_token.encode() + expected
        assert _vocabulary(tokenizer).bytes(token_id) == expected


def test_bytes_of_sentencepiece_tokens():
    vocabulary = Vocabulary(["</s>", "<0x0A>", "▁the", "▁", "<0x"], byte_level=False, literal=frozenset({0}))
    assert [vocabulary.bytes(n) for n in range(6)] == [b"</s>", b"\n", b" the", b" ", b"<0x", b""]
    assert len(vocabulary) == 5


def test_tokens_are_found_by_their_exact_text():
    vocabulary = Vocabulary(["Ġthe", "the", "Â·the", "th", "Ċ", "ðŁ", "the"], byte_level=True, literal=frozenset({6}))
    assert vocabulary.ids(" the") == [0]
    assert vocabulary.ids("·the") == [0, 2]  # as it is shown, or as it is
    assert vocabulary.ids("the") == [1, 6]
    assert vocabulary.ids("\n") == vocabulary.ids("↵") == [4]
    assert vocabulary.ids("‹F0 9F›") == [5]
    assert vocabulary.ids("t") == vocabulary.ids("") == []


def test_an_id_without_a_token_is_shown_as_unused():
    model = make_tiny("gpt2", vocab_size=320)
    assert model.info.n_vocab == 320
    assert len(model.vocabulary) < 320
    assert model.vocabulary.piece(319) == Piece(319, "‹unused 319›")
    assert model.vocabulary.bytes(319) == b""


@pytest.mark.parametrize("text", ["", "\ud83e", "ok \udfff"])
def test_what_is_no_text_is_refused(tiny_model: LanguageModel, text: str):
    with pytest.raises(TextError):
        encode(tiny_model, text)


def test_a_lone_surrogate_is_named_by_its_place(tiny_gpt2: LanguageModel):
    with pytest.raises(
        TextError, match=r"Character 3 of the text is half a character \(a lone surrogate\)\. Remove it"
    ):
        encode(tiny_gpt2, "ok \udfff")


@pytest.mark.parametrize("text", [" ", "  \n\t ", "\u3000"])
def test_only_whitespace_is_a_text(tiny_model: LanguageModel, text: str):
    assert len(encode(tiny_model, text)) >= 1


def test_a_hundred_thousand_characters_are_refused_before_they_are_cut(tiny_gpt2: LanguageModel):
    deaf = replace(tiny_gpt2, tokenizer=None)
    message = f"The text has 100,000 characters; at most {MAX_CHARACTERS:,} are read. Shorten it."
    with pytest.raises(TextError) as refused:
        encode(deaf, "x" * 100_000)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("n_tokens", "max_tokens", "message"),
    [
        (301, 256, "The text has 301 tokens; this server reads at most 256. Shorten it by 45 tokens."),
        (257, 256, "The text has 257 tokens; this server reads at most 256. Shorten it by 1 token."),
        (401, 512, "The text has 401 tokens; this model reads at most 400. Shorten it by 1 token."),
        (1402, None, "The text has 1,402 tokens; this model reads at most 400. Shorten it by 1,002 tokens."),
    ],
)
def test_too_many_tokens(n_tokens: int, max_tokens: int | None, message: str):
    model = make_tiny("gpt2", max_position_embeddings=400)
    text = "%" * n_tokens
    assert len(model.tokenize(text)) == n_tokens
    with pytest.raises(TextError) as refused:
        encode(model, text, max_tokens=max_tokens)
    assert str(refused.value) == message


def test_as_many_tokens_as_are_read_are_read(tiny_gpt2: LanguageModel):
    assert len(encode(tiny_gpt2, "%" * 64, max_tokens=64)) == 64
    with pytest.raises(TextError):
        encode(tiny_gpt2, "%" * 64, max_tokens=64, start=True)


def test_nothing_is_added_unless_asked(tiny_gpt2: LanguageModel):
    plain, started = encode(tiny_gpt2, "a<b"), encode(tiny_gpt2, "a<b", start=True)
    assert [token.label for token in plain] == ["a", "<", "b"]
    assert [token.label for token in started] == ["<|endoftext|>", "a", "<", "b"]
    assert [token.position for token in started] == [token.group for token in started] == [0, 1, 2, 3]
    assert started[0].id == tiny_gpt2.start_id == 0


def test_the_end_of_text_token_can_be_typed(tiny_gpt2: LanguageModel):
    """The model's own tokenizer reads it as the token, and so does the page."""
    tokens = encode(tiny_gpt2, "a<|endoftext|>b")
    assert [token.label for token in tokens] == ["a", "<|endoftext|>", "b"]
    assert tokens[1].id == tiny_gpt2.start_id
    assert tokens[1].markup == "&lt;|endoftext|&gt;"


def test_a_tokenizer_that_adds_a_token_itself_is_left_to_do_so():
    tokenizer = copy.deepcopy(byte_level_tokenizer())
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
    )
    model = with_tokenizer(tokenizer)
    assert [token.label for token in encode(model, "ab")] == ["<|endoftext|>", "a", "b"]
    assert encode(model, "ab", start=True) == encode(model, "ab"), "it would stand there twice"


@pytest.mark.parametrize("make", [byte_level_tokenizer, sentencepiece_tokenizer])
def test_a_model_that_knows_no_start_token_cannot_start_with_it(make: Any):
    tokenizer = copy.deepcopy(make())
    tokenizer.eos_token = tokenizer.bos_token = None
    model = with_tokenizer(tokenizer)
    model.network.config.bos_token_id = None
    assert model.start_id is None
    assert encode(model, "fox")
    with pytest.raises(TextError, match="no token that starts a text"):
        encode(model, "fox", start=True)


def test_threads_can_encode_at_once(tiny_gpt2: LanguageModel):
    texts = [f"text {n} 🧀" for n in range(200)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda text: encode(tiny_gpt2, text), texts)) == [encode(tiny_gpt2, t) for t in texts]
