"""Preparing pictures into one file: any number of workers, kills, hostile zips, full disks, and reading back."""

import functools
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_tf.data import images
from dcgan_tf.data.chunks import Result
from dcgan_tf.data.images import ImageError
from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.data.preparing import prepare
from dcgan_tf.data.sources import FolderSource, ZipSource, open_source
from dcgan_tf.data.stored import StoredImages, fingerprint_of
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.workers import run_in_workers

# ------------------------------------------------------ sources and transforms, also for worker processes


def decode_small(data, size=8):
    image = images.decode(data, 3)
    in_worker = os.environ.get("TEST_PROCESS", str(os.getpid())) != str(os.getpid())
    columns = {"tall": image.shape[0] > 12, "tensorflow": in_worker and "tensorflow" in sys.modules}
    return Result(images.resize(images.square(image), size), columns=columns)


class Drawn:
    """Pictures that are drawn, not read: the number is all there is."""

    description, ignored = "drawn", 0

    def __init__(self, count):
        self.names = [f"drawing {index}" for index in range(count)]
        self.fingerprint = str(count)

    def read(self, index):
        return index


def draw(index):
    if index % 7 == 3:
        return Result(None, "seventh: not wanted", {"value": index})
    pixels = np.random.default_rng(index).integers(0, 256, (4, 6, 1), np.uint8)
    return Result(pixels, columns={"value": index, "even": index % 2 == 0, "list": [index, np.float32(0.5)]})


def draw_and_log(index, folder, gate_from):
    """draw(), noting which was drawn; from `gate_from` on only when the file `gate` is there."""
    while index >= gate_from and not (folder / "gate").exists():
        time.sleep(0.01)
    with open(folder / "log", "a") as log:
        log.write(f"{index}\n")
    return draw(index)


def drop_odd_values(rows):
    return {index: "odd" for index, row in enumerate(rows) if row["kept"] and row["value"] % 2}


def fail_while_told(index, sign):
    if index == 10 and sign.exists():
        raise KeyError("told to")
    return draw(index)


def fail_at_ten(index):
    if index == 10:
        raise KeyError("a mistake in the program")
    return draw(index)


def die_at_ten(index):
    if index == 10:
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(index)


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def picture(seed, height=16, width=12, kind="PNG"):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


# ----------------------------------------------------------------------------------------------- writing


def test_the_result_does_not_depend_on_workers_or_chunks(tmp_path):
    results = []
    for workers, chunk_size in ((1, 256), (2, 5), (3, 17), (1, 1)):
        target = tmp_path / f"{workers}-{chunk_size}"
        options = {"settings": {"a": (1, 2)}, "workers": workers, "chunk_size": chunk_size, "progress": False}
        assert prepare(target, Drawn(40), draw, **options) == target
        results.append(content(target))
    assert all(result == results[0] for result in results)
    assert sorted(results[0]) == ["dataset.json", "images.npy", "index.csv"]
    assert len(list(tmp_path.iterdir())) == 4


def test_what_is_written(tmp_path):
    labels = np.arange(10) % 3
    prepare(
        tmp_path / "out",
        Drawn(10),
        draw,
        settings={"seed": 1},
        labels=labels,
        label_names=["a", "b", "c"],
        drop=drop_odd_values,
        workers=1,
    )
    plain = np.load(tmp_path / "out" / "images.npy", mmap_mode="r", allow_pickle=False)
    assert plain.shape == (5, 4, 6, 1)
    for row, index in enumerate([0, 2, 4, 6, 8]):
        assert np.array_equal(plain[row], draw(index).image)

    opened = read_prepared(tmp_path / "out")
    assert opened.images.shape == (5, 4, 6, 1)
    assert np.array_equal(opened.images[:], plain)
    assert opened.labels.tolist() == [0, 2, 1, 0, 2]
    assert opened.label_names == ("a", "b", "c")
    assert opened.names() == [f"drawing {index}" for index in (0, 2, 4, 6, 8)]
    assert opened.fingerprint == fingerprint_of(np.array(plain), opened.labels)
    opened.verify()
    assert opened.metadata["counts"] == {"sources": 10, "kept": 5, "ignored": 0, "left_out": 0}
    assert opened.metadata["dropped"] == {"odd": 4, "seventh": 1}
    assert opened.metadata["flags"] == {"even": 5}
    lines = (tmp_path / "out" / "index.csv").read_text().splitlines()
    assert lines[:5] == [
        "source,kept,reason,row,value,even,list",
        'drawing 0,1,,0,0,1,"[0, 0.5]"',
        'drawing 1,0,odd,,1,0,"[1, 0.5]"',
        'drawing 2,1,,1,2,1,"[2, 0.5]"',
        "drawing 3,0,seventh: not wanted,,3,,",
    ]


