"""The cache folder is private to its owner, or refused with advice."""

import os
from pathlib import Path

import pytest

from dashboard.settings import Settings
from dashboard.storage.private_folder import FolderError, private_folder

NOBODY = 65534


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_it_is_closed_to_others_whatever_the_umask_is(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = private_folder(tmp_path / "cache")
    finally:
        os.umask(before)
    assert mode(folder) == 0o700


def test_one_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o755)
    assert mode(private_folder(tmp_path / "cache")) == 0o700


def test_the_settings_give_a_private_folder(tmp_path: Path) -> None:
    assert mode(Settings(cache_dir=str(tmp_path / "a" / "b")).cache_path) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_what_is_another_users_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, NOBODY, NOBODY)
    with pytest.raises(FolderError, match=r"belongs to another user.* Set CACHE_DIR to a folder of your own"):
        private_folder(theirs)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_a_link_of_another_user_is_refused_wherever_it_leads(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "own")
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(FolderError, match="belongs to another user"):
        private_folder(link)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_an_own_link_to_what_is_another_users_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", NOBODY, NOBODY)
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    with pytest.raises(FolderError, match="belongs to another user"):
        private_folder(tmp_path / "link")


def test_an_own_link_to_an_own_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "own")
    assert mode(private_folder(tmp_path / "link")) == 0o700


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match="is not a folder"):
        private_folder(tmp_path / "file")
