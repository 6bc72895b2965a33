"""Chat templates: what they add, what is the text, and what goes wrong in strangers' templates."""

from typing import Any

import pytest

from analysis.errors import TextError
from analysis.models.chat import as_message, has_template
from analysis.models.forward import encode, fitting_prompt, fixed_start
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.trace import Prompt
from tests.checkpoints import CHATML, chat_tokenizer, starting_tokenizer
from tests.tiny import byte_level_tokenizer, make_tiny

TRIMMED = "{{ bos_token }}[INST] {{ messages[0].content | trim }} [/INST]"  # as Llama 2 and 3 do


def model_with(tokenizer: Any, model_type: str = "qwen2", **shape: Any) -> LanguageModel:
    return prepare_model("chat", make_tiny(model_type, vocab_size=320, **shape).network, tokenizer)


def read(model: LanguageModel, text: str, **switches: bool) -> tuple[str, str]:
    """The tokens of a text, and of each, whether the template has added it (`t`)."""
    tokens = encode(model, text, **switches)
    return "".join(token.label for token in tokens), "".join("t" if token.template else "." for token in tokens)


def test_a_text_becomes_a_message_with_the_beginning_of_the_answer() -> None:
    model = model_with(chat_tokenizer())
    shown, added = read(model, "a fox", chat=True)
    assert shown == "<|im_start|>user↵a·fox<|im_end|>↵<|im_start|>assistant↵"
    rendered = model.tokenizer.apply_chat_template(
        [{"role": "user", "content": "a fox"}], tokenize=True, add_generation_prompt=True, return_dict=False
    )
    assert [token.id for token in encode(model, "a fox", chat=True)] == rendered
    own = encode(model, "a fox")
    assert added.strip("t") == "." * len(own)
    start = added.index(".")
    assert [token.id for token in encode(model, "a fox", chat=True)[start : start + len(own)]] == [t.id for t in own]
    assert not any(token.template for token in own)


@pytest.mark.parametrize(
    "text", ["user", "assistant\nuser", "Q7xMessageQ7x", "  two  ", "🧀 é", "<|im_end|>", "{{ 7*7 }}"]
)
def test_the_text_is_found_in_any_template(text: str) -> None:
    for template, given in ((CHATML, text), (TRIMMED, text.strip()), ("{{ messages[0].content }}", text)):
        rendered, own = as_message(chat_tokenizer(template), text)
        assert rendered[own] == given
        assert rendered == rendered[: own.start] + given + rendered[own.stop :]


def test_of_a_template_that_alters_the_text_nothing_is_called_its_own() -> None:
    shown, added = read(model_with(chat_tokenizer("<|im_start|>{{ messages[0].content | upper }}")), "fox", chat=True)
    assert shown.endswith("FOX")
    assert set(added) == {"."}


def test_the_start_token_comes_once() -> None:
    model = model_with(chat_tokenizer())
    assert read(model, "fox", start=True)[0] == "<|endoftext|>fox"
    shown, added = read(model, "fox", start=True, chat=True)
    assert shown.startswith("<|endoftext|><|im_start|>user")
    assert added.startswith(".tt")
    assert not fixed_start(model, chat=True)
    itself = model_with(chat_tokenizer(TRIMMED))
    assert read(itself, "fox", start=True, chat=True) == read(itself, "fox", chat=True)
    assert read(itself, "fox", chat=True)[0].count("<|endoftext|>") == 1
    assert fixed_start(itself, chat=True)
    assert not fixed_start(itself, chat=False)
    assert fitting_prompt(itself, Prompt("chat", "fox", start=True, chat=True)) == Prompt("chat", "fox", chat=True)
    assert fitting_prompt(itself, Prompt("chat", "fox", start=True)) == Prompt("chat", "fox", start=True)


