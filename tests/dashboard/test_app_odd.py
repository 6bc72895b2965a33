"""Odd checkpoints on the page: what a visitor reads in the menu, in the bar and in the panels."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import torch

from analysis.bundled import BUNDLED_DIR
from analysis.models.forward import compute_trace, encode
from analysis.models.load import load_model
from analysis.models.prepare import prepare_model
from analysis.trace import Prompt
from dashboard.app import create_app
from dashboard.panels import PANELS
from dashboard.settings import Settings
from layouts.shell import ANALYSE, CHAT, START
from tests.checkpoints import (
    adapter,
    chat_tokenizer,
    edit_config,
    edit_weights,
    query_and_value,
    save,
    set_weight,
    starting_tokenizer,
    tiny,
)
from tests.page import Page, decoded, of_app, words
from tests.serving import wait_until
from tests.tiny import byte_level_tokenizer, make_tiny

pytestmark = pytest.mark.long

TEXT = "the fox ate the crow"
_BAD = "not finite (not-a-number or infinite)"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def page(root: Path) -> Page:
    set_weight(tiny(root / "diverged", "gpt2"), "transformer.h.1.mlp.c_proj.weight", float("nan"), 0, 0)
    set_weight(tiny(root / "overflow", "llama"), "model.layers.2.self_attn.o_proj.weight", float("inf"), 3, 3)
    adapter(tiny(root / "tuned", "llama"), query_and_value())
    adapter(root / "adapter", query_and_value())
    tiny(root / "biased", "llama", attention_bias=True)
    edit_config(root / "biased", attention_bias=False)
    edit_weights(tiny(root / "valued", "gpt2"), lambda w: w.update({"v_head.summary.weight": torch.zeros(1, 32)}))
    tiny(root / "packed", "llama")
    edit_config(root / "packed", quantization_config={"quant_method": "awq", "bits": 4})
    save(root / "pieces", make_tiny("llama").network)
    (root / "pieces" / "tokenizer.model").write_bytes(b"\n\x0e")
    padded = chat_tokenizer(pad_token="[PAD]")
    save(root / "chat", make_tiny("qwen2", vocab_size=297).network, padded)
    save(root / "starting", make_tiny("llama").network, starting_tokenizer())
    own_head = make_tiny("gpt2").network
    own_head.lm_head.weight = torch.nn.Parameter(torch.randn_like(own_head.lm_head.weight) * 0.2)  # type: ignore[union-attr]
    save(root / "untied", own_head, byte_level_tokenizer())
    models = {"bundled": BUNDLED_DIR, **{folder.name: folder for folder in sorted(root.iterdir())}}
    app = create_app(Settings(cache_dir=str(root / "cache"), max_tokens=64), models=models, example=TEXT)
    page = of_app(app.server)
    page.values["prompt", "data"] = {"model": "bundled", "text": TEXT, "start": False, "n_positions": 0}
    page.values["selection", "data"] = "output"
    return page


def open_link(page: Page, model: str, text: str = TEXT, **settings: str) -> dict[str, Any]:
    """Open the page at a link, and wait until the model is there; its store."""
    page.values["selection", "data"] = "output"
    page.set("address", "data", {"hash": f"#{urlencode({'model': model, 'text': text, **settings})}", "opened": 1})
    wait_until(lambda: is_loaded(page))
    data: dict[str, Any] = page.values["prompt", "data"]
    assert (data["model"], data["text"]) == (model, text)
    return data


def is_loaded(page: Page) -> bool:
    """Whether the model is in memory, asked as a page does: with its prompt, and again when there is news."""
    page.set("prompt", "data", page.values["prompt", "data"])
    if page.values["prompt", "data"]["n_positions"]:
        return True
    page.set("model-news", "data", (page.values.get(("model-news", "data")) or 0) + 1)
    return False


def bar(page: Page) -> str:
    return str(page.values["model-words", "children"])


def entry(page: Page, model: str) -> str:
    (label,) = [option["label"] for option in page.values["prompt-model", "options"] if option["value"] == model]
    return str(label)


def option(page: Page, switch: str) -> dict[str, Any]:
    (one,) = page.values[switch, "options"]
    return dict(one)


def labels(page: Page) -> list[str]:
    return [chip["props"]["children"] for chip in page.values["strip-chips", "children"]]


def select(page: Page, text: str) -> None:
    """Select a part; fails if a panel has an error instead."""
    page.set("selection", "data", text)
    assert all(page.values[f"{panel.name}-panel", "data-selection"] == text for panel in PANELS)


def choices_of(page: Page) -> list[tuple[str, str]]:
    """All values of all menus in panels."""
    menus = [id for id, name in page.values if name == "options" and id.split("-")[0] in {p.name for p in PANELS}]
    return [(id, one["value"]) for id in menus for one in page.values[id, "options"]]


def test_the_menu_says_before_loading_why_a_model_cannot_be_used(page: Page) -> None:
    open_link(page, "bundled")
    assert entry(page, "packed").endswith("cannot be used: the weights of 'packed' are quantized (awq, 4-bit)")
    assert entry(page, "adapter").endswith(
        "cannot be used: 'adapter' is a LoRA adapter of someone/base, without the weights of its base model"
    )
    assert entry(page, "pieces").endswith("cannot be used: the tokenizer of 'pieces' is in SentencePiece’s format only")
    for model, message in (("packed", "Packed weights are not read"), ("adapter", "Copy adapter_config.json")):
        with pytest.raises(AssertionError, match=message):  # the notice
            page.set("address", "data", {"hash": f"#model={model}", "opened": 2})
        assert page.values["prompt", "data"]["model"] == "bundled"


def test_weights_that_are_not_all_used_are_refused_when_they_are_loaded(page: Page) -> None:
    open_link(page, "bundled")
    with pytest.raises(AssertionError, match="12 tensors of the blocks in the file of 'biased' are not used by Llama"):
        open_link(page, "biased")  # until there is a notice
    open_link(page, "bundled")
    assert entry(page, "biased").endswith(
        "cannot be used: 12 tensors of the blocks in the file of 'biased' are not used by Llama"
    )


@pytest.mark.parametrize(
    ("model", "sentence", "last_finite"),
    [
        ("diverged", f"From block 1 on, the residual stream is {_BAD}; first: the MLP of block 1.", 1),
        ("overflow", f"From block 2 on, the residual stream is {_BAD}; first: the attention of block 2.", 2),
    ],
)
def test_of_a_model_that_is_not_finite_all_panels_show_what_is(
    page: Page, root: Path, model: str, sentence: str, last_finite: int
) -> None:
    page.set("architecture-color", "value", "norm")
    open_link(page, model)
    assert bar(page) == sentence
    trace = compute_trace(load_model(root / model), Prompt(model, TEXT))
    last = trace.n_positions - 1
    select(page, f"block.0.attention.head.1@{last}")
    heads, tiles = (decoded(page.values["architecture-graph", "figure"]["data"][n])["meta"]["values"] for n in (0, 1))
    norms = np.concatenate([trace.head_norms(block)[last] for block in range(3)])
    for value, norm in zip(heads, norms, strict=True):
        assert value == "not finite" if not np.isfinite(norm) else value == pytest.approx(norm, rel=0.005)
    assert "not finite" in tiles
    assert sum(value == "not finite" for value in heads) >= 1
    lens = page.values["logit_lens-graph", "figure"]["data"][0]
    shown = np.array(decoded(lens["z"]), dtype=float)
    assert np.isfinite(shown).all(axis=1).tolist() == [depth <= last_finite for depth in range(4)]
    assert sentence in words(page.values["saliency-reading", "children"])
    assert "not finite" in words(page.values["strip-reading", "children"])
    for selection in ("embedding", "block.1.mlp", "block.2.attention.head.1", "block.2.mlp.neuron.3", "norm", "output"):
        for position in (0, last):
            select(page, f"{selection}@{position}")
    for id, value in choices_of(page):
        page.set(id, "value", value)
    readings = [words(page.values[f"{panel.name}-reading", "children"]) for panel in PANELS]
    assert not [reading for reading in readings if "nan" in reading.lower().replace("not-a-number", "")]


def test_an_adapter_beside_its_base_is_merged_and_the_page_says_so(page: Page) -> None:
    open_link(page, "tuned")
    note = "LoRA adapter merged into 6 matrices (q_proj, v_proj; rank 4)"
    assert bar(page) == f"tuned: {note}."
    assert entry(page, "tuned").endswith(f"ready, {note}")
    assert note in str(page.values["summary-parameters", "children"])


def test_a_value_head_is_noted(page: Page) -> None:
    open_link(page, "valued")
    assert bar(page) == "valued: 1 tensor of the file not shown, such as v_head.summary.weight."


def test_a_head_that_is_not_tied_though_the_configuration_says_so(page: Page) -> None:
    open_link(page, "untied")
    table = str(page.values["summary-parameters", "children"])
    assert "shared with the token embedding" not in table
    assert "59,424" in table, "49,824 and the head's own 300 × 32"


def test_a_token_that_the_model_does_not_know_is_named(page: Page) -> None:
    before = open_link(page, "chat")
    page.values["prompt-text", "value"] = "the fox[PAD]"
    with pytest.raises(AssertionError, match=r"token ‘\[PAD\]’ at position \d+: its id is 297, .* 297 rows"):
        page.set(ANALYSE, "n_clicks", 1)
    assert page.values["prompt", "data"]["text"] == before["text"]
    assert open_link(page, "chat", "the crow")


def test_the_switch_names_the_start_token(page: Page) -> None:
    model = prepare_model("chat", make_tiny("qwen2", vocab_size=297).network, chat_tokenizer())
    open_link(page, "chat")
    assert option(page, START) == {"value": "start", "label": "Start with ‘<|endoftext|>’", "disabled": False}
    page.set(START, "value", ["start"])
    assert page.values["prompt", "data"]["start"] is True
    select(page, "output@1")
    assert labels(page) == [token.label for token in encode(model, TEXT, start=True)]
    assert labels(page).count("<|endoftext|>") == 1
    page.set(START, "value", [])


def test_a_text_as_a_chat_message(page: Page) -> None:
    model = prepare_model("chat", make_tiny("qwen2", vocab_size=297).network, chat_tokenizer())
    open_link(page, "chat")
    assert option(page, CHAT) == {"value": "chat", "label": "As a chat message", "disabled": False}
    page.set(CHAT, "value", ["chat"])
    data = page.values["prompt", "data"]
    assert (data["chat"], data["fixed"]) == (True, [])
    select(page, "output@1")
    tokens = encode(model, TEXT, chat=True)
    assert labels(page) == [token.label for token in tokens]
    dimmed = ["chip-template" in chip["props"]["className"] for chip in page.values["strip-chips", "children"]]
    assert dimmed == [token.template for token in tokens]
    own = encode(model, TEXT)
    assert dimmed.count(False) == len(own)
    # The link to it opens it; a model without a template shows the text as it is.
    assert open_link(page, "chat", chat="1", select="output@1")["chat"] is True
    page.set("prompt-model", "value", "bundled")
    wait_until(lambda: is_loaded(page))
    assert page.values["prompt", "data"]["chat"] is False
    assert (page.values[CHAT, "value"], option(page, CHAT)["disabled"]) == ([], True)


def test_a_tokenizer_that_adds_the_start_token_itself(page: Page) -> None:
    for settings in ({}, {"start": "1", "select": "output@1"}):
        data = open_link(page, "starting", **settings)
        assert (data["start"], data["fixed"]) == (False, ["start", "chat"])
        assert page.values[START, "value"] == ["start"]
        assert option(page, START) == {
            "value": "start", "label": "Start with ‘<s>’ (always added for this model)", "disabled": True,
        }  # fmt: skip
        select(page, "output@1")
        assert labels(page)[:2] == ["<s>", "·the"]
    # What it shows is not taken over to another model.
    page.set("prompt-model", "value", "bundled")
    wait_until(lambda: is_loaded(page))
    assert page.values["prompt", "data"]["start"] is False
    assert page.values[START, "value"] == []
