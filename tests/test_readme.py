"""The README's commands for own models do what it says."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.gguf_files import tiny, write_gguf
from tests.hub import SmallHub, served_hub
from tests.serving import ROOT, answers, free_port, wait_until
from tests.tiny import make_tiny

pytestmark = pytest.mark.long


def commands(section: str) -> list[str]:
    """The lines of the shell blocks of a section, without their comments."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines()
    return [line.split("  #")[0].strip() for line in lines]


@pytest.fixture(scope="module")
def small_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHub]:
    """A hub whose "gpt2" is small."""
    folder = tmp_path_factory.mktemp("model")
    save(folder)
    with served_hub() as hub:
        hub.hold("gpt2", folder)
        yield hub


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's home, where the commands are typed: with a folder of models, and a checkpoint."""
    home = tmp_path_factory.mktemp("home")
    save(home / "models" / "mine")
    save(home / "path" / "to" / "checkpoint")
    write_gguf(tiny("llama"), home / "path" / "to" / "model.gguf")
    return home


def save(folder: Path) -> None:
    model = make_tiny("gpt2")
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)


def environment(home: Path, hub: SmallHub, **more: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = {"HOME": str(home), "HF_HOME": str(home / "hub"), "HF_ENDPOINT": hub.url, "CACHE_DIR": str(home / "cache")}
    return {**os.environ, **own, "PATH": path, "PYTHONPATH": str(ROOT), **more}


def offered(url: str) -> dict[str, str]:
    """The models that a page lists, the chosen one first."""
    layout = json.loads(urllib.request.urlopen(f"{url}_dash-layout", timeout=30).read())
    (choice,) = [item["props"] for item in walk(layout) if item["props"].get("id") == "prompt-model"]
    words = {option["value"]: option["label"] for option in choice["options"]}
    return {choice["value"]: words.pop(choice["value"]), **words}


def walk(item: object) -> Iterator[dict[str, dict[str, object]]]:
    if isinstance(item, list):
        for one in item:
            yield from walk(one)
    elif isinstance(item, dict) and "props" in item:
        yield item
        yield from walk(item["props"].get("children"))


def served_list(line: str, home: Path, hub: SmallHub) -> dict[str, str]:
    """What the page that a command serves lists."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    server = subprocess.Popen(
        ["bash", "-c", line], cwd=home, env=environment(home, hub, PORT=str(port)), stdout=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: answers(url, server), 120)
        return offered(url)
    finally:
        family = [*psutil.Process(server.pid).children(recursive=True), psutil.Process(server.pid)]
        for process in family:
            process.terminate()
        psutil.wait_procs(family, timeout=20)
        server.wait(20)


@pytest.mark.thorough
def test_use_your_own_model(home: Path, small_hub: SmallHub) -> None:
    listing, download, opening, checkpoint, gguf, more = commands("Use your own model")
    for line in (download, listing):
        done = subprocess.run(
            line, shell=True, cwd=home, env=environment(home, small_hub), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    rows = {row.split()[0]: row for row in done.stdout.splitlines()}
    assert rows["gpt2"].endswith("on disk")
    assert rows["gpt2-medium"].endswith("to download")
    assert len(small_hub.sent("/stored/gpt2/model.safetensors")) == 1
    with ThreadPoolExecutor() as threads:
        lists = threads.map(lambda line: served_list(line, home, small_hub), (opening, checkpoint, gguf, more))
        opened, own, file, added = lists
    assert next(iter(opened)) == "gpt2"
    assert (
        opened["gpt2"] == "gpt2 (GPT-2, 0.0498 million parameters, 0.199 MB in memory) · on disk"
    )  # the page comes before the model
    assert next(iter(own)) == "checkpoint"
    assert file[next(iter(file))].startswith("model.gguf (Llama, ")
    assert file["model.gguf"].endswith("4-bit weights, dequantized")
    assert next(iter(added)) == "bundled"
    assert added["mine"].endswith("on disk")
    assert added["gpt2@main"].endswith("on disk")
