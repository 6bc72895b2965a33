"""The HTML document: what is read before the scripts have run, and what the browser is told to load."""

from layouts.document import WORDS, document


def test_words_and_scripts_are_in_the_document() -> None:
    html = document(
        plotly='/a?b="c"', title="A & B", metas="<meta>", favicon="<link>", css="<style>", scripts="<script>"
    )
    assert "A &amp; B" in html
    assert WORDS in html
    assert '<link rel="prefetch" as="script" href="/a?b=&quot;c&quot;">' in html
    assert html.index("<style>") < html.index(WORDS) < html.index("<script>")
