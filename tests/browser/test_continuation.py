"""The panel “Continue” as visitors see it: write, force another token, go back to a branch, stop, and two at once."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from analysis.generation.continuation import compute_continuation
from analysis.generation.sampling import Sampling
from analysis.models.forward import compute_trace
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from layouts.examples import EXAMPLES
from tests.browser.conftest import opened
from tests.browser.explorer import NO_WEBGL, Explorer
from tests.serving import served
from tests.tiny import make_tiny

pytestmark = [pytest.mark.browser, pytest.mark.long]
TEXT = next(iter(EXAMPLES.values())).text
PATIENT_MS = 120_000  # on a busy machine


def written(explorer: Explorer) -> tuple[int, ...]:
    """The ids that the address has."""
    found = explorer.stored("written")
    return tuple(map(int, found.split("."))) if found else ()


def expected(
    model: LanguageModel, n_tokens: int, before: tuple[int, ...] = (), sampling: Sampling | None = None
) -> tuple[int, ...]:
    """What follows the text, computed in this process."""
    trace = compute_trace(model, Prompt("bundled", TEXT, written=before))
    result = compute_continuation(model, trace, n_tokens=n_tokens, sampling=sampling or Sampling(), max_tokens=256)
    return (*before, *(piece.id for piece in result.written))


def shows(explorer: Explorer, model: LanguageModel, ids: tuple[int, ...]) -> None:
    """Wait until the page shows the text with these tokens after it, in the address, the strip and the panel."""
    page = explorer.page
    page.wait_for_function(
        "(n) => document.querySelectorAll('#strip-chips .chip-written').length === n"
        " && dash_clientside.explorer.shown().written.length === n",
        arg=len(ids),
    )
    assert written(explorer) == ids
    labels = [model.vocabulary.piece(token_id).label for token_id in ids]
    assert page.locator("#strip-chips .chip-written").all_inner_texts() == labels
    explorer.selection()
    page.wait_for_function(
        "(n) => document.querySelectorAll('#continuation-text .continuation-written').length === n", arg=len(ids)
    )
    assert page.locator("#continuation-text .continuation-written").all_inner_texts() == labels


def write(explorer: Explorer) -> None:
    """Press the button, once it is for five tokens."""
    explorer.page.wait_for_function("() => dash_clientside.explorer.readFragment()['continuation-tokens'] === '5'")
    explorer.selection()
    explorer.page.click("#continuation-job-compute")


@pytest.fixture
def panel(explorer: Explorer) -> Explorer:
    explorer.page.set_default_timeout(PATIENT_MS)
    explorer.show("continuation")
    explorer.page.select_option("#continuation-tokens", "5")
    return explorer


@pytest.mark.slow
def test_write_and_go_back(panel: Explorer, bundled_model: LanguageModel) -> None:
    page, ids = panel.page, expected(bundled_model, 5)
    write(panel)
    shows_after_writing(panel, bundled_model, ids)
    n_own = len(bundled_model.tokenize(TEXT))
    assert panel.selection().endswith(f"@{n_own}")  # the first one that was written
    first = page.locator("#strip-chips .chip-written").first
    assert "written after the text" in (first.get_attribute("aria-label") or "")
    assert "written after the text" in (first.get_attribute("title") or "")
    expect(page.locator("#continuation-reading")).to_contain_text("rank 1 of 4,096")
    expect(page.locator("#prompt-text")).to_have_value(TEXT)
    page.go_back()
    shows(panel, bundled_model, ())
    expect(page.locator("#continuation-job-compute")).to_be_visible()
    page.wait_for_timeout(1500)
    shows(panel, bundled_model, ())  # nothing takes the visitor forward again
    page.go_forward()
    shows(panel, bundled_model, ids)
    panel.analyse("The fox met a crow")
    page.wait_for_function("() => dash_clientside.explorer.shown().text === 'The fox met a crow'")
    shows(panel, bundled_model, ())


@pytest.mark.thorough
def test_force_another_token_and_go_back_to_the_branch(panel: Explorer, bundled_model: LanguageModel) -> None:
    page, first = panel.page, expected(bundled_model, 5)
    write(panel)
    shows_after_writing(panel, bundled_model, first)
    page.locator("#strip-chips .chip-written").nth(2).click()
    control = page.locator("#continuation-choices [data-forced]").nth(1)
    page.wait_for_function(
        "(start) => document.querySelector('#continuation-choices [data-forced]')?.dataset.written.startsWith(start)",
        arg=f"{first[0]}.{first[1]}.",
    )
    forced = tuple(map(int, (control.get_attribute("data-written") or "").split(".")))
    assert forced[:2] == first[:2]
    assert forced[2] != first[2]
    control.click()
    second = expected(bundled_model, 5, forced)
    shows_after_writing(panel, bundled_model, second)
    assert panel.selection().endswith(f"@{len(bundled_model.tokenize(TEXT)) + 2}")  # the forced one
    links = page.locator("#continuation-branches a")
    expect(links).to_have_count(3)
    expect(links.nth(2)).to_have_attribute("aria-current", "true")
    links.nth(1).click()
    shows(panel, bundled_model, first)
    expect(links.nth(1)).to_have_attribute("aria-current", "true")
    assert links.nth(2).get_attribute("aria-current") is None
    links.nth(0).click()
    shows(panel, bundled_model, ())
    for ids in (first, second, first):  # the forced token alone is no step of the history
        page.go_back()
        shows(panel, bundled_model, ids)
    links.nth(2).click()
    shows(panel, bundled_model, second)


def shows_after_writing(explorer: Explorer, model: LanguageModel, ids: tuple[int, ...]) -> None:
    text = ".".join(map(str, ids))
    explorer.page.wait_for_function(
        "(text) => new URLSearchParams(location.hash.slice(1)).get('written') === text", arg=text
    )
    shows(explorer, model, ids)


@pytest.mark.thorough
def test_a_link_shows_what_was_written_and_hostile_ones_say_why(
    browser: Browser, address: str, bundled_model: LanguageModel
) -> None:
    context = visitor(browser)
    ids = (722, 309, 5)
    explorer = opened(context, address, text=TEXT, written="722.309.5", tabs="continuation", select="output@20")
    shows(explorer, bundled_model, ids)
    assert explorer.selection() == "output@20"
    for bad, said in (("4096", "no token with the id 4096"), ("a.b", "is not a token id"), ("-1", "is not a token id")):
        explorer.open(text=TEXT, written=bad)
        assert said in explorer.notice()
        assert explorer.page.locator("#strip-chips .chip-written").count() == 0
    context.close()


def visitor(browser: Browser) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(NO_WEBGL)
    return context


@pytest.mark.thorough
def test_two_visitors_sample_at_once(browser: Browser, address: str, bundled_model: LanguageModel) -> None:
    contexts = [visitor(browser) for _ in range(2)]
    settings = {"continuation-how": "sampled", "continuation-tokens": "20", "continuation-temperature": "1.2"}
    pages = [
        opened(context, address, **settings, **{"continuation-seed": seed, "tabs": "continuation"})
        for context, seed in zip(contexts, ("11", "12"), strict=True)
    ]
    for explorer in pages:
        explorer.page.set_default_timeout(PATIENT_MS)
        explorer.page.wait_for_selector("#continuation-job-compute:visible")
    for explorer in pages:
        explorer.page.click("#continuation-job-compute")
    found = []
    for explorer, seed in zip(pages, (11, 12), strict=True):
        own = expected(bundled_model, 20, (), Sampling(1.2, seed=seed))
        shows_after_writing(explorer, bundled_model, own)
        found.append(own)
        assert not explorer.errors
    assert found[0] != found[1]
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def slow_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a model that takes long enough to be stopped."""
    folder = tmp_path_factory.mktemp("models") / "slow"
    model = make_tiny("gpt2", hidden_size=768, num_hidden_layers=16, num_attention_heads=8, max_position_embeddings=256)
    model.network.generation_config.eos_token_id = None  # type: ignore[union-attr]
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    with served(("dashboard", "--port", "{port}", "--model", str(folder))) as url:
        yield url


@pytest.mark.thorough
def test_stop_in_the_middle(browser: Browser, slow_address: str) -> None:
    context = visitor(browser)
    explorer = Explorer(context.new_page(), slow_address, [])
    page = explorer.page
    page.set_default_timeout(PATIENT_MS)
    explorer.open(text="The fox met a crow", **{"continuation-tokens": "200", "tabs": "continuation"})
    page.click("#continuation-job-compute")
    page.wait_for_selector(".continuation-new")
    page.click("#continuation-job-cancel")
    page.wait_for_function("() => new URLSearchParams(location.hash.slice(1)).get('written')")
    n = len(written(explorer))
    assert 1 <= n < 200
    page.wait_for_function("(n) => document.querySelectorAll('#strip-chips .chip-written').length === n", arg=n)
    page.wait_for_timeout(2000)
    assert len(written(explorer)) == n  # it has really stopped
    expect(page.locator("#continuation-job-compute")).to_be_visible()
    expect(page.locator("#continuation-job-cancel")).to_be_hidden()
    context.close()
