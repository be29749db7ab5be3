"""Checkpoints: bit for bit, the newest whole one; only what was read and is wrong is damaged."""

import builtins
import errno
import os

import numpy as np
import pytest
import tensorflow as tf

from dcgan_tf.run import checkpoints
from dcgan_tf.system.files import Unreadable


def variables(value):
    return {"a": tf.Variable(tf.fill([2, 3], value)), "b": tf.Variable(int(value), dtype=tf.int64)}


@pytest.fixture
def folder(tmp_path):
    for step in (100, 200, 300):
        checkpoints.save(tmp_path, step, variables(step / 7), {"seconds": step / 3})
    return tmp_path


def test_the_newest_comes_back_bit_for_bit(folder):
    state = variables(0.0)
    assert checkpoints.restore_latest(folder, state) == {"seconds": 100.0}
    assert (state["a"].numpy() == np.float32(300 / 7)).all() and state["b"].numpy() == 42


def test_copies_of_a_cloud_drive_are_passed_over(folder):
    for name in ("step_00000300 (1).npz",):
        (folder / name).write_bytes(b"x")
    with pytest.warns(UserWarning, match=r"step_00000300 \(1\)\.npz.*passed over"):
        assert checkpoints.restore_latest(folder, variables(0.0)) == {"seconds": 100.0}
    assert [path.name[5:13] for path in checkpoints.all_checkpoints(folder)] == ["00000300", "00000200", "00000100"]
    checkpoints.save(folder, 400, variables(1.0), {})
    assert (folder / "step_00000300 (1).npz").read_bytes() == b"x"  # not ours to remove


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.EACCES])
def test_a_read_error_that_passes_is_not_damage(folder, monkeypatch, number):
    opened = builtins.open

    def away(path, *more, **options):
        if str(path).endswith(".npz"):
            raise OSError(number, "gone for a moment")
        return opened(path, *more, **options)

    before = sorted(path.name for path in folder.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", away)
        with pytest.raises(Unreadable, match=r"cannot be read at the moment.*nothing was changed"):
            checkpoints.restore_latest(folder, variables(0.0))
    assert sorted(path.name for path in folder.iterdir()) == before
    assert checkpoints.restore_latest(folder, variables(0.0)) == {"seconds": 100.0}


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.EACCES])
def test_a_folder_that_cannot_be_listed_is_not_one_without_checkpoints(folder, monkeypatch, number):
    def away(path):
        raise OSError(number, "gone for a moment")

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", away)
        with pytest.raises(Unreadable, match=r"cannot be read at the moment.*nothing was changed"):
            checkpoints.restore_latest(folder, variables(0.0))
    assert checkpoints.all_checkpoints(folder / "missing") == []


@pytest.mark.parametrize("damage", ["cut", "flipped", "other bytes", "empty", "a folder", "another zip"])
def test_a_damaged_one_is_set_aside_and_the_one_before_is_taken(folder, damage):
    path = folder / "step_00000300.npz"
    data = path.read_bytes()
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage == "another zip":
        with open(path, "wb") as file:
            np.savez(file, x=np.zeros(3))
    else:
        middle = len(data) // 2
        contents = {"cut": data[:-30], "flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]}
        path.write_bytes({**contents, "other bytes": b"no zip" * 99, "empty": b""}[damage])
    with pytest.warns(UserWarning, match="damaged"):
        assert checkpoints.restore_latest(folder, variables(0.0)) == {"seconds": 200 / 3}
    assert (folder / "step_00000300.npz.damaged").exists() and not path.exists()
