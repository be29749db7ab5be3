"""Files are whole or not there, and what a disk answers is one line."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from dcgan_tf.run.directory import Run
from dcgan_tf.run.lock import only_writer
from dcgan_tf.system import files
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import atomic_file, check_writable, contents, disk_errors_explained, whole_folder, write_text

MENDABLE = ("ENOSPC", "EDQUOT", "EACCES", "ENOENT", "EISDIR", "EIO", "ESTALE", "ELOOP", "EINVAL", "EMFILE", "EROFS")


@pytest.mark.parametrize("name", MENDABLE)
def test_what_a_disk_answers_is_one_line(name, tmp_path):
    with pytest.raises(UserError, match="cannot write '/some/where': ") as error, disk_errors_explained("/some/where"):
        raise OSError(getattr(errno, name), "said by the system")
    assert "\n" not in str(error.value) and str(error.value).count(":") >= 2


def test_numpy_and_pillow_keep_the_reason_to_themselves():
    for text in ("1024 requested and 0 written", "encoder error -2 when writing image file"):
        with pytest.raises(UserError, match="the disk is probably full"), disk_errors_explained("x"):
            raise OSError(text)
    with pytest.raises(OSError, match="image file is truncated"), disk_errors_explained("x"):
        raise OSError("image file is truncated (3 bytes not processed)")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can make another")
def test_a_run_where_none_can_be_is_one_line():
    with pytest.raises(UserError, match="cannot write '/proc/nope/r'"), only_writer(Run("/proc/nope/r")):
        pass


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can make another")
def test_where_something_can_be_written_is_known_before(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "a.npy", tmp_path / "folder" / "b" / "c.png", "a.npy"):
        check_writable(path)
    for path, words in (("/proc/nope/a.npy", "cannot write '/proc/nope"), (tmp_path / "file" / "a", "is a file")):
        with pytest.raises(UserError, match=words):
            check_writable(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_is_synced_through_a_descriptor_that_may_write(tmp_path, monkeypatch):
    """Windows syncs no file that was opened for reading: EBADF."""
    import fcntl

    synced = []

    def windows_fsync(descriptor):
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        synced.append(descriptor)

    monkeypatch.setattr(os, "fsync", windows_fsync)
    with atomic_file(tmp_path / "a.npz", durable=True) as temporary:
        np.savez(temporary, a=np.zeros(3))
    write_text(tmp_path / "b.txt", "b", durable=True)
    assert len(synced) == 2 and (tmp_path / "b.txt").read_text() == "b"


def test_a_folder_that_is_there_is_filled_and_stays_itself(tmp_path, monkeypatch):
    def fill(path, text, earlier=()):
        with whole_folder(path, earlier) as folder:
            (folder / "sub").mkdir()
            (folder / "sub" / "a").write_text(text)

    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    fill(".", "first")
    assert Path("sub/a").read_text() == "first"  # a shell that stands there sees it
    fill(os.getcwd(), "second", ["sub"])
    with pytest.raises(UserError, match="a folder of that name is in the way"):
        fill(".", "third")
    fill("../new/one", "fourth")
    assert Path("../new/one/sub/a").read_text() == "fourth"

    rename = os.rename

    def fails(source, target):
        if Path(target) == tmp_path / "here" / "sub" and ".old" not in str(source):
            raise OSError(errno.EIO, "said by the system")
        rename(source, target)

    monkeypatch.setattr(files.os, "rename", fails)
    with pytest.raises(UserError, match=r"cannot write '\.': the disk reports an error"):
        fill(".", "fifth", ["sub"])
    assert [path.read_text() for path in Path().rglob("*") if path.is_file()] == ["second"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "new"]


def test_what_a_kill_left_is_in_nobodys_way_and_goes_after_a_day(tmp_path):
    (tmp_path / "here").mkdir()
    left = [tmp_path / "here" / ".0123abcd.partial", tmp_path / ".here.89abcdef.partial"]
    others = [tmp_path / ".there.89abcdef.partial", tmp_path / "here.partial"]
    for path in (*left, *others):
        path.mkdir()
        (path / "a").touch()

    def fill(earlier=()):
        with whole_folder(tmp_path / "here", earlier) as folder:
            (folder / "b").touch()

    fill()
    assert contents(tmp_path / "here") == [tmp_path / "here" / "b"]
    assert all((path / "a").exists() for path in left)  # somebody may be at work there
    for path in (*left, *others):
        os.utime(path, (0, 0))
    with pytest.raises(UserError, match="in the way"):
        fill()
    assert all(path.exists() for path in left)  # it may hold what was here before
    fill(["b"])
    assert sorted(tmp_path.iterdir()) == sorted([*others, tmp_path / "here"])
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["b"]


def test_a_reader_in_the_way_is_waited_for_on_windows(tmp_path, monkeypatch):
    answers = iter([PermissionError(13, "in use"), PermissionError(13, "in use"), None])
    replace = os.replace

    def windows_replace(source, target):
        if (answer := next(answers)) is not None:
            raise answer
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", windows_replace)
    monkeypatch.setattr(files.os, "name", "nt")
    monkeypatch.setattr(files.time, "sleep", lambda seconds: None)
    (tmp_path / "a").write_text("new")
    files.replace(tmp_path / "a", tmp_path / "b")
    monkeypatch.undo()
    assert (tmp_path / "b").read_text() == "new"
