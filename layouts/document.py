"""HTML document around the page: what is read while the scripts load, and without JavaScript at all."""

TITLE = "LLM Architecture Explorer"
VERSION = "1.0"  # raised with the first change that gives other numbers, or other files
WORDS = (
    "A language model, drawn in 3D with its real values. Each block is a wall of attention heads and a wall of MLP"
    " neurons. Click a box or a token, and all panels show what it does in this sentence."
)


def document(scripts: str, parts: str) -> str:
    """HTML document of the app, in which Dash fills in what is between `{%` and `%}`.

    scripts: the address under which Dash serves scripts. It asks for plotly.js, by far the largest of them, only when
    the first figure is made; `assets/loading.js` lets the browser prefetch it once the words are painted. parts: the
    templates of its static parts (`static_parts.py`).
    """
    return f"""<!DOCTYPE html>
<html lang="en">
  <head>
    {{%metas%}}
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{{%title%}}</title>
    <link rel="later" as="script" href="{scripts}plotly/package_data/plotly.min.js">
    {{%favicon%}}
    {{%css%}}
  </head>
  <body>
    <div class="opening">
      <h1>{TITLE}</h1>
      <p>{WORDS}</p>
      <p class="opening-state" role="status">Loading …</p>
      <p class="opening-late">This takes longer than usual. If nothing happens, reload the page.</p>
      <noscript><p>This page needs JavaScript.</p></noscript>
    </div>
    {{%app_entry%}}<footer>{{%config%}}{{%scripts%}}{{%renderer%}}</footer>
    {parts}
  </body>
</html>"""
