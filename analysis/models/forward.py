"""Forward pass: tokenizes a text, runs the network once and records the trace."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from analysis.errors import TextError
from analysis.models.chat import has_template
from analysis.models.hooks import Recorder, recording
from analysis.models.language_model import LanguageModel
from analysis.tokens import Token
from analysis.trace import Prompt, Trace, keeps_logits

MAX_CHARACTERS = 20_000  # tokenizing a longer text would only delay its refusal
CAPTURE_VERSION = 4  # raise it when the captured arrays change, so that older files are not read


def encode(
    model: LanguageModel,
    text: str,
    *,
    start: bool = False,
    chat: bool = False,
    written: Sequence[int] = (),
    max_tokens: int | None = None,
    max_characters: int = MAX_CHARACTERS,
) -> tuple[Token, ...]:
    """Tokenize a text with the model's own tokenizer; with `start`, after the start token; with `chat`, as a message in
    the model's chat template; and append the ids of tokens that were written after it.

    No token is added that the tokenizer, the switch or the template does not add, and none is added twice. A special
    token that is typed out (`<|endoftext|>`) becomes that token if the tokenizer reads it as such, as in the model's
    training texts.

    Raises: TextError for a text that is empty, is not valid Unicode, is longer than `max_characters`, `max_tokens` or
    the model's limit, or has a token that the model does not know; and as `as_message` does.
    """
    ids, from_template = _ids(model, text, start, chat, max_characters)
    n_own = len(ids)
    limit = longest_text(model, max_tokens)
    excess = n_own + len(written) - limit
    if excess > 0:
        reader = "this server" if limit == max_tokens else "this model"
        after = f" and {len(written):,} that were written after it" if written else ""
        raise TextError(
            f"The text has {n_own:,} tokens{after}; {reader} reads at most {limit:,}. "
            f"Shorten it by {excess:,} token{'s' if excess > 1 else ''}."
        )
    _refuse_unknown(model, ids)
    _refuse_unknown_written(model, written)
    ids, from_template = [*ids, *written], [*from_template, *[False] * len(written)]
    groups: list[int] = []
    for position, token_id in enumerate(ids):
        continues = position > 0 and _continues_character(model.vocabulary.bytes(token_id))
        groups.append(groups[-1] if continues else position)
    return tuple(
        Token(token_id, model.vocabulary.piece(token_id).label, position, group, added, position >= n_own)
        for position, (token_id, group, added) in enumerate(zip(ids, groups, from_template, strict=True))
    )


def longest_text(model: LanguageModel, max_tokens: int | None) -> int:
    """The most tokens that are read: the model's limit, or that of the server, if it is lower."""
    return min(model.info.max_positions, max_tokens or model.info.max_positions)


def count_tokens(
    model: LanguageModel, text: str, *, start: bool = False, chat: bool = False, max_characters: int = MAX_CHARACTERS
) -> int:
    """The number of tokens of a text, which may be more than the model reads.

    Raises: TextError as `encode` does, except for a text of too many or of unknown tokens.
    """
    return len(_ids(model, text, start, chat, max_characters)[0])


def _ids(model: LanguageModel, text: str, start: bool, chat: bool, max_characters: int) -> tuple[list[int], list[bool]]:
    """The token ids, and of each, whether the chat template has added it."""
    if not text:
        raise TextError("The text is empty. Type a sentence, or choose one of the examples.")
    if len(text) > max_characters:
        raise TextError(f"The text has {len(text):,} characters; at most {max_characters:,} are read. Shorten it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextError(
            f"Character {error.start} of the text is half a character (a lone surrogate). Remove it."
        ) from None
    if chat:
        ids, from_template = model.tokenize_message(text)
    else:
        ids = model.tokenize(text)
        from_template = [False] * len(ids)
    if start:
        if model.start_id is None:
            raise TextError("This model has no token that starts a text. Switch off the start token.")
        if ids[:1] != [model.start_id]:  # some tokenizers and templates add it
            ids, from_template = [model.start_id, *ids], [False, *from_template]
    if not ids:
        raise TextError("The model's tokenizer finds no tokens in this text. Type a sentence.")
    return ids, from_template


def _refuse_unknown(model: LanguageModel, ids: list[int]) -> None:
    for position, token_id in enumerate(ids):
        if token_id >= model.n_readable:
            raise TextError(
                f"The model does not know the token ‘{model.vocabulary.piece(token_id).label}’ at position {position}: "
                f"its id is {token_id}, and the embedding has {model.n_readable} rows (ids 0–{model.n_readable - 1}). "
                "It was added to the tokenizer, and the embedding was not resized. Remove it from the text."
            )


def _refuse_unknown_written(model: LanguageModel, written: Sequence[int]) -> None:
    for token_id in written:
        if not 0 <= token_id < model.n_readable:
            raise TextError(
                f"This model has no token with the id {token_id}, which is among those written after the text. Its "
                f"ids are 0–{model.n_readable - 1}."
            )


def fitting_prompt(model: LanguageModel, prompt: Prompt) -> Prompt:
    """The prompt without the switches that the model does not have, or that would change nothing."""
    if not (prompt.start or prompt.chat):
        return prompt
    chat = prompt.chat and has_template(model.tokenizer)
    fitting = replace(prompt, chat=chat, start=prompt.start and not fixed_start(model, chat=chat))
    return prompt if fitting == prompt else fitting


def fixed_start(model: LanguageModel, *, chat: bool) -> bool:
    """Whether every text begins with the start token anyway, or never can."""
    if model.start_id is None:
        return True
    if not chat:
        return model.adds_start
    try:
        return model.tokenize_message("a")[0][:1] == [model.start_id]
    except TextError:  # which the text itself will raise
        return False


def compute_trace(model: LanguageModel, prompt: Prompt, *, max_tokens: int | None = None) -> Trace:
    """Run the model once over the text and keep the trace in memory, in single precision.

    Raises: TextError as `encode` does.
    """
    switches = {"start": prompt.start, "chat": prompt.chat}
    tokens = encode(model, prompt.text, **switches, written=prompt.written, max_tokens=max_tokens)
    arrays: dict[str, torch.Tensor] = {}
    capture(model, tokens, arrays)
    return Trace(prompt, tokens, model.info, lambda name: arrays[name].numpy())


def capture(model: LanguageModel, tokens: tuple[Token, ...], recorder: Recorder) -> None:
    """Run one forward pass and give the recorder each array as soon as it is computed, by its name on disk."""
    with torch.inference_mode(), recording(recorder):
        ids = torch.tensor([[token.id for token in tokens]])
        keeps = keeps_logits(model.info, len(tokens))
        logits = model.network(input_ids=ids, use_cache=False, logits_to_keep=0 if keeps else 1).logits[0]
        if keeps:
            recorder["logits"] = logits


def _continues_character(raw: bytes) -> bool:
    """Whether the bytes start in the middle of a character: UTF-8 marks all but a character's first byte."""
    return raw[:1] != b"" and raw[0] & 0b1100_0000 == 0b1000_0000