def test_attributes_as_labels(tmp_path):
    labels = np.random.default_rng(0).integers(0, 2, (10, 4))
    prepare(tmp_path / "out", Drawn(10), draw, settings={}, labels=labels, label_names="wxyz", workers=1)
    opened = read_prepared(tmp_path / "out")
    assert opened.labels.dtype == np.uint8
    assert np.array_equal(opened.labels, np.delete(labels, 3, axis=0))
    opened.verify()


def test_once_prepared_it_is_left_alone_and_other_settings_are_refused(tmp_path):
    arguments = (tmp_path / "out", Drawn(10), draw)
    prepare(*arguments, settings={"a": 1}, workers=1)
    before = (tmp_path / "out" / "images.npy").stat().st_mtime_ns
    prepare(*arguments, settings={"a": 1}, workers=1)
    assert (tmp_path / "out" / "images.npy").stat().st_mtime_ns == before
    with pytest.raises(UserError, match=r"out' exists already.*choose another name"):
        prepare(*arguments, settings={"a": 2}, workers=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    with pytest.raises(UserError, match="exists already"):
        prepare(tmp_path / "mine", Drawn(10), draw, settings={}, workers=1)
    (tmp_path / "empty").mkdir()
    prepare(tmp_path / "empty", Drawn(10), draw, settings={}, workers=1)


def prepare_in_a_process(folder, gate_from, workers):
    code = (
        "import functools, pathlib, test_prepared as t\n"
        f"folder = pathlib.Path({str(folder)!r})\n"
        f"transform = functools.partial(t.draw_and_log, folder=folder, gate_from={gate_from})\n"
        f"t.prepare(folder / 'out', t.Drawn(40), transform, settings={{}}, workers={workers}, chunk_size=4)\n"
    )
    path = os.pathsep.join(entry for entry in (str(Path(__file__).parent), *sys.path) if entry)
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})


