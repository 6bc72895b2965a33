"""Train the bundled model: `python -m analysis.bundled.train --corpus DIR --minutes N`.

Training can be stopped at any time: the same command resumes from the last checkpoint in --work. A larger --minutes
continues a finished run. The schedule follows the time spent on training, so a slow processor sees fewer tokens but
still completes the schedule.
"""

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import GPT2LMHeadModel

from analysis.bundled.data import Corpus, CorpusError, draw_batch, encode_books, read_books, train_tokenizer
from analysis.bundled.export import export_model
from analysis.bundled.recipe import Recipe, build_model, build_optimizers

REPORT_SECONDS = 30.0
CHECKPOINT_SECONDS = 120.0
EXPORT_SECONDS = 600.0


class Trainer:
    """A training run: the model, its optimisers and its progress."""

    def __init__(self, recipe: Recipe, corpus: Corpus, seed: int) -> None:
        torch.manual_seed(seed)
        self.recipe = recipe
        self.corpus = corpus
        self.rng = np.random.default_rng(seed)
        self.model: GPT2LMHeadModel = build_model(recipe, corpus.end_of_text)
        self.optimizers = build_optimizers(self.model, recipe)
        self.n_steps = 0
        self.n_tokens = 0
        self.seconds = 0.0
        self._loss = torch.compile(self._plain_loss, dynamic=False) if recipe.compile else self._plain_loss

    def _plain_loss(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits = self.model(input_ids=inputs).logits
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

    def step(self, progress: float) -> float:
        """One update of the weights at `progress` (0 to 1) of the planned time; returns the loss in nats per token."""
        length = self.recipe.sequence_length(progress)
        batch = torch.from_numpy(
            draw_batch(
                self.corpus,
                self.rng,
                n_sequences=max(1, self.recipe.tokens_per_step // length),
                length=length + 1,
                repeated_share=self.recipe.repeated_share(progress),
            )
        )
        with torch.autocast("cpu", torch.bfloat16):
            loss = self._loss(batch[:, :-1].contiguous(), batch[:, 1:].contiguous())
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        factor = self.recipe.learning_rate_factor(self.n_steps, progress)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["full_lr"] * factor
            optimizer.step()
            optimizer.zero_grad()
        self.n_steps += 1
        self.n_tokens += batch.shape[0] * length
        return float(loss.detach())

    @torch.no_grad()
    def validation_loss(self) -> float:
        """The loss in nats per token on the ends of the books, which are not trained on (at most 16 full sequences)."""
        length = min(self.recipe.max_positions, len(self.corpus.validation))
        n_sequences = min(16, len(self.corpus.validation) // length)
        starts = np.linspace(0, len(self.corpus.validation) - length, n_sequences).astype(np.int64)
        ids = torch.from_numpy(self.corpus.validation[starts[:, None] + np.arange(length)])
        with torch.autocast("cpu", torch.bfloat16):
            return float(self._plain_loss(ids[:, :-1].contiguous(), ids[:, 1:].contiguous()))

    def save(self, path: Path) -> None:
        """Write a checkpoint atomically: a crash while writing leaves the previous file."""
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "rng": json.dumps(self.rng.bit_generator.state),
            "progress": (self.n_steps, self.n_tokens, self.seconds),
        }
        torch.save(state, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)

    def load(self, path: Path) -> None:
        """Resume from a checkpoint."""
        state: dict[str, Any] = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.rng.bit_generator.state = json.loads(state["rng"])
        self.n_steps, self.n_tokens, self.seconds = state["progress"]


def train(
    corpus_dir: Path, minutes: float, *, work: Path, out: Path, seed: int = 0, recipe: Recipe | None = None
) -> Trainer:
    """Train until `minutes` of training are spent, earlier runs in `work` included, and export the model to `out`.

    Raises: CorpusError if the corpus is missing, empty or too small.
    """
    recipe = recipe or Recipe()
    books = read_books(corpus_dir)
    work.mkdir(parents=True, exist_ok=True)
    tokenizer_file, checkpoint = work / "tokenizer.json", work / "checkpoint.pt"
    if not tokenizer_file.exists():
        train_tokenizer(books, recipe.n_vocab).save(str(tokenizer_file))
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    trainer = Trainer(recipe, encode_books(books, tokenizer), seed)
    if checkpoint.exists():
        trainer.load(checkpoint)
        say(f"Resuming at step {trainer.n_steps} after {trainer.seconds / 60:.1f} minutes of training.")
    run(trainer, minutes * 60, checkpoint=checkpoint, tokenizer=tokenizer, out=out)
    trainer.save(checkpoint)
    export_model(trainer.model, tokenizer, out)
    say(f"Done: {trainer.n_steps} steps, {trainer.n_tokens / 1e6:.1f} M tokens; the model is in {out}.")
    return trainer


def run(trainer: Trainer, total: float, *, checkpoint: Path, tokenizer: Tokenizer, out: Path) -> None:
    """Step until `total` seconds of training are spent; report, save and export on the way."""
    before, began = trainer.seconds, time.monotonic()
    reported = saved = exported = began
    tokens_at_report, losses = trainer.n_tokens, list[float]()
    while trainer.seconds < total:
        losses.append(trainer.step(trainer.seconds / total))
        now = time.monotonic()
        trainer.seconds = before + now - began
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(f"The loss is {losses[-1]} at step {trainer.n_steps}: lower the learning rates.")
        if now - reported >= REPORT_SECONDS or trainer.seconds >= total:
            say(
                f"step {trainer.n_steps}  {trainer.n_tokens / 1e6:.2f} M tokens  loss {np.mean(losses):.3f}  "
                f"validation {trainer.validation_loss():.3f}  "
                f"{(trainer.n_tokens - tokens_at_report) / (now - reported):.0f} tokens/s  "
                f"{max(0.0, total - trainer.seconds) / 60:.1f} minutes left"
            )
            reported, tokens_at_report, losses = now, trainer.n_tokens, []
        if now - saved >= CHECKPOINT_SECONDS:
            trainer.save(checkpoint)
            saved = now
        if now - exported >= EXPORT_SECONDS:
            export_model(trainer.model, tokenizer, out)
            exported = now


def say(line: str) -> None:
    """Print a line and flush it, also into a file."""
    print(line, flush=True)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m analysis.bundled.train", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of UTF-8 .txt files")
    parser.add_argument("--minutes", type=float, required=True, help="total training time, including resumed runs")
    parser.add_argument("--work", type=Path, default=Path("bundled-run"), help="folder of checkpoints")
    parser.add_argument("--out", type=Path, help="folder of the exported model (default: WORK/model)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        train(
            arguments.corpus,
            arguments.minutes,
            work=arguments.work,
            out=arguments.out or arguments.work / "model",
            seed=arguments.seed,
        )
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
