"""Content of panels as plain data: what is seen, without controls, and nothing but texts."""

import json

from dash import dcc, html

from dashboard.snapshot.content import content_of

HOSTILE = "<img src=x onerror=alert(1)>"


def test_words_tables_and_graphs_stay_in_their_places() -> None:
    section = html.Section(
        [
            html.Div("title", className="panel-line"),
            html.Div(
                [
                    html.P(["logit ", html.Strong("5")], className="note"),
                    html.Div(dcc.Graph(id="x-graph"), role="group", **{"aria-label": "Bars"}),
                    html.Div(id="x-words"),
                    html.Div(dcc.Graph(id="x-second"), id="x-hidden"),
                ],
                className="panel-body",
            ),
        ]
    )
    drawn = {
        ("x-graph", "figure"): {"data": [], "layout": {}},
        ("x-second", "figure"): {"data": [], "layout": {}},
        ("x-hidden", "hidden"): True,
        ("x-words", "children"): [html.Span(HOSTILE, title="tip", style={"color": "#fff"}), 5],
    }
    (body,) = content_of(section, drawn)
    assert body["children"] == [
        {"tag": "p", "class": "note", "children": ["logit ", {"tag": "strong", "children": ["5"]}]},
        {"tag": "div", "label": "Bars", "children": [{"figure": "x-graph"}]},
        {
            "tag": "div",
            "children": [{"tag": "span", "title": "tip", "style": {"color": "#fff"}, "children": [HOSTILE]}, "5"],
        },
    ]


def test_controls_are_left_out_and_links_are_their_words() -> None:
    section = html.Section(
        [
            html.Button("Remove", id="x-remove"),
            html.Button("‘·girl’", **{"data-select": "@8"}),
            html.A("a branch", href="javascript:alert(1)"),
            dcc.Store(id="x-store", data="stored"),
            html.Details([html.Summary("more"), html.P("help")]),
            html.Script("alert(1)"),
            html.Iframe(srcDoc=HOSTILE),
            html.Img(src="http://example.org"),
        ]
    )
    content = content_of(section, {})
    assert content == [{"tag": "span", "children": ["‘·girl’"]}, {"tag": "span", "children": ["a branch"]}]
    assert "javascript" not in json.dumps(content)
