"""What is downloaded stands in its place whole, or not at all. Addresses of this disk stand for the network."""

import hashlib
import socket

import pytest

from dcgan_tf.system.downloads import download
from dcgan_tf.system.errors import UserError


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(b"the file")
    return path


def get(address, path, right=True, md5=None):
    return download(address, path, "the thing", "do something else", lambda came: right, md5)


def test_it_is_there_and_nothing_else_is(source, tmp_path, capsys):
    before = socket.getdefaulttimeout()
    place = tmp_path / "cache" / "x" / "thing.bin"
    assert get(source.as_uri(), place, md5=hashlib.md5(b"the file").hexdigest()) == place
    assert place.read_bytes() == b"the file" and [path.name for path in place.parent.iterdir()] == ["thing.bin"]
    assert capsys.readouterr() == ("", "") and socket.getdefaulttimeout() == before


@pytest.mark.parametrize("settings", [{"right": False}, {"md5": "0" * 32}])
def test_another_file_is_not_kept(source, tmp_path, settings):
    place = tmp_path / "cache" / "thing.bin"
    place.parent.mkdir()
    place.write_bytes(b"the one before")
    with pytest.raises(UserError, match=r"is not the thing \(its checksum differs\): try again"):
        get(source.as_uri(), place, **settings)
    assert place.read_bytes() == b"the one before" and len(list(place.parent.iterdir())) == 1


def test_what_cannot_be_had_says_what_to_do_instead(tmp_path):
    with pytest.raises(UserError, match=r"the thing could not be downloaded \(.*\): do something else") as error:
        get((tmp_path / "nowhere").as_uri(), tmp_path / "cache" / "thing.bin")
    assert "\n" not in str(error.value) and list((tmp_path / "cache").iterdir()) == []


def test_a_place_that_takes_nothing_is_said(source, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*choose another place"):
        get(source.as_uri(), tmp_path / "file" / "thing.bin")
