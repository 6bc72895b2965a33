"""Lock files: one holder, freed by closing or when its process is killed, also where the folder was deleted."""

import os
import shutil
import signal
from pathlib import Path

from dashboard.storage.file_lock import try_lock


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    held = try_lock(path)
    assert held
    assert try_lock(path) is None
    held.close()
    again = try_lock(path)
    assert again
    again.close()
    shutil.rmtree(path.parent)
    assert try_lock(path)


def test_a_killed_holder_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    told, tell = os.pipe()
    process = os.fork()
    if process == 0:
        held = try_lock(path)
        os.write(tell, b"y" if held else b"n")
        signal.pause()
    assert os.read(told, 1) == b"y"
    assert try_lock(path) is None
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    assert try_lock(path)
