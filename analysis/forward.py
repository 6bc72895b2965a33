"""The forward pass: a text is cut into tokens, run once through the network, and recorded as a trace."""

import torch

from analysis.errors import TextError
from analysis.models.hooks import Record, recording
from analysis.models.language_model import LanguageModel
from analysis.tokens import Token
from analysis.trace import Prompt, Trace

MAX_CHARACTERS = 20_000  # tokenizing more would only delay the message that says so
CAPTURE_VERSION = 3  # to be raised when what is captured changes, so that older files are not read


def encode(
    model: LanguageModel,
    text: str,
    *,
    start: bool = False,
    max_tokens: int | None = None,
    max_characters: int = MAX_CHARACTERS,
) -> tuple[Token, ...]:
    """The text as the model's own tokenizer cuts it; with `start`, the end-of-text token stands in front.

    Nothing is added that the tokenizer does not add. A special token that is typed out (`<|endoftext|>`) is that token
    where the tokenizer says so, as in the model's own training texts.
    Raises: TextError for an empty text, one that is no text, or one longer than `max_characters`, than
    `max_tokens` or than the model reads.
    """
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
    ids = model.tokenize(text)
    if start:
        if model.start_id is None:
            raise TextError("This model has no end-of-text token to start with. Switch that off.")
        if ids[:1] != [model.start_id]:  # some tokenizers put it there themselves
            ids = [model.start_id, *ids]
    if not ids:
        raise TextError("The model's tokenizer finds no token in this text. Type a sentence.")
    limit = min(model.info.max_positions, max_tokens or model.info.max_positions)
    excess = len(ids) - limit
    if excess > 0:
        reader = "this server" if limit == max_tokens else "this model"
        raise TextError(
            f"The text has {len(ids):,} tokens; {reader} reads at most {limit:,}. "
            f"Shorten it by {excess:,} token{'s' if excess > 1 else ''}."
        )
    groups: list[int] = []
    for position, token_id in enumerate(ids):
        continues = position > 0 and _continues_character(model.vocabulary.bytes(token_id))
        groups.append(groups[-1] if continues else position)
    return tuple(
        Token(token_id, model.vocabulary.piece(token_id).label, position, group)
        for position, (token_id, group) in enumerate(zip(ids, groups, strict=True))
    )


def compute_trace(model: LanguageModel, prompt: Prompt, *, max_tokens: int | None = None) -> Trace:
    """Run the model once over the text and keep what it computed, in memory and in single precision.

    Raises: TextError as `encode` does.
    """
    tokens = encode(model, prompt.text, start=prompt.start, max_tokens=max_tokens)
    arrays: dict[str, torch.Tensor] = {}
    capture(model, tokens, arrays)
    return Trace(prompt, tokens, model.info, lambda name: arrays[name].numpy())


def capture(model: LanguageModel, tokens: tuple[Token, ...], record: Record) -> None:
    """Give the record the arrays of one forward pass by their names on disk, each as soon as it is computed."""
    with torch.inference_mode(), recording(record):
        ids = torch.tensor([[token.id for token in tokens]])
        record["logits"] = model.network(input_ids=ids, use_cache=False).logits[0]


def _continues_character(raw: bytes) -> bool:
    """Whether the bytes start in the middle of a character: UTF-8 marks all but a character's first byte."""
    return raw[:1] != b"" and raw[0] & 0b1100_0000 == 0b1000_0000
