"""HTML document around the page: what is read while the scripts load, and without JavaScript at all."""

from html import escape

TITLE = "LLM Architecture Explorer"
WORDS = (
    "A language model, drawn in 3D with its real values. Each block is a wall of attention heads and a wall of MLP"
    " neurons. Click a box or a token, and all panels show what it does in this sentence."
)


def document(*, plotly: str, title: str, metas: str, favicon: str, css: str, scripts: str) -> str:
    """HTML document of the app.

    plotly: the address of plotly.js, by far the largest script. Dash asks for it only when the first figure is made;
    a prefetch lets the browser load it beside the other scripts. The rest is HTML that Dash has made.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
  <head>
    {metas}
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{escape(title)}</title>
    <link rel="prefetch" as="script" href="{escape(plotly)}">
    {favicon}
    {css}
  </head>
  <body>
    <div class="opening">
      <h1>{escape(title)}</h1>
      <p>{WORDS}</p>
      <p class="opening-state">Loading …</p>
      <noscript><p>This page needs JavaScript.</p></noscript>
    </div>
    <div id="react-entry-point"></div>
    <footer>{scripts}</footer>
  </body>
</html>"""
