"""The HTML document: what is read before the scripts have run."""

from dash import Dash

from layouts.document import TITLE, WORDS, document


def test_the_words_come_before_the_scripts_and_the_styles_before_the_words() -> None:
    app = Dash(__name__, title=TITLE, index_string=document("/scripts/", "<template>"))
    html = app.interpolate_index(css="<style>", scripts="<script>", app_entry="<main>")
    assert (
        html.index("<style>")
        < html.index(WORDS)
        < html.index("<main>")
        < html.index("<script>")
        < html.index("<template>")
    )
    assert 'href="/scripts/plotly/' in html
