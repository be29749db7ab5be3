"""Folders and zips as sources of pictures: whatever is in them, honest or not."""

import os
import pickle
import shutil
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from drawn_pictures import content, decode_small, picture

from dcgan_tf.data.decoding import ImageError
from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.data.preparing import prepare
from dcgan_tf.data.sources import FolderSource, ZipSource, open_source
from dcgan_tf.system.errors import UserError


def test_a_folder_of_all_sorts(tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_PROCESS", str(os.getpid()))
    folder = tmp_path / "in"
    (folder / "b" / "deep").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "__MACOSX").mkdir()
    (folder / "in.dcgan_tf").mkdir()
    for name in ("b/deep/ä 1.png", "a.PNG", "b/2", ".hidden.png", ".git/x.png", "__MACOSX/y.png", "in.dcgan_tf/z.png"):
        (folder / name).write_bytes(picture(len(name)))
    (folder / "empty.jpg").touch()
    (folder / "cut.jpg").write_bytes(picture(1, 100, 100, "JPEG")[:2000])
    (folder / "notes.txt").write_text("hello")
    os.symlink(folder / "nowhere", folder / "link.png")
    os.mkfifo(folder / "pipe.png")
    with open(os.fsencode(folder) + b"/\xff.png", "wb") as file:
        file.write(picture(5))
    source = open_source(folder)
    assert source.ignored == 1
    assert source.left_out == [
        ("link.png", "a link that leads nowhere"),
        ("pipe.png", "no file but a pipe, socket or device"),
    ]
    for workers in (1, 2):
        opened = read_prepared(
            prepare(tmp_path / f"out{workers}", source, decode_small, settings={}, workers=workers, chunk_size=2)
        )
        assert opened.names() == ["a.PNG", "b/2", "b/deep/ä 1.png", "\\udcff.png"]
        reasons = {row["source"]: row["reason"] for row in opened.index() if row["kept"] == "0"}
        assert reasons.keys() == {"cut.jpg", "empty.jpg", "notes.txt"}
        assert reasons["empty.jpg"] == "empty file"
        assert reasons["notes.txt"] == "not an image"
        assert reasons["cut.jpg"].startswith("damaged: ")
        assert opened.metadata["flags"] == {"tall": 4}  # and TensorFlow was imported by no worker
    assert content(tmp_path / "out1") == content(tmp_path / "out2")


def test_a_folder_fingerprint_follows_what_is_in_it(tmp_path):
    (tmp_path / "a.png").write_bytes(picture(0))
    first = FolderSource(tmp_path).fingerprint
    assert FolderSource(tmp_path).fingerprint == first
    os.utime(tmp_path / "a.png", ns=(1, 1))
    second = FolderSource(tmp_path).fingerprint
    (tmp_path / "b.png").write_bytes(picture(1))
    assert len({first, second, FolderSource(tmp_path).fingerprint}) == 3


