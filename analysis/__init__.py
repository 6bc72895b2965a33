"""Models in, numpy arrays out. Never imports dash, plotly or flask, and never reads the environment.

Each panel has a module with one public function, `compute_<panel>([model,] trace, [selection,] position, *, knobs)`,
which gives a frozen `<Panel>Result`. The arguments always come in this order, and those that a computation does not
need are left out. Choices among words are keyword-only and are checked by `errors.check_choice`. Arrays that are slow
to compute come from a `derived` function or from a `Task` (see `task.py`).
"""
