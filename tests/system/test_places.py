"""Where caches and prepared data lie: what was asked for, what can be written, and the same place for everybody."""

import os
import re
import tempfile
from pathlib import Path

import pytest
from commands import run_cli

from dcgan_tf.system import places
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.places import cached, can_write, data_directory, expanded

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The user's cache folder and the temporary folder, both in tmp_path; nothing was said so far."""
    monkeypatch.delenv("DCGAN_TF_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(places, "_said", set())
    (tmp_path / "tmp").mkdir()
    return tmp_path


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="XDG_CACHE_HOME is of Linux")
def test_a_cache_is_where_it_was_asked_for_or_the_users(home, monkeypatch):
    assert cached("features", "a.npz") == home / "home" / "dcgan_tf" / "features" / "a.npz"
    assert (home / "home" / "dcgan_tf" / "features").is_dir()  # ready to be written to
    monkeypatch.setenv("DCGAN_TF_CACHE", str(home / "mine"))
    assert cached("features", "a.npz") == home / "mine" / "features" / "a.npz"
    monkeypatch.chdir(home)
    monkeypatch.setenv("DCGAN_TF_CACHE", "mine")
    assert cached("a") == home / "mine" / "a"


def test_where_the_cache_cannot_be_written_the_temporary_folder_takes_its_place(home, monkeypatch):
    (home / "file").touch()
    monkeypatch.setenv("DCGAN_TF_CACHE", str(home / "file" / "cache"))
    said = []
    found = cached("features", "a.npz", say=said.append)
    assert found.parent.is_dir() and found.parent.parent.parent == home / "tmp"
    assert said == [
        f"the cache {str(home / 'file' / 'cache')!r} cannot be written: {str(found.parent.parent)!r} takes its place, "
        "until it is tidied up; the environment variable DCGAN_TF_CACHE names another folder"
    ]
    found.touch()
    assert cached("features", "a.npz", say=said.append) == found
    assert len(said) == 1  # once is enough


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="numbers of users are of POSIX")
def test_a_user_without_a_home_has_the_temporary_folder(home, monkeypatch):
    """As in a container that runs under any number."""
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda number: (_ for _ in ()).throw(KeyError(number)))
    monkeypatch.chdir(home)
    said = []
    found = cached("features", "a.npz", say=said.append)
    assert found.parent.is_dir() and found.parent.parent.parent == home / "tmp"
    assert said[0].startswith("the cache '~/.cache/dcgan_tf' cannot be written") and not (home / "~").exists()


def test_what_the_cache_holds_is_read_though_nothing_can_be_written(home, monkeypatch):
    monkeypatch.setenv("DCGAN_TF_CACHE", str(home / "shared"))
    (home / "shared").mkdir()
    (home / "shared" / "a.npz").touch()
    monkeypatch.setattr(places, "can_write", lambda folder: str(home / "shared") not in str(folder))
    assert cached("a.npz") == home / "shared" / "a.npz"
    assert cached("b.npz", say=lambda text: None).parent.parent == home / "tmp"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners are of POSIX")
def test_a_temporary_folder_that_others_can_write_to_is_not_trusted(home, monkeypatch):
    (home / "file").touch()
    monkeypatch.setenv("DCGAN_TF_CACHE", str(home / "file"))
    folder = home / "tmp" / f"dcgan_tf-{os.getuid()}"
    folder.mkdir()
    (folder / "a.npz").touch()
    folder.chmod(0o777)
    assert cached("a.npz") == home / "file" / "a.npz"  # whoever writes there has the error
    folder.chmod(0o700)
    assert cached("a.npz", say=lambda text: None) == folder / "a.npz"


def test_whether_a_folder_can_be_written_is_tried(tmp_path):
    assert can_write(tmp_path / "new" / "one")
    assert list((tmp_path / "new" / "one").iterdir()) == []
    (tmp_path / "file").touch()
    assert not can_write(tmp_path / "file")


@pytest.mark.parametrize("no_path", [None, 5, b"results", ["results"]])
def test_what_is_no_path_is_said_in_one_line(no_path):
    with pytest.raises(UserError, match="is no path: give one as a text, such as 'results/NAME', or as a P") as said:
        expanded(no_path)
    assert str(said.value).startswith(repr(no_path)) and "\n" not in str(said.value)


@pytest.mark.parametrize("address", ["file:///data/run", "gs://bucket/run", "https://example.org/faces.zip"])
def test_an_address_is_no_path(address):
    said = f"{address!r} is an address ({address.split('/')[0]}//): give a path on this computer"
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        expanded(address)
    assert run_cli("sample", address) == (2, "", f"error: {said}\n")
    assert expanded("C://faces") == Path("C://faces")  # of Windows


def test_a_notebook_alone_and_all_of_a_sweep_share_their_prepared_data(monkeypatch, tmp_path):
    monkeypatch.delenv("DCGAN_TF_CACHE", raising=False)
    for folder in (ROOT, ROOT / "notebooks", ROOT / "dcgan_tf" / "data"):
        monkeypatch.chdir(folder)
        assert data_directory() == ROOT / "data"
    monkeypatch.chdir(tmp_path)  # of a package that was installed
    assert data_directory() == tmp_path / "data"
    monkeypatch.setattr(places, "KAGGLES_OUTPUT", tmp_path)
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert data_directory() == Path("/kaggle/temp/data")  # not a part of what is saved
    monkeypatch.setenv("DCGAN_TF_CACHE", str(tmp_path / "cache"))
    assert data_directory() == tmp_path / "cache" / "prepared"
