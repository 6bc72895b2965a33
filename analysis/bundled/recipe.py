"""Training recipe: sizes, optimisers and schedule."""

import math
from dataclasses import dataclass

import torch
from transformers import GPT2Config, GPT2LMHeadModel


@dataclass(frozen=True)
class Recipe:
    """The sizes and settings of a training run; the defaults are those of the bundled model."""

    n_vocab: int = 4096
    n_blocks: int = 6
    n_heads: int = 8
    d_model: int = 256
    max_positions: int = 256

    tokens_per_step: int = 4096
    short_length: int = 128  # tokens a sequence until `lengthen_at`, then `max_positions`
    lengthen_at: float = 0.4  # shares of the planned time
    rehearse_until: float = 1 / 3
    repeated_share_early: float = 12 / 32  # of the sequences, until `rehearse_until`
    repeated_share_late: float = 4 / 32

    muon_learning_rate: float = 0.02
    adamw_learning_rate: float = 0.003
    warmup_steps: int = 200
    position_amplitude: float = 0.05
    compile: bool = True

    def sequence_length(self, progress: float) -> int:
        """The number of tokens per sequence at `progress` (0 to 1) of the planned time."""
        return self.short_length if progress < self.lengthen_at else self.max_positions

    def repeated_share(self, progress: float) -> float:
        """The share of sequences that are repeated segments, at `progress` (0 to 1) of the planned time."""
        return self.repeated_share_early if progress < self.rehearse_until else self.repeated_share_late

    def learning_rate_factor(self, step: int, progress: float) -> float:
        """The factor on both learning rates: a linear warm-up in steps, then a cosine decay to 0 in time."""
        warmup = min(1.0, (step + 1) / self.warmup_steps)
        return warmup * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))


def build_model(recipe: Recipe, end_of_text: int) -> GPT2LMHeadModel:
    """Build a GPT-2 with random weights, except for its positions, which start as sinusoids."""
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=recipe.n_vocab,
            n_positions=recipe.max_positions,
            n_embd=recipe.d_model,
            n_layer=recipe.n_blocks,
            n_head=recipe.n_heads,
            activation_function="gelu_pytorch_tanh",  # the same function as gelu_new, in one fused operation
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=end_of_text,
            eos_token_id=end_of_text,
            use_cache=False,
        )
    )
    with torch.no_grad():
        model.transformer.wpe.weight.copy_(recipe.position_amplitude * sinusoids(recipe.max_positions, recipe.d_model))
    return model


def sinusoids(n_positions: int, d_model: int) -> torch.Tensor:
    """Sines and cosines of falling frequency, one row per position.

    With them, one position back is the same rotation everywhere, so heads learn to find neighbours millions of tokens
    earlier than with random positions. Source: Vaswani et al. 2017, section 3.5.
    """
    frequencies = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10_000.0) / d_model))
    angles = torch.arange(n_positions)[:, None] * frequencies
    return torch.stack((angles.sin(), angles.cos()), dim=-1).reshape(n_positions, d_model)


def build_optimizers(model: GPT2LMHeadModel, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside blocks, AdamW for embeddings, norms and biases.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".
    """
    matrices = [weight for weight in model.transformer.h.parameters() if weight.ndim == 2]
    inside = {id(weight) for weight in matrices}
    others = [weight for weight in model.parameters() if id(weight) not in inside]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(matrices, lr=recipe.muon_learning_rate),
        torch.optim.AdamW(others, lr=recipe.adamw_learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["full_lr"] = group["lr"]
    return optimizers