def children_of(pid):
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited for a minute in vain"
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes the Linux way")
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_started_again_it_redoes_nothing(tmp_path, workers):
    process = prepare_in_a_process(tmp_path, gate_from=22, workers=workers)
    partial = tmp_path / "out.partial"
    wait_until(lambda: len(list(partial.glob("*-4-*.npz"))) >= 5)  # pictures 0 to 19; the next chunk is blocked
    helpers = children_of(process.pid)
    assert len(helpers) == (workers if workers > 1 else 0)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = {int(path.stem.rsplit("-", 1)[1]) for path in partial.glob("*.npz")}
    assert not (tmp_path / "out").exists()
    (tmp_path / "log").unlink()
    (tmp_path / "gate").touch()
    wait_until(lambda: not any(map(is_running, helpers)))  # nobody is left behind

    assert prepare_in_a_process(tmp_path, gate_from=22, workers=workers).wait() == 0
    redone = {int(line) // 4 for line in (tmp_path / "log").read_text().split()}
    assert len(finished) >= 5
    assert not finished & redone
    options = {"settings": {}, "workers": 1, "chunk_size": 256}
    transform = functools.partial(draw_and_log, folder=tmp_path, gate_from=99)
    assert content(tmp_path / "out") == content(prepare(tmp_path / "reference", Drawn(40), transform, **options))
    assert not partial.exists()


def test_two_processes_at_once_prepare_it_once(tmp_path):
    processes = [prepare_in_a_process(tmp_path, gate_from=20, workers=1) for _ in range(2)]
    wait_until(lambda: len(list((tmp_path / "out.partial").glob("*.npz"))) >= 5)
    (tmp_path / "gate").touch()
    assert [process.wait() for process in processes] == [0, 0]
    assert sorted(map(int, (tmp_path / "log").read_text().split())) == list(range(40))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gate", "log", "out"]


def test_a_chunk_the_disk_damaged_is_made_again(tmp_path):
    (tmp_path / "fail").touch()
    transform = functools.partial(fail_while_told, sign=tmp_path / "fail")
    arguments = {"settings": {}, "workers": 1, "chunk_size": 4}
    with pytest.raises(KeyError):
        prepare(tmp_path / "out", Drawn(40), transform, **arguments)
    chunks = sorted((tmp_path / "out.partial").glob("*.npz"))
    assert len(chunks) == 2
    chunks[0].write_bytes(chunks[0].read_bytes()[:200])
    damaged = bytearray(chunks[1].read_bytes())
    damaged[-400] ^= 255
    chunks[1].write_bytes(damaged)
    (tmp_path / "fail").unlink()
    prepare(tmp_path / "out", Drawn(40), transform, **arguments)
    assert content(tmp_path / "out") == content(prepare(tmp_path / "wanted", Drawn(40), transform, **arguments))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_mistake_in_a_transform_is_raised_and_the_work_is_kept(tmp_path, workers):
    with pytest.raises(KeyError, match="a mistake in the program"):
        prepare(tmp_path / "out", Drawn(40), fail_at_ten, settings={}, workers=workers, chunk_size=4)
    assert [path.name for path in tmp_path.iterdir()] == ["out.partial"]


def test_a_worker_that_dies_is_an_error_not_a_wait_for_ever(tmp_path):
    with pytest.raises(RuntimeError, match=r"a worker process ended with status -9.*fewer workers"):
        prepare(tmp_path / "out", Drawn(40), die_at_ten, settings={}, workers=2, chunk_size=4)


def test_workers_answer_in_any_order_and_stop_when_not_wanted():
    assert sorted(run_in_workers(functools.partial(pow, 2), range(10), 3)) == [2**n for n in range(10)]
    answers = run_in_workers(functools.partial(pow, 2), iter(range(10**9)), 2)
    next(answers)
    answers.close()


def test_progress_is_a_bar_for_who_watches_and_lines_now_and_then_otherwise(tmp_path, monkeypatch, capsys):
    clock = iter(range(0, 10_000, 6))
    monkeypatch.setattr("dcgan_tf.data.chunks.time.monotonic", lambda: next(clock))
    prepare(tmp_path / "lines", Drawn(40), draw, settings={}, workers=1, chunk_size=8)
    assert capsys.readouterr().out.splitlines() == [
        "preparing drawn: 16 of 40 images, 1 per second, 0.3 minutes left",
        "preparing drawn: 32 of 40 images, 1 per second, 0.1 minutes left",
    ]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    prepare(tmp_path / "bar", Drawn(40), draw, settings={}, workers=1, chunk_size=8)
    assert "preparing drawn: 100%" in capsys.readouterr().err
    prepare(tmp_path / "silent", Drawn(40), draw, settings={}, workers=1, chunk_size=8, progress=False)
    assert capsys.readouterr() == ("", "")


def test_images_of_different_shapes_are_a_mistake(tmp_path):
    for index, size in enumerate((16, 20)):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{index}.png").write_bytes(picture(index, size, size))
    for chunk_size in (1, 2):
        with pytest.raises(ValueError, match="different shapes"):
            prepare(
                tmp_path / "out",
                FolderSource(tmp_path / "in"),
                lambda data: Result(images.decode(data)),
                settings={},
                workers=1,
                chunk_size=chunk_size,
            )


@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_takes_no_more_is_one_line_and_nothing_is_left(tmp_path, workers):
    """A limit on file sizes stands in for a full disk: the writing fails half-way in the same manner."""
    code = (
        "import pathlib, resource, test_prepared as t\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "try:\n"
        f"    t.prepare({str(tmp_path / 'out')!r}, t.Drawn(2000), t.draw, settings={{}}, workers={workers})\n"
        "except t.UserError as error:\n"
        "    print(error)\n"
    )
    path = os.pathsep.join(entry for entry in (str(Path(__file__).parent), *sys.path) if entry)
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.stdout.startswith("cannot write ")
    assert done.stdout.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file.*: .*choose another place"):
        prepare(tmp_path / "file" / "out", Drawn(3), draw, settings={}, workers=1)


def test_nothing_usable_is_an_error_that_shows_why(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match="there are no files in it"):
        prepare(tmp_path / "out", FolderSource(tmp_path / "in"), decode_small, settings={})
    (tmp_path / "in" / "a.txt").write_text("hello")
    with pytest.raises(UserError, match=r"all of its 1 files were dropped: a.txt \(not an image\)"):
        prepare(tmp_path / "out", FolderSource(tmp_path / "in"), decode_small, settings={})
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


# ----------------------------------------------------------------------------------------------- sources


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
        for name in ("../up.png", "a/../../up.png", "/etc/absolute.png", "C:\\up.png", "..\\up.png"):
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
    for name, content, reason in [
        ("cut.zip", data[:-30], "cut short"),
        ("half.zip", data[: len(data) // 2], "cut short"),
        ("empty.zip", b"", "it is empty"),
        ("text.zip", b"hello", "it is something else"),
    ]:
        (tmp_path / name).write_bytes(content)
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


# ----------------------------------------------------------------------------------------------- reading


@pytest.fixture
def stored(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 2), np.uint8)
    np.save(tmp_path / "images.npy", pixels)
    return StoredImages(tmp_path / "images.npy"), pixels


def test_stored_images_are_used_like_an_array(stored):
    images, pixels = stored
    assert (len(images), images.shape, images.dtype, images.ndim) == (50, pixels.shape, np.uint8, 4)
    for key in (
        *(0, -1, np.int64(7), slice(None), slice(3, 9), slice(9, 3), slice(None, None, -7), slice(45, 99)),
        *([5, 5, -2, 0], np.array([3]), [], np.arange(50) % 3 == 0, np.random.default_rng(1).permutation(50)),
    ):
        wanted = pixels[np.asarray(key, int) if isinstance(key, list) else key]
        assert np.array_equal(images[key], wanted)
        assert images[key].flags.writeable
    assert np.array_equal(np.asarray(images), pixels)
    assert np.array_equal(np.stack(list(images)), pixels)
    for key in (50, -51, [3, 50], np.ones(49, bool)):
        with pytest.raises(IndexError):
            images[key]


def test_a_selection_stays_on_disk_and_can_be_sent_to_another_process(stored):
    images, pixels = stored
    chosen = images.select([30, 2, 40]).select([2, 0])
    assert chosen.shape == (2, 3, 4, 2)
    for one in (chosen, pickle.loads(pickle.dumps(chosen))):
        assert np.array_equal(one[:], pixels[[40, 30]])
        assert np.array_equal(one[1], pixels[30])


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads its own memory the Linux way")
def test_reading_everything_holds_little_memory(tmp_path):
    """Of a file of 600 MB (a sparse one), in random order, in a process of its own."""
    with open(tmp_path / "images.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": (50_000, 64, 64, 3)}
        )
        file.truncate(file.tell() + 50_000 * 64 * 64 * 3)
    code = (
        "import sys, numpy as np\n"
        "from dcgan_tf.data.stored import StoredImages\n"
        "def resident(): return int(open('/proc/self/statm').read().split()[1]) * 4096\n"
        "images = StoredImages(sys.argv[1])\n"
        "order, most = np.random.default_rng(0).permutation(len(images)), 0\n"
        "images[order[:500]]; before = resident()\n"
        "for first in range(0, len(images), 500):\n"
        "    images[order[first : first + 500]]\n"
        "    most = max(most, resident())\n"
        "print(most - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "images.npy"], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 20_000_000


def test_a_damaged_prepared_dataset_is_one_line(tmp_path):
    target = prepare(
        tmp_path / "out", Drawn(10), draw, settings={}, labels=np.arange(10), label_names="abcdefghij", workers=1
    )
    whole = content(target)
    metadata = json.loads(whole["dataset.json"])
    npy = io.BytesIO()
    np.save(npy, np.zeros((9, 4, 6, 1), np.float32))
    pickled = io.BytesIO()
    np.save(pickled, np.array([{}], object), allow_pickle=True)
    for name, data, reason in [
        ("images.npy", None, "not whole: images.npy is missing"),
        ("labels.npy", None, "not whole: labels.npy is missing"),
        ("dataset.json", None, "not a prepared dataset"),
        ("images.npy", whole["images.npy"][:-1], "damaged, images.npy: it has 343 bytes instead of 344"),
        ("images.npy", whole["images.npy"][:20], "damaged, images.npy"),
        ("images.npy", b"", "damaged, images.npy"),
        ("images.npy", b"x" * 400, "damaged, images.npy"),
        ("images.npy", npy.getvalue(), r"damaged, images.npy: it holds float32 \[9, 4, 6, 1\]"),
        ("images.npy", pickled.getvalue(), "damaged, images.npy"),
        ("labels.npy", pickled.getvalue(), "damaged, labels.npy"),
        ("labels.npy", npy.getvalue(), "damaged, labels.npy"),
        ("dataset.json", b"{", "damaged, dataset.json"),
        ("dataset.json", b"[]", "damaged, dataset.json"),
        ("dataset.json", json.dumps({**metadata, "format": 99}).encode(), "its format is 99, not 1"),
        ("dataset.json", json.dumps({**metadata, "image_shape": [8, 8, 3]}).encode(), "damaged, images.npy: its shape"),
    ]:
        (target / name).unlink()
        if data is not None:
            (target / name).write_bytes(data)
        with pytest.raises(UserError, match=reason) as caught:
            read_prepared(target)
        assert "\n" not in str(caught.value)
        (target / name).write_bytes(whole[name])
    opened = read_prepared(target)
    changed = bytearray(whole["images.npy"])
    changed[-1] ^= 1
    (target / "images.npy").write_bytes(changed)
    with pytest.raises(UserError, match="its content has changed"):
        opened.verify()
