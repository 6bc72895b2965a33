"""The training scripts: a run of a few seconds on a corpus made for the test."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, GPT2LMHeadModel

from analysis.bundled.data import END_OF_TEXT, CorpusError, draw_batch, encode_books, read_books, train_tokenizer
from analysis.bundled.recipe import Recipe, build_model, build_optimizers
from analysis.bundled.train import Trainer, main, train

pytestmark = pytest.mark.long

TINY = Recipe(
    n_vocab=300,
    n_blocks=2,
    n_heads=2,
    d_model=32,
    max_positions=32,
    tokens_per_step=256,
    short_length=16,
    warmup_steps=2,
    compile=False,
)
MINUTES = 2 / 60


@pytest.fixture(scope="module")
def corpus_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short books with blank lines between paragraphs."""
    folder = tmp_path_factory.mktemp("corpus")
    for name, animal in (("first", "fox"), ("second", "hen")):
        paragraph = f"Once upon a time the {animal} went to the well, and the well was deep and the {animal} was dry."
        (folder / f"{name}.txt").write_text("\n\n".join([paragraph] * 40), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(corpus_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trainer, Path]:
    """A finished run and the folder it worked in."""
    work = tmp_path_factory.mktemp("work")
    return train(corpus_dir, MINUTES, work=work, out=work / "model", recipe=TINY), work


def test_the_loss_falls(trained: tuple[Trainer, Path]) -> None:
    trainer = Trainer(TINY, trained[0].corpus, seed=0)
    assert trainer.validation_loss() == pytest.approx(np.log(TINY.n_vocab), rel=0.1)
    losses = [trainer.step(number / 80) for number in range(80)]
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert (trainer.n_steps, trainer.n_tokens) == (80, 80 * TINY.tokens_per_step)


def test_a_second_run_goes_on_where_the_first_ended(
    trained: tuple[Trainer, Path], corpus_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, work = trained
    again = train(corpus_dir, MINUTES, work=work, out=work / "again", recipe=TINY)
    assert (again.n_steps, again.n_tokens, again.seconds) == (first.n_steps, first.n_tokens, first.seconds)
    longer = train(corpus_dir, MINUTES + 0.5 / 60, work=work, out=work / "longer", recipe=TINY)
    assert longer.n_steps > first.n_steps
    assert longer.seconds > first.seconds
    assert capsys.readouterr().out.count(f"Resuming at step {first.n_steps} ") == 2


def test_a_loaded_run_takes_the_same_next_step(trained: tuple[Trainer, Path], tmp_path: Path) -> None:
    trainer, _ = trained
    first = Trainer(TINY, trainer.corpus, seed=1)
    first.step(0.1)
    first.save(tmp_path / "checkpoint.pt")
    second = Trainer(TINY, trainer.corpus, seed=2)
    second.load(tmp_path / "checkpoint.pt")
    assert second.step(0.1) == pytest.approx(first.step(0.1), abs=1e-6)
    for one, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_the_export_is_the_trained_model(trained: tuple[Trainer, Path]) -> None:
    trainer, work = trained
    exported = GPT2LMHeadModel.from_pretrained(work / "model", dtype=torch.float32)
    assert exported.config.activation_function == "gelu_new"
    assert exported.config.eos_token_id == exported.config.bos_token_id == trainer.corpus.end_of_text
    ids = torch.from_numpy(trainer.corpus.training[None, : TINY.max_positions])
    with torch.no_grad():
        expected, logits = trainer.model(ids).logits, exported(ids).logits
    torch.testing.assert_close(logits, expected, atol=0.02, rtol=0.01)
    assert not list((work / "model").glob("*.part"))


def test_the_tokenizer_is_gpt2s_kind_and_adds_nothing(trained: tuple[Trainer, Path]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(trained[1] / "model")
    assert type(tokenizer).__name__ == "GPT2Tokenizer"
    assert tokenizer.is_fast
    assert tokenizer.eos_token == END_OF_TEXT
    assert tokenizer("")["input_ids"] == []
    text = 'The fox said, "no"\n\n -- naïve 😀'
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer(END_OF_TEXT)["input_ids"] == [tokenizer.eos_token_id]


def test_batches_are_text_openings_and_repeated_segments(corpus_dir: Path) -> None:
    books = read_books(corpus_dir)
    tokenizer = train_tokenizer(books, TINY.n_vocab)
    corpus = encode_books(books, tokenizer)
    assert (corpus.training == corpus.end_of_text).sum() == len(books)
    length = 32
    batch = draw_batch(corpus, np.random.default_rng(0), n_sequences=16, length=length, repeated_share=0.5)
    assert batch.shape == (16, length)
    for row in batch[:8]:
        assert any((row[period:] == row[:-period]).all() for period in range(8, length // 2 + 1))
    for row in batch[8:10]:
        assert row[0] == corpus.end_of_text
        assert tokenizer.decode(row[1:].tolist()).startswith("Once")
    text = " ".join(map(str, corpus.training))
    assert all(" ".join(map(str, row)) in text for row in batch[10:])


def test_the_schedule_follows_the_share_of_the_time() -> None:
    recipe = Recipe()
    assert recipe.sequence_length(0.0) == 128
    assert recipe.sequence_length(0.9) == 256
    assert recipe.repeated_share(0.0) == 12 / 32
    assert recipe.repeated_share(0.5) == 4 / 32
    assert recipe.learning_rate_factor(0, 0.0) == 1 / 200
    assert recipe.learning_rate_factor(10_000, 0.5) == pytest.approx(0.5)
    assert recipe.learning_rate_factor(10_000, 1.0) == pytest.approx(0.0)


def test_each_parameter_has_one_optimizer() -> None:
    model = build_model(TINY, end_of_text=0)
    muon, adamw = ([id(p) for group in o.param_groups for p in group["params"]] for o in build_optimizers(model, TINY))
    assert len(muon) == 4 * TINY.n_blocks
    assert sorted(muon + adamw) == sorted(map(id, model.parameters()))


def test_positions_begin_as_sinusoids() -> None:
    positions = build_model(TINY, end_of_text=0).transformer.wpe.weight.detach().numpy()
    assert positions[3, 0] == pytest.approx(0.05 * np.sin(3), abs=1e-6)
    assert positions[3, 1] == pytest.approx(0.05 * np.cos(3), abs=1e-6)
    assert positions[5, 2] == pytest.approx(0.05 * np.sin(5 / 10_000 ** (2 / TINY.d_model)), abs=1e-6)


@pytest.mark.parametrize(("content", "words"), [(None, "no folder"), ([], "no .txt"), (["  \n"], "no .txt")])
def test_a_corpus_without_text_is_refused_in_words(tmp_path: Path, content: list[str] | None, words: str) -> None:
    folder = tmp_path / "books"
    if content is not None:
        folder.mkdir()
    for number, text in enumerate(content or []):
        (folder / f"{number}.txt").write_text(text)
    with pytest.raises(CorpusError, match=words):
        read_books(folder)


def test_a_corpus_that_is_too_short_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("Too short.")
    with pytest.raises(CorpusError, match="at least 18 are needed"):
        train(tmp_path, MINUTES, work=tmp_path / "work", out=tmp_path / "out", recipe=TINY)


def test_the_command_line_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "nowhere"
    monkeypatch.setattr("sys.argv", ["train", "--corpus", str(missing), "--minutes", "1", "--work", str(tmp_path)])
    assert main() == 2
    assert f"There is no folder {missing}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
