"""`make screenshots`: the opening page and the page after a click, light and dark, on a desktop and on a phone."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.explorer import Explorer
from tests.chromium import CHROMIUM, chromium_path
from tests.serving import served

HERE = Path(__file__).parent
SCREENS = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
AFTER = {"text": "the wolf ate the red apple near the river and the wolf ate the red apple near the river"}


def main() -> None:
    """Write six pictures beside this file, or into the folder that is named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    with served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM)
        for name, screen in SCREENS.items():
            explorer = Explorer(browser.new_context(**screen).new_page(), address, [])
            explorer.open()
            _picture(explorer, folder / f"opening-{name}.png")
            explorer.open(**AFTER)
            explorer.click_box(1, 2 * 64 + 20)
            explorer.page.wait_for_function(
                "document.getElementById('attention-panel').dataset.selection.includes('mlp')"
            )
            explorer.selection()
            _picture(explorer, folder / f"click-{name}.png")
            explorer.page.context.close()
        browser.close()


def _picture(explorer: Explorer, path: Path) -> None:
    explorer.page.mouse.move(2, 2)
    explorer.page.evaluate("scrollTo(0, 0)")
    explorer.page.wait_for_timeout(1500)
    explorer.page.screenshot(path=path, full_page=True)


if __name__ == "__main__":
    main()
