"""The number of tokens of a text, compared with the tokens that are analysed."""

import pytest

from analysis.errors import TextError
from analysis.models.forward import count_tokens, encode
from analysis.models.language_model import LanguageModel
from tests.tiny import TEXT


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("text", ["T", "   ", "🧀", TEXT[:50]])
def test_the_count_is_that_of_the_tokens_on_every_family(tiny_model: LanguageModel, text: str, start: bool) -> None:
    assert count_tokens(tiny_model, text, start=start) == len(encode(tiny_model, text, start=start))


def test_a_text_that_is_too_long_for_the_model_has_a_count(tiny_gpt2: LanguageModel) -> None:
    text = "x" * 300
    assert count_tokens(tiny_gpt2, text) == len(tiny_gpt2.tokenizer(text)["input_ids"]) > tiny_gpt2.info.max_positions
    with pytest.raises(TextError, match="this model reads at most 64"):
        encode(tiny_gpt2, text)


@pytest.mark.parametrize(
    ("text", "message"), [("", "is empty"), ("abc", "3 characters"), ("\ud800", "half a character")]
)
def test_what_cannot_be_counted(tiny_gpt2: LanguageModel, text: str, message: str) -> None:
    with pytest.raises(TextError, match=message):
        count_tokens(tiny_gpt2, text, max_characters=2)
