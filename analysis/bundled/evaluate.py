"""Evaluation: recomputes every number of the model card with `python -m analysis.bundled.evaluate`.

It prints the table of MODEL_CARD.md. With `--corpus DIR` it also searches the books for text of the held-out stories.
"""

import argparse
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.bundled import BUNDLED_DIR
from analysis.bundled.data import TokenIds, read_books
from analysis.models.language_model import LanguageModel
from analysis.models.load import load_model

OPENING = "Once upon a time there was a"
N_DRAWS = 32
N_DRAWN = 50  # tokens a draw, repeated once: 100 positions
SEED = 0

Attention = NDArray[np.float32]


@dataclass(frozen=True)
class HeadScore:
    """A head and its mean score, from 0 to 1."""

    block: int
    head: int
    score: float


@dataclass(frozen=True)
class Evaluation:
    """The numbers of the model card.

    Attributes
    ----------
    n_parameters, weights_bytes
        The size of the model.
    n_words, n_tokens
        The length of heldout.txt.
    loss, bits_per_character
        The loss on heldout.txt, in nats per token and in bits per character.
    induction, previous_token
        The best head of each kind on repeated random tokens.
    copying
        The share (0 to 1) of tokens in the repeated half that are the model's first choice.
    greedy, sampled
        Continuations of the opening, with the first choices and with seeded samples.
    """

    n_parameters: int
    weights_bytes: int
    n_words: int
    n_tokens: int
    loss: float
    bits_per_character: float
    induction: HeadScore
    previous_token: HeadScore
    copying: float
    greedy: str
    sampled: str

    def table(self) -> str:
        """The card's table, in Markdown."""
        rows = {
            "Parameters": f"{self.n_parameters:,}",
            "Size of the weights, MB (10⁶ bytes)": f"{self.weights_bytes / 1e6:.2f}",
            "Held-out text, words": f"{self.n_words:,}",
            "Held-out text, tokens": f"{self.n_tokens:,}",
            "Loss on it, nats per token": f"{self.loss:.2f}",
            "Loss on it, bits per character": f"{self.bits_per_character:.2f}",
            f"Best induction head ({_head_name(self.induction)}), score": f"{self.induction.score:.2f}",
            f"Best previous-token head ({_head_name(self.previous_token)}), score": f"{self.previous_token.score:.2f}",
            "Accuracy on the repeated half": f"{self.copying:.2f}",
        }
        return "\n".join(
            ["| figure | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
        )


def _head_name(head: HeadScore) -> str:
    return f"block {head.block}, head {head.head}"


def evaluate(directory: Path = BUNDLED_DIR) -> Evaluation:
    """Measure the model in a folder on the held-out stories."""
    model = load_model(directory)
    text = (BUNDLED_DIR / "heldout.txt").read_text(encoding="utf-8")
    ids = np.array(model.tokenize(text), dtype=np.int64)
    nats = total_nats(model, ids)
    draws = repeated_draws(ids)
    attentions, choices = run_repeated(model, draws)
    return Evaluation(
        n_parameters=model.info.n_parameters,
        weights_bytes=(directory / "model.safetensors").stat().st_size,
        n_words=len(text.split()),
        n_tokens=len(ids),
        loss=nats / len(ids),
        bits_per_character=nats / math.log(2) / len(text),
        induction=best_head([induction_scores(attention, N_DRAWN) for attention in attentions]),
        previous_token=best_head([previous_token_scores(attention) for attention in attentions]),
        copying=copying_accuracy(choices, draws, N_DRAWN),
        greedy=continuation(model, OPENING, n_tokens=60),
        sampled=continuation(model, OPENING, n_tokens=120, temperature=0.7),
    )


@torch.no_grad()
def total_nats(model: LanguageModel, ids: TokenIds) -> float:
    """The total surprisal of all tokens of a text, in nats.

    The text follows the end-of-text token and is read in windows of the model's longest length. Each window starts with
    the last token of the previous one, so every token is predicted exactly once, from the tokens of its own window
    (on average half a window of context).
    """
    assert model.start_id is not None, "the bundled tokenizer has an end-of-text token"
    stream = torch.from_numpy(np.append(model.start_id, ids))
    total = 0.0
    for start in range(0, len(ids), model.info.max_positions - 1):
        window = stream[start : start + model.info.max_positions]
        logits = model.network(input_ids=window[None, :-1]).logits[0]
        total += torch.nn.functional.cross_entropy(logits, window[1:], reduction="sum").item()
    return total


def repeated_draws(ids: TokenIds) -> TokenIds:
    """Random draws of a text's tokens, each repeated once: token ids (N_DRAWS, 2 * N_DRAWN)."""
    drawn = np.random.default_rng(SEED).choice(ids, (N_DRAWS, N_DRAWN))
    return np.tile(drawn, (1, 2))


@torch.no_grad()
def run_repeated(model: LanguageModel, draws: TokenIds) -> tuple[list[Attention], TokenIds]:
    """Run all draws in one pass: each block's attention (draw, head, query, key), first choices (draw, position)."""
    output = model.network(input_ids=torch.from_numpy(draws), output_attentions=True)
    return [attention.numpy() for attention in output.attentions], output.logits.argmax(-1).numpy()


def previous_token_scores(attention: Attention) -> Attention:
    """Mean attention to the token before, per head, from 0 to 1; attention is (draw, head, query, key).

    Source: Olsson et al. 2022, "In-context Learning and Induction Heads".
    """
    scores: Attention = np.diagonal(attention, offset=-1, axis1=-2, axis2=-1).mean(axis=(0, -1))
    return scores


def induction_scores(attention: Attention, n_drawn: int) -> Attention:
    """Mean attention from each token of the second copy to the token after its first occurrence, per head, 0 to 1.

    attention is (draw, head, query, key) over `n_drawn` tokens repeated once.
    Source: Olsson et al. 2022, "In-context Learning and Induction Heads".
    """
    second_copy = attention[:, :, n_drawn:, 1:]  # the query at n_drawn + i looks at the key i + 1
    scores: Attention = np.diagonal(second_copy, axis1=-2, axis2=-1).mean(axis=(0, -1))
    return scores


def copying_accuracy(choices: TokenIds, draws: TokenIds, n_drawn: int) -> float:
    """The share (0 to 1) of tokens in the second copy that are the model's first choice.

    choices, draws: token ids (draw, position); the choice at a position is for the next one. The first token of the
    second copy does not count, since it cannot be predicted from the first copy.
    """
    return float((choices[:, n_drawn:-1] == draws[:, n_drawn + 1 :]).mean())


def best_head(scores: Sequence[Attention]) -> HeadScore:
    """The head with the highest score; one array of scores per head for each block."""
    table = np.stack(scores)
    block, head = np.unravel_index(int(table.argmax()), table.shape)
    return HeadScore(int(block), int(head), float(table[block, head]))


@torch.no_grad()
def continuation(model: LanguageModel, text: str, *, n_tokens: int, temperature: float = 0.0) -> str:
    """The text with the model's continuation: its first choices, or seeded samples if `temperature` is above 0."""
    ids = model.tokenize(text)
    generator = torch.Generator().manual_seed(SEED)
    unread, memory = ids, None
    for _ in range(n_tokens):
        output = model.network(input_ids=torch.tensor([unread]), past_key_values=memory, use_cache=True)
        logits, memory = output.logits[0, -1], output.past_key_values
        if temperature > 0:
            chosen = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
        else:
            chosen = logits.argmax()
        unread = [int(chosen)]
        ids = ids + unread
    return str(model.tokenizer.decode(ids))


def longest_shared_words(text: str, books: Sequence[str]) -> str:
    """The longest run of words that a text shares with one of the books, ignoring case and punctuation."""
    words = _words(text)
    libraries = [_words(book) for book in books]
    shared: tuple[str, ...] = ()
    for length in range(1, len(words) + 1):
        wanted = set(_runs(words, length))
        found = next((run for library in libraries for run in _runs(library, length) if run in wanted), None)
        if found is None:
            break
        shared = found
    return " ".join(shared)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())


def _runs(words: Sequence[str], length: int) -> "zip[tuple[str, ...]]":
    return zip(*(words[start:] for start in range(length)), strict=False)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m analysis.bundled.evaluate", description=__doc__)
    parser.add_argument(
        "--model", type=Path, default=BUNDLED_DIR, help="folder of the model (default: the bundled one)"
    )
    parser.add_argument("--corpus", type=Path, help="also search the books in this folder for held-out text")
    arguments = parser.parse_args()
    result = evaluate(arguments.model)
    print(result.table())
    print(f"\nFirst choices:\n{result.greedy}\n\nSeeded draws, temperature 0.7:\n{result.sampled}")
    if arguments.corpus:
        shared = longest_shared_words((BUNDLED_DIR / "heldout.txt").read_text("utf-8"), read_books(arguments.corpus))
        print(f"\nLongest run of words shared with the corpus: {len(shared.split())} ({shared})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