def set_encrypted(data, name):
    """Mark an entry of a zip as encrypted, in its own header and in the directory at the end."""
    data = bytearray(data)
    for signature, offset, name_at in ((b"PK\3\4", 6, 30), (b"PK\1\2", 8, 46)):
        at = 0
        while (at := data.find(signature, at)) >= 0:
            if data[at + name_at :].startswith(name.encode()):
                data[at + offset] |= 1
            at += 4
    return bytes(data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name in ("a/1.png", "a/1.png", "ö.png", "secret.png", "__MACOSX/._1.png", ".hidden"):
            archive.writestr(name, picture(len(name)))
        archive.mkdir("folder") if hasattr(archive, "mkdir") else archive.writestr("folder/", b"")
        for name in ("../up.png", "a/../../up.png", "/etc/absolute.png", "C:\\up.png", "..\\up.png", ".", "./."):
            archive.writestr(name, picture(3))
        archive.writestr("text.png", b"hello")
        archive.writestr("bomb.png", bytes(300_000_000), compress_type=zipfile.ZIP_DEFLATED, compresslevel=1)
        archive.writestr("torn.png", b"torn" + picture(9))
    data = set_encrypted((tmp_path / "in.zip").read_bytes(), "secret.png")
    data = data.replace(b"torn\x89", b"tarn\x89")
    (tmp_path / "in.zip").write_bytes(data)
    source = open_source(tmp_path / "in.zip")
    assert isinstance(source, ZipSource)
    assert source.ignored == 2
    opened = read_prepared(prepare(tmp_path / "out", source, decode_small, settings={}, workers=2, chunk_size=3))
    assert opened.names() == ["a/1.png", "a/1.png", "ö.png"]
    reasons = {row["source"]: row["reason"] for row in opened.index() if row["kept"] == "0"}
    assert reasons == {
        "../up.png": "name leads out of the zip",
        "a/../../up.png": "name leads out of the zip",
        "/etc/absolute.png": "name leads out of the zip",
        "C:\\up.png": "name leads out of the zip",
        "..\\up.png": "name leads out of the zip",
        ".": "name of a folder",
        "./.": "name of a folder",
        "secret.png": "encrypted",
        "text.png": "not an image",
        "bomb.png": "file too large: more than 256,000,000 bytes",
        "torn.png": "damaged in the zip: Bad CRC-32 for file 'torn.png'",
    }
    assert {path.name for path in tmp_path.iterdir()} == {"in.zip", "out"}


def test_what_is_no_whole_zip_is_one_line(tmp_path):
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as archive:
        archive.writestr("a.png", picture(0))
    data = (tmp_path / "whole.zip").read_bytes()
    for name, written, reason in [
        ("cut.zip", data[:-30], "cut short"),
        ("half.zip", data[: len(data) // 2], "cut short"),
        ("empty.zip", b"", "it is empty"),
        ("text.zip", b"hello", "it is something else"),
    ]:
        (tmp_path / name).write_bytes(written)
        with pytest.raises(UserError, match=f"{name}' is not a whole zip file.*{reason}"):
            _ = open_source(tmp_path / name).names
    with pytest.raises(UserError, match="cannot be read: No such file"):
        open_source(tmp_path / "none.zip")


def test_a_zip_gives_what_the_folder_gives(tmp_path):
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for index in (2, 0, 1):
            (tmp_path / "in" / f"{index}.png").write_bytes(picture(index))
            archive.write(tmp_path / "in" / f"{index}.png", f"{index}.png")
    folder, archive = (
        read_prepared(prepare(tmp_path / name, open_source(tmp_path / path), decode_small, settings={}))
        for name, path in (("a", "in"), ("b", "in.zip"))
    )
    assert folder.fingerprint == archive.fingerprint
    assert content(tmp_path / "a")["index.csv"] == content(tmp_path / "b")["index.csv"]


def test_files_that_vanish_or_are_too_large(tmp_path, monkeypatch):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(picture(0))
    source = FolderSource(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        source.read(0)
    monkeypatch.setattr("dcgan_tf.data.sources.MAX_FILE_BYTES", 10)
    with pytest.raises(ImageError, match="file too large"):
        source.read(1)


# -------------------------------------------------------------------------------------------- links, runs, odd zips


def test_links_are_followed_and_none_leads_round_in_a_circle(tmp_path):
    for place in ("in/own", "elsewhere/deep", "elsewhere/more"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "a.png").write_bytes(picture(len(place)))
    for name, target in [
        ("in/cats", tmp_path / "elsewhere"),
        ("in/file.png", tmp_path / "elsewhere" / "deep" / "a.png"),
        ("in/own/around", tmp_path),
        ("in/own/self", tmp_path / "in"),
        ("in/twice", tmp_path / "elsewhere" / "more"),
        ("elsewhere/back", "."),
        ("in/a_second_way", tmp_path / "in" / "own"),
    ]:
        (tmp_path / name).symlink_to(target, target_is_directory=True)
    source = FolderSource(tmp_path / "in")
    assert source.names == ["cats/deep/a.png", "cats/more/a.png", "file.png", "own/a.png"]
    assert source.left_out == [
        ("a_second_way", "a folder taken already"),
        ("cats/back", "a folder taken already"),
        ("own/around", "a folder around this one"),
        ("own/self", "a folder taken already"),
        ("twice", "a folder taken already"),
    ]
    assert source.read(0) == picture(len("elsewhere/deep"))


RUN_AMONG_PICTURES = {
    **dict.fromkeys(("a.png", "config/b.png", "results/c.png", "results/sheets/d.png", "plain/grids/e.png")),
    **dict.fromkeys(("results/one/config.json", "results/one/grids/epoch_0001.png", "results/one/progress.gif")),
    **dict.fromkeys(("results/two/config.json", "results/two/history.csv", "results/two/latent/f.png")),
    **dict.fromkeys(("results/sheet.png", "results/index.html", "plain/config.json")),
}


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_what_runs_wrote_is_left_out_and_named(tmp_path, kind):
    for name in RUN_AMONG_PICTURES:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(picture(1))
    (tmp_path / "in" / "plain" / "config.json").unlink()
    place = tmp_path / "in"
    if kind == "zip":
        place = Path(shutil.make_archive(str(tmp_path / "in"), "zip", place))
    source = open_source(place)
    assert source.names == ["a.png", "config/b.png", "plain/grids/e.png", "results/c.png", "results/sheets/d.png"]
    assert source.left_out == [
        ("results/index.html", "about runs"),
        ("results/one", "a run of this project"),
        ("results/sheet.png", "about runs"),
        ("results/two", "a run of this project"),
    ]
    assert len(pickle.loads(pickle.dumps(source)).names) == 5


def test_a_folder_that_is_itself_a_run_keeps_its_own_pictures(tmp_path):
    for name in ("config.json", "history.csv", "grids/epoch_0001.png", "progress.gif", "a.png", "b/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(picture(1))
    source = FolderSource(tmp_path)
    assert source.names == ["a.png", "b/c.png", "config.json", "history.csv"]
    assert [name for name, _ in source.left_out] == ["grids", "progress.gif"]


def test_an_entry_that_lies_about_its_size_is_not_inflated(tmp_path):
    """40 MB of zeros that are said to be 1,000 bytes: reading it takes little more than what it says."""
    with zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("lies.png", bytes(40_000_000))
    data = (tmp_path / "in.zip").read_bytes()
    (tmp_path / "in.zip").write_bytes(data.replace(struct.pack("<I", 40_000_000), struct.pack("<I", 1000)))
    source = ZipSource(tmp_path / "in.zip")
    assert source.names == ["lies.png"]
    tracemalloc.start()
    with pytest.raises(ImageError, match="damaged in the zip: Bad CRC-32"):
        source.read(0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2_000_000


def test_a_way_of_packing_that_python_cannot_read_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("a.png", picture(1))
    data = bytearray((tmp_path / "in.zip").read_bytes())
    data[8:10] = struct.pack("<H", 9)
    place = data.find(b"PK\1\2") + 10
    data[place : place + 2] = struct.pack("<H", 9)  # as Windows packs what is large
    (tmp_path / "in.zip").write_bytes(data)
    with pytest.raises(ImageError, match="packed in the zip by Deflate64: unpack it, and give the folder"):
        ZipSource(tmp_path / "in.zip").read(0)