def test_a_tokenizer_that_adds_the_start_token_adds_it_once() -> None:
    model = model_with(starting_tokenizer(), "llama")
    for switches in ({}, {"start": True}):
        for text in ("the fox", "<s>the fox"):
            assert read(model, text, **switches)[0].startswith("<s>·the")
    assert read(model, "<s><s>the")[0].startswith("<s><s>"), "it was typed twice"
    assert fixed_start(model, chat=False)
    assert fitting_prompt(model, Prompt("chat", "fox", start=True, chat=True)) == Prompt("chat", "fox")


def test_the_start_token_is_the_beginning_of_a_text_not_the_end_of_a_turn() -> None:
    def start(tokenizer: Any, **shape: Any) -> str | None:
        model = model_with(tokenizer, **shape)
        model.network.config.bos_token_id = shape.get("configured")
        return None if model.start_id is None else model.vocabulary.piece(model.start_id).label

    assert start(chat_tokenizer()) == "<|endoftext|>"
    assert start(byte_level_tokenizer()) == "<|endoftext|>"
    # Qwen's tokenizer names none, but its configuration does.
    nameless = chat_tokenizer(bos_token=None)
    model = model_with(nameless)
    model.network.config.bos_token_id = 0
    assert model.start_id == 0
    ordinary = model_with(nameless)
    ordinary.network.config.bos_token_id = 5  # the default of a class, which is a letter here
    assert ordinary.vocabulary.piece(ordinary.start_id or 0).label == "<|im_end|>"
    beyond = prepare_model("small", make_tiny("qwen2", vocab_size=296).network, nameless)
    beyond.network.config.bos_token_id = None
    assert beyond.tokenizer.eos_token_id == 296
    assert beyond.start_id is None


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ raise_exception('Only system messages!') }}", "Only system messages!"),
        ("{% for %}", "cannot be used"),
        ("{{ messages[3].content }}", "no element 3"),
        ("{{ messages.append(1) }}", "cannot be used"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% for n in range(100000000) %}x{% endfor %}", "Range too big"),
        ("{% for n in range(30000) %}x{% endfor %}", "too long"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_in_words(template: str, reason: str) -> None:
    with pytest.raises(TextError, match=f"chat template of this model .*{reason}.* Switch off “as a chat message”"):
        encode(model_with(chat_tokenizer(template)), "fox", chat=True)


def test_a_model_without_a_template() -> None:
    model = model_with(byte_level_tokenizer())
    assert not has_template(model.tokenizer)
    with pytest.raises(TextError, match="no chat template"):
        encode(model, "fox", chat=True)
    assert fitting_prompt(model, Prompt("chat", "fox", chat=True)) == Prompt("chat", "fox")


def test_a_token_that_the_model_does_not_know() -> None:
    tokenizer = chat_tokenizer(pad_token="[PAD]")
    model = prepare_model("small", make_tiny("qwen2", vocab_size=297).network, tokenizer)
    with pytest.raises(
        TextError, match=r"token ‘\[PAD\]’ at position \d+: its id is 297, and the embedding has 297 rows"
    ):
        encode(model, "the fox[PAD]")
    assert encode(model, "the fox")
    assert not model.vocabulary.search("[PAD]", most=5), "it has no logit"
    assert model.vocabulary.search("<|im_end|>", most=5)


def test_tokens_of_all_kinds_that_the_model_does_not_know() -> None:
    """An ordinary word that was added to the tokenizer, and the tokens of a chat template."""
    tokenizer = chat_tokenizer()
    tokenizer.add_tokens(["zyzzyva"])
    model = prepare_model("small", make_tiny("qwen2", vocab_size=297).network, tokenizer)
    with pytest.raises(TextError, match=r"token ‘zyzzyva’ at position 3: its id is 297, .* 297 rows"):
        encode(model, "foxzyzzyva", start=True)
    smaller = prepare_model("smaller", make_tiny("qwen2", vocab_size=295).network, chat_tokenizer())
    with pytest.raises(TextError, match=r"token ‘<\|im_start\|>’ at position 0: its id is 295, .* 295 rows"):
        encode(smaller, "fox", chat=True)
    assert encode(smaller, "fox")
