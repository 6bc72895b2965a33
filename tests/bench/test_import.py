"""Import time of `visualize` in a notebook, as a multiple of the import time of its libraries."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent.parent
LIBRARIES = "import torch; from transformers import GPT2LMHeadModel; import plotly.graph_objects"
MOST = 1.2


def seconds(code: str) -> float:
    """Of a fresh process that runs this; starting Python is a hundredth of it."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return time.perf_counter() - start


def test_importing_visualize(request: Any, report: Any):
    """In turns, so that both meet the same machine."""
    measuring = request.config.getoption("benchmark_enable")
    pairs = [(seconds(LIBRARIES), seconds("import visualize")) for _ in range(6 if measuring else 1)]
    if measuring:
        ratio = median(ours for _, ours in pairs[1:]) / median(theirs for theirs, _ in pairs[1:])
        report("importing visualize, of importing torch, transformers' GPT-2 and plotly", f"{ratio:.2f}")
        assert ratio <= MOST
