"""Memory limits in a container, from files as the kernel writes them."""

from pathlib import Path

import psutil
import pytest

import analysis.machine.memory
from analysis.machine.memory import free_bytes, memory_bytes

MB = 10**6


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(analysis.machine.memory, "_CGROUP", tmp_path)
    return tmp_path


def test_a_container_has_less_than_the_machine(group: Path) -> None:
    (group / "memory.max").write_text(f"{512 * MB}\n")
    (group / "memory.current").write_text(f"{500 * MB}\n")
    (group / "memory.stat").write_text(f"anon {100 * MB}\ninactive_file {88 * MB}\nactive_file {9 * MB}\n")
    assert memory_bytes() == 512 * MB
    assert free_bytes() == 100 * MB


def test_without_a_limit_the_machine_counts(group: Path) -> None:
    total = psutil.virtual_memory().total
    assert memory_bytes() == total
    (group / "memory.max").write_text("max\n")
    assert memory_bytes() == total
    assert 0 < free_bytes() < total
