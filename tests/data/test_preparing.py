"""Preparing pictures into one file: any number of workers, kills, full disks."""

import functools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import Drawn, break_the_disk, content, decode_small, draw, picture

from dcgan_tf.data import preparing
from dcgan_tf.data.decoding import decode
from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.data.preparing import Result, prepare
from dcgan_tf.data.sources import FolderSource, Frames
from dcgan_tf.data.stored import fingerprint_of
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.workers import run_in_workers


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


def test_an_empty_folder_is_filled_where_it_is(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert prepare(".", Drawn(4), draw, settings={}, workers=1, progress=False) == tmp_path / "here"
    assert sorted(path.name for path in Path().iterdir()) == ["dataset.json", "images.npy", "index.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


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


def test_a_target_among_the_pictures_it_is_made_from_is_refused(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(picture(0))
    arguments = {"transform": decode_small, "settings": {}, "workers": 1, "progress": False}
    for target in (folder / "out", folder / "deeper" / "out", tmp_path / "in" / ".." / "in" / "out"):
        for source in (FolderSource(folder), Frames(FolderSource(folder))):
            with pytest.raises(UserError, match=r"out' lies in '.*in', and would count .*: choose a place outside"):
                prepare(target, source, **arguments)
    assert [path.name for path in folder.iterdir()] == ["a.png"]
    hidden = folder / ".prepared" / "out"  # which is passed over when the folder is read
    for _ in range(2):
        assert prepare(hidden, FolderSource(folder), **arguments) == hidden


@pytest.mark.parametrize("name", ["notes.txt", "results.npz", "whole/thesis.txt", ".git"])
def test_the_folder_to_work_in_is_not_taken_where_it_holds_anything_else(tmp_path, name):
    arguments = {"transform": decode_small, "settings": {}, "workers": 1, "progress": False}
    partial = tmp_path / "out.partial"
    (partial / name).parent.mkdir(parents=True)
    (partial / name).write_bytes(picture(0))
    for left in ("lock", ".DS_Store", "0123456789abcdef-256-000000.npz", ".0123456789abcdef-256-000001.7.partial.npz"):
        (partial / left).touch()
    before = sorted(partial.rglob("*"))
    for source in (Drawn(4), FolderSource(partial), FolderSource((partial / name).parent)):
        with pytest.raises(UserError, match=r"out.partial', which is removed in the end, and .* is there: rename that"):
            prepare(tmp_path / "out", source, **arguments)
    assert (partial / name).read_bytes() == picture(0) and sorted(partial.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out.partial"]


def test_what_killed_preparations_of_other_settings_left_is_in_nobodys_way(tmp_path):
    (tmp_path / "out.partial" / "whole" / ".old").mkdir(parents=True)
    for left in ("whole/index.csv", "whole/.dataset.7.partial.json", "0123456789abcdef-256-000000.npz", "Thumbs.db"):
        (tmp_path / "out.partial" / left).touch()
    prepare(tmp_path / "out", Drawn(4), draw, settings={}, workers=1, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


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
        "import functools, pathlib, test_preparing as t\n"
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
                lambda data: Result(decode(data)),
                settings={},
                workers=1,
                chunk_size=chunk_size,
            )


@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_takes_no_more_is_one_line_and_nothing_is_left(tmp_path, workers):
    """A limit on file sizes stands in for a full disk: the writing fails half-way in the same manner."""
    code = (
        "import pathlib, resource, test_preparing as t\n"
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


@pytest.mark.parametrize("writes", [4, 10])  # in the middle, and when all is put together
def test_a_full_disk_keeps_what_is_done(tmp_path, monkeypatch, writes):
    transform = functools.partial(draw_and_log, folder=tmp_path, gate_from=99)
    options = {"settings": {}, "workers": 1, "chunk_size": 4}
    with monkeypatch.context() as patch:
        break_the_disk(patch, writes)
        with pytest.raises(UserError) as caught:
            prepare(tmp_path / "out", Drawn(40), transform, **options)
    assert "the disk is full: free some space" in str(caught.value)
    assert f"{4 * writes} of 40 pictures are done and kept in {str(tmp_path / 'out.partial')!r}" in str(caught.value)
    assert not (tmp_path / "out.partial" / "whole").exists()
    (tmp_path / "log").unlink()
    prepare(tmp_path / "out", Drawn(40), transform, **options)
    again = (tmp_path / "log").read_text().split() if writes < 10 else []
    assert [int(line) for line in again] == list(range(4 * writes, 40))
    assert content(tmp_path / "out") == content(prepare(tmp_path / "whole", Drawn(40), transform, **options))
    assert not (tmp_path / "out.partial").exists()


def draw_wordily(index):
    return Result(draw(0).image, columns={"words": "many " * (1000 if index >= 40 else 1)})


def test_a_full_disk_in_a_worker_process_keeps_what_is_done(tmp_path):
    code = (
        "import resource, sys, test_preparing as t\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try: t.prepare(sys.argv[1], t.Drawn(60), t.draw_wordily, settings={}, workers=2, chunk_size=10)\n"
        "except t.UserError as error: print(error)\n"
    )
    path = os.pathsep.join(entry for entry in (str(Path(__file__).parent), *sys.path) if entry)
    command = [sys.executable, "-c", code, tmp_path / "out"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert re.search(r"^cannot write .*; [34]0 of 60 pictures are done and kept in '.*out.partial', ", done.stdout)
    assert done.stdout.count("\n") == 1
    prepare(tmp_path / "out", Drawn(60), draw_wordily, settings={}, workers=1, chunk_size=10)
    assert len(read_prepared(tmp_path / "out").images) == 60


@pytest.mark.parametrize("before, after", [(2, 3), (None, 3)])
@pytest.mark.parametrize("again", ["before", "after"])
def test_a_kill_between_new_labels_and_their_names_is_seen_and_mended(tmp_path, monkeypatch, before, after, again):
    def ask(classes):
        labels = {} if classes is None else dict(labels=np.arange(10) % classes, label_names="abc"[:classes])
        return prepare(tmp_path / "out", Drawn(10), draw, settings={}, workers=1, **labels)

    def killed(path, value):
        raise KeyboardInterrupt

    whole = read_prepared(ask(before))
    if before:
        (tmp_path / "out" / "labels.npy").write_bytes(b"damaged")
        assert np.array_equal(read_prepared(ask(before)).labels, whole.labels)
    with monkeypatch.context() as patch:
        patch.setattr(preparing, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            ask(after)
    with pytest.raises(UserError, match=r"it holds other labels than dataset.json knows; prepare it again"):
        read_prepared(tmp_path / "out")
    healed = read_prepared(ask(before if again == "before" else after))
    if again == "before":
        assert healed.metadata["fingerprint"] == whole.metadata["fingerprint"]
        assert healed.label_names == whole.label_names and np.array_equal(healed.labels, whole.labels)
    else:
        assert healed.label_names == ("a", "b", "c") and len(np.unique(healed.labels)) == 3
    healed.verify()


def test_labels_given_later_are_added_and_nothing_is_drawn_again(tmp_path):
    arguments = {"settings": {}, "workers": 1}
    target = prepare(tmp_path / "out", Drawn(10), draw, **arguments)
    before, pixels = read_prepared(target), (target / "images.npy").stat()
    prepare(target, Drawn(10), draw, labels=np.arange(10) % 2, label_names=["a", "b"], **arguments)
    labelled = read_prepared(target)
    assert labelled.labels.tolist() == [0, 1, 0, 0, 1, 0, 1, 0, 1] and labelled.label_names == ("a", "b")
    labelled.verify()
    assert labelled.fingerprint != before.fingerprint == labelled.metadata["images_fingerprint"]
    fresh = prepare(tmp_path / "fresh", Drawn(10), draw, labels=np.arange(10) % 2, label_names=["a", "b"], **arguments)
    assert content(target) == content(fresh)
    prepare(target, Drawn(10), draw, labels=np.arange(10) % 3, label_names=["a", "b", "c"], **arguments)
    assert read_prepared(target).label_names == ("a", "b", "c")
    prepare(target, Drawn(10), draw, **arguments)
    assert read_prepared(target).label_names == ("a", "b", "c")  # none are given: they stay
    assert (target / "images.npy").stat() == pixels
    with pytest.raises(UserError, match="exists already"):
        prepare(target, Drawn(11), draw, **arguments)
