"""The lessons on the bundled model, and on random models of its shape."""

from collections.abc import Callable
from functools import cache

import pytest
import torch
from transformers import AutoModelForCausalLM

from analysis.lessons.lesson import Subject, subject_of
from analysis.models.language_model import LanguageModel
from analysis.models.prepare import prepare_model
from analysis.task import Arrays, Derived
from analysis.trace import Trace


def make_random(model: LanguageModel, seed: int) -> LanguageModel:
    """A model of the same shape and vocabulary that has never been trained."""
    torch.manual_seed(seed)
    network = AutoModelForCausalLM.from_config(model.network.config, attn_implementation="eager")
    return prepare_model(model.name, network, model.tokenizer)


def remembering(model: LanguageModel) -> Subject:
    """A subject that computes nothing twice, as on the page."""
    kept: dict[tuple[str, str, str], Arrays] = {}

    def derived_of(trace: Trace) -> Derived:
        def derived(name: str, compute: Callable[[], Arrays], *, version: int) -> Arrays:
            key = trace.prompt.text, str(len(trace.tokens)), name
            if key not in kept:
                kept[key] = compute()
            return kept[key]

        return derived

    return Subject(model, subject_of(model).trace, derived_of)


@pytest.fixture(scope="session")
def bundled(bundled_model: LanguageModel) -> Subject:
    return remembering(bundled_model)


@pytest.fixture(scope="session")
def untrained(bundled_model: LanguageModel) -> Callable[[int], Subject]:
    """Random models by their seeds."""
    return cache(lambda seed: remembering(make_random(bundled_model, seed)))
