from dataclasses import replace

import pytest

from dashboard.models.downloads import Download
from dashboard.models.menu import MenuEntry
from layouts.models import bar_words, choice, download_words, options, size, state_words

MEDIUM = MenuEntry("gpt2-medium", "GPT-2", "to download", 354_823_168, 1_419_292_672, 1_519_955_968, False, "", None)
UNKNOWN = MenuEntry("owner/other", None, "to download", None, None, None, False, "", None)


@pytest.mark.parametrize(
    ("n_bytes", "words"), [(23_400_000, "23.4 MB"), (999_400_000, "999 MB"), (1_419_292_672, "1.42 GB"), (0, "0 MB")]
)
def test_sizes(n_bytes: int, words: str) -> None:
    assert size(n_bytes) == words


def test_an_entry_has_parameters_memory_download_and_state() -> None:
    (entry,) = options([MEDIUM])
    assert entry["value"] == "gpt2-medium"
    assert entry["label"] == "gpt2-medium (GPT-2, 355 million parameters, 1.42 GB in memory) · 1.52 GB to download"
    xl = replace(MEDIUM, name="gpt2-xl", n_parameters=1_557_611_200)
    assert "1.56 billion parameters" in options([xl])[0]["label"]
    assert options([UNKNOWN])[0]["label"] == "owner/other · to download"
    assert options([replace(MEDIUM, name="bundled", state="ready")])[0]["label"].startswith("Bundled story model")


@pytest.mark.parametrize(
    ("offer", "state", "said"),
    [
        (
            MEDIUM,
            "1.52 GB to download",
            "architecture and sizes are shown. To see values, download about 1.52 GB (needs 1.42 GB of memory).",
        ),
        (UNKNOWN, "to download", "Nothing else is known about it yet. To see values, download them."),
        (replace(MEDIUM, problem="The disk is full."), "1.52 GB to download", "The disk is full."),
        (replace(MEDIUM, state="ready"), "ready", ""),
        (
            replace(MEDIUM, state="ready", untrained=True),
            "ready, untrained",
            "Untrained model: the weights of gpt2-medium are random, and so are its predictions.",
        ),
        (
            replace(MEDIUM, state="ready", weights_note="4-bit weights"),
            "ready, 4-bit weights",
            "gpt2-medium: 4-bit weights.",
        ),
        (replace(MEDIUM, state="loading"), "loading", "Loading gpt2-medium into memory (1.42 GB)."),
        (replace(MEDIUM, state="on disk"), "on disk", "Loading gpt2-medium into memory (1.42 GB)."),
        (replace(MEDIUM, state="forbidden"), "download not allowed", "does not download models.*ALLOW_DOWNLOADS"),
        (replace(MEDIUM, state="too large"), "too large for this machine", "needs more memory (1.42 GB) than this"),
        (replace(MEDIUM, state="unusable", problem="It is broken."), "cannot be used: it is broken", "It is broken."),
        (
            replace(MEDIUM, state="unusable", problem=f"The model is odd: {'it is ' * 30}. Mend it."),
            "cannot be used: the model is odd",
            "Mend it.",
        ),
        (
            replace(MEDIUM, state="downloading", download=Download(0, 0, running=True)),
            "downloading",
            "Looking up gpt2-medium on the Hugging Face hub.",
        ),
        (
            replace(MEDIUM, state="downloading", download=Download(300_000_000, 1_500_000_000, running=True)),
            "downloading, 20%",
            "Downloading gpt2-medium: 300 MB of 1.5 GB.",
        ),
        (
            replace(MEDIUM, state="downloading", download=Download(10, 10, running=True)),
            "downloading, 100%",
            "Checking the downloaded files of gpt2-medium.",
        ),
    ],
)
def test_every_state_has_a_message(offer: MenuEntry, state: str, said: str) -> None:
    assert state_words(offer) == state
    words = bar_words(offer)
    assert all(part in words for part in said.split(".*"))
    assert bool(words) == bool(said)


def test_the_download_button_has_the_size() -> None:
    assert download_words(MEDIUM) == "Download 1.52 GB"
    assert download_words(UNKNOWN) == "Download"
    begun = replace(MEDIUM, download=Download(5, 10, running=False, problem="Cancelled."))
    assert download_words(begun) == "Resume download"


def test_the_first_model_is_chosen() -> None:
    select = choice([UNKNOWN, MEDIUM])
    assert select.value == "owner/other"
    assert [option["value"] for option in select.options] == ["owner/other", "gpt2-medium"]
