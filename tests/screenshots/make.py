"""`make screenshots`: the README's pictures; into a folder that is named, those of all screens, states and models."""

import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.browser.explorer import HAS_BEEN_HERE, Explorer
from tests.chromium import CHROMIUM, chromium_path
from tests.serving import served
from tests.tiny import make_tiny

HERE = Path(__file__).parent
SCREENS = {"1440": (1440, 900), "1280": (1280, 720), "1920": (1920, 1080), "phone": (390, 844)}
README = ("click-1440-light", "click-1440-dark", "click-phone-light")
AFTER = {"text": "the wolf ate the red apple near the river and the wolf ate the red apple near the river"}
LOOP = "click.webp"
LOOP_SIZE = 1080, 675


def main() -> None:
    """Write the README's pictures beside this file, or all pictures into the folder that is named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with TemporaryDirectory() as models, sync_playwright() as playwright:
        deep = make_tiny("gpt2", num_hidden_layers=30, num_attention_heads=9, hidden_size=72)
        deep.network.save_pretrained(Path(models) / "deep")
        deep.tokenizer.save_pretrained(Path(models) / "deep")
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM)
        with served(MODELS_DIR=models, MODELS="deep") as address:
            for screen in SCREENS:
                for theme in ("light", "dark"):
                    _pictures(browser, address, f"{screen}-{theme}", folder)
            _loop(browser, address, (folder or HERE) / LOOP)
        browser.close()


def _opened(browser: Browser, address: str, screen: str, **fragment: str) -> Explorer:
    size, theme = screen.split("-")
    width, height = SCREENS[size]
    visitor: dict[str, Any] = {"viewport": {"width": width, "height": height}, "color_scheme": theme}
    context = browser.new_context(**visitor)
    context.add_init_script(HAS_BEEN_HERE)
    explorer = Explorer(context.new_page(), address, [])
    explorer.open(**fragment)
    return explorer


def _pictures(browser: Browser, address: str, screen: str, folder: Path | None) -> None:
    """All states on a screen, or the README's."""
    if folder is None and not any(name.endswith(screen) for name in README):
        return
    explorer = _opened(browser, address, screen, **AFTER)
    explorer.click_box(0, 4 * 8 + 4)
    explorer.page.wait_for_function("document.getElementById('panels').dataset.selection.startsWith('block.4.')")
    _picture(explorer, (folder or HERE) / f"click-{screen}.png")
    if folder:
        if not screen.startswith("phone"):
            explorer.page.click("[data-enlarge=upper]")
            _picture(explorer, folder / f"enlarged-{screen}.png")
        explorer.open()
        _picture(explorer, folder / f"opening-{screen}.png")
        explorer.open(model="deep", text="The fox met a crow with a cheese")
        _picture(explorer, folder / f"deep-{screen}.png")
    explorer.page.context.close()


def _picture(explorer: Explorer, path: Path) -> None:
    _rest(explorer)
    explorer.page.screenshot(path=path)


def _rest(explorer: Explorer) -> None:
    """Wait until every visible panel shows the selection and is drawn."""
    explorer.page.mouse.move(2, 2)
    explorer.selection()
    explorer.page.wait_for_function("!document.querySelector('.panel:not([hidden])[aria-busy=true]')")
    explorer.page.wait_for_timeout(2500)


def _loop(browser: Browser, address: str, path: Path) -> None:
    """A looping picture: clicks on two heads and on a group of neurons, and what follows each."""
    explorer = _opened(browser, address, "1440-light", **AFTER)
    frames: list[Image.Image] = []
    durations: list[int] = []

    def frame(milliseconds: int) -> None:
        picture = Image.open(BytesIO(explorer.page.screenshot())).convert("RGB")
        frames.append(picture.resize(LOOP_SIZE, Image.Resampling.LANCZOS))
        durations.append(milliseconds)

    _rest(explorer)
    frame(1500)
    for trace, box in ((0, 2 * 8 + 3), (0, 4 * 8 + 4), (1, 5 * 64 + 20)):
        explorer.hover_box(trace, box)
        frame(700)
        explorer.page.mouse.down()
        explorer.page.wait_for_timeout(60)
        explorer.page.mouse.up()
        _rest(explorer)
        frame(1700)
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=0,
        quality=80,
        method=6,
        minimize_size=True,
    )


if __name__ == "__main__":
    main()
