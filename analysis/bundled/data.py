"""Training data: reads books, tokenizes them and draws batches."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END_OF_TEXT = "<|endoftext|>"
VALIDATION_SHARE = 0.01  # the end of each book, never trained on

TokenIds = NDArray[np.int64]


class CorpusError(Exception):
    """The corpus folder cannot be used for training."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """The token ids of all books. Each book starts with the end-of-text token.

    Attributes
    ----------
    training, validation
        Token ids.
    openings
        The indices in `training` at which paragraphs begin.
    end_of_text
        The id of the end-of-text token.
    """

    training: TokenIds
    validation: TokenIds
    openings: TokenIds
    end_of_text: int


def read_books(folder: Path) -> list[str]:
    """Read all .txt files of a folder, sorted by name.

    Raises: CorpusError if there are none.
    """
    if not folder.is_dir():
        raise CorpusError(f"There is no folder {folder}. Give --corpus a folder of UTF-8 .txt files.")
    books = [path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("*.txt"))]
    books = [book for book in books if book]
    if not books:
        raise CorpusError(f"The folder {folder} holds no .txt file with text in it. Put at least one there.")
    return books


def train_tokenizer(books: list[str], n_vocab: int) -> Tokenizer:
    """Train a byte-level BPE tokenizer, as GPT-2's, of at most `n_vocab` tokens including the end-of-text token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=n_vocab,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(books, trainer)
    return tokenizer


def encode_books(books: list[str], tokenizer: Tokenizer) -> Corpus:
    """Split each book into training and validation text, and tokenize both."""
    vocabulary = tokenizer.get_vocab()
    end_of_text, newline = vocabulary[END_OF_TEXT], vocabulary["Ċ"]
    training: list[int] = []
    validation: list[int] = []
    for encoding in tokenizer.encode_batch(books):
        cut = len(encoding.ids) - max(1, int(len(encoding.ids) * VALIDATION_SHARE))
        training += [end_of_text, *encoding.ids[:cut]]
        validation += [end_of_text, *encoding.ids[cut:]]
    ids = np.array(training, dtype=np.int64)
    openings = np.flatnonzero((ids[:-1] == newline) & (ids[1:] != newline)) + 1
    return Corpus(ids, np.array(validation, dtype=np.int64), np.append(openings, 1), end_of_text)


def draw_batch(
    corpus: Corpus, rng: np.random.Generator, *, n_sequences: int, length: int, repeated_share: float
) -> TokenIds:
    """Draw a batch of training sequences: token ids (n_sequences, length).

    A share of `repeated_share` are repeated segments. Of the rest, a quarter starts with the end-of-text token and a
    paragraph, like a visitor's text, and the others start anywhere.

    Raises: CorpusError if the books are shorter than one sequence.
    """
    if len(corpus.training) <= length:
        raise CorpusError(f"The corpus has {len(corpus.training)} tokens; at least {length + 1} are needed. Add text.")
    last = len(corpus.training) - length
    starts = rng.integers(0, last + 1, n_sequences)
    batch: TokenIds = corpus.training[starts[:, None] + np.arange(length)]
    n_repeated = round(repeated_share * n_sequences)
    for row in range(n_repeated):
        batch[row] = draw_repeated(corpus, rng, length)
    openings = corpus.openings[corpus.openings <= last]
    for row in range(n_repeated, n_repeated + (n_sequences - n_repeated) // 4):
        if len(openings):
            start = rng.choice(openings)
            batch[row] = np.append(corpus.end_of_text, corpus.training[start : start + length - 1])
    return batch


def draw_repeated(corpus: Corpus, rng: np.random.Generator, length: int) -> TokenIds:
    """Draw a segment of 8 tokens to half the length, repeated to the full length, which teaches heads to copy.

    30 % of the segments are running text, 50 % random tokens of the corpus, 20 % uniformly drawn token ids.
    """
    size = int(rng.integers(8, length // 2 + 1))
    kind = rng.random()
    segment: TokenIds
    if kind < 0.3:
        start = rng.integers(0, len(corpus.training) - size)
        segment = corpus.training[start : start + size]
    elif kind < 0.8:
        segment = rng.choice(corpus.training, size)
    else:
        segment = rng.integers(0, corpus.training.max() + 1, size)
    return segment[np.arange(length) % size]
