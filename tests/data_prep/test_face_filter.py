"""The face filter: what is stored answers as OpenCV does, at every threshold; decisions, the index, the audit."""

import csv
import functools
import io
import json
import os
import subprocess
import sys
import zipfile

import click
import cv2
import numpy as np
import pytest
import skimage.data
from click.testing import CliRunner
from drawn_pictures import break_the_disk
from PIL import Image

from data_prep import detections as module
from data_prep.audit import audit, borderline
from data_prep.detections import Boxes, Detections, detect, find_faces, read_detections
from data_prep.face_filter import cli, decide, remaining, write_index
from dcgan_tf.system.errors import UserError, run_command

THRESHOLDS = (1, 3, 10, 40)


def real_pictures():
    """Real faces: alone, several, turned, noisy, small; and things that are none. Gray or colour, many sizes.

    No larger than they must be: how long looking for faces takes goes with the pixels.
    """
    generator = np.random.default_rng(0)
    astronaut, faces = skimage.data.astronaut(), np.uint8(255 * skimage.data.lfw_subset())
    pictures = {
        "astronaut": astronaut[::3, ::3],
        "head": cv2.resize(astronaut[:220, 120:320], (140, 154), interpolation=cv2.INTER_AREA),
        "cat": skimage.data.chelsea()[::3, ::3],
    }
    for number in (0, 3, 40, 77, 99, 120, 180):
        pictures[f"lfw{number}"] = cv2.resize(faces[number], (80, 80), interpolation=cv2.INTER_CUBIC)[..., None]
    pictures["tiny"] = faces[5][..., None]
    crowd = [cv2.resize(face, (48, 48), interpolation=cv2.INTER_CUBIC) for face in faces[:12]]
    pictures["crowd"] = np.concatenate([np.concatenate(crowd[row : row + 4], 1) for row in (0, 4, 8)])[..., None]
    head = pictures["head"]
    for angle in (-30, -12, 12, 30):
        turn = cv2.getRotationMatrix2D((70, 77), angle, 1)
        pictures[f"turned{angle}"] = cv2.warpAffine(head, turn, (140, 154), borderMode=cv2.BORDER_REFLECT)
    for strength in (10, 30):
        noisy = head + generator.normal(0, strength, head.shape)
        pictures[f"noise{strength}"] = np.clip(noisy, 0, 255).astype(np.uint8)
    pictures["two"] = np.concatenate([head, head[:, ::-1]], axis=1)
    pictures["aligned"] = cv2.resize(head, (178, 218))
    pictures["blank"] = np.full((60, 60, 3), 128, np.uint8)
    return pictures


PICTURES = real_pictures()


@functools.cache
def plain_cascade(file):
    return cv2.CascadeClassifier(cv2.data.haarcascades + file)


@functools.cache
def plain(name, min_neighbors, view="frontal", min_size=0):
    """OpenCV's own answer, as anyone would write it: a sorted list of boxes."""
    file, mirrored = module.VIEWS[view]
    picture, cascade = PICTURES[name], plain_cascade(file)
    gray = cv2.cvtColor(picture[:, :, ::-1], cv2.COLOR_BGR2GRAY) if picture.shape[2] == 3 else picture[:, :, 0]
    gray = cv2.flip(gray, 1) if mirrored else gray
    boxes = cascade.detectMultiScale(gray, scaleFactor=1.1, minNeighbors=min_neighbors, minSize=(min_size, min_size))
    boxes = np.reshape(boxes, (-1, 4)).tolist()
    return sorted((gray.shape[1] - x - w if mirrored else x, y, w, h) for x, y, w, h in boxes)


def png(picture):
    buffer = io.BytesIO()
    Image.fromarray(picture if picture.shape[2] == 3 else picture[:, :, 0]).save(buffer, "PNG")
    return buffer.getvalue()


@functools.cache
def faces_of(name, view="frontal"):
    """find_faces of a whole picture, asked by several tests."""
    return find_faces(PICTURES[name], view)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The pictures as files; among them some that are none."""
    return as_files(PICTURES, tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    """The same at half their width and height, for what becomes of a pass: a quarter of the work, and still faces."""
    small = {name: np.ascontiguousarray(picture[::2, ::2]) for name, picture in PICTURES.items()}
    return as_files(small, tmp_path_factory.mktemp("halved"))


def as_files(pictures, path):
    for name, picture in pictures.items():
        (path / f"{name}.png").write_bytes(png(picture))
    (path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (path / "empty.jpg").write_bytes(b"")
    (path / "ünï\n.png").write_bytes(png(np.zeros((1, 1, 3), np.uint8)))
    return path


@pytest.fixture(scope="module")
def detections(folder, tmp_path_factory):
    return detect(folder, tmp_path_factory.mktemp("d") / "d.npz", profile=True, workers=2, progress=False)


# ------------------------------------------------------------------------------------ equal to OpenCV


@pytest.mark.parametrize("view", module.VIEWS)
def test_one_pass_answers_every_threshold_as_opencv_does(view):
    found = 0
    for name in PICTURES:
        boxes, neighbours = faces_of(name, view)
        for threshold in THRESHOLDS:
            chosen = sorted(map(tuple, boxes[neighbours > threshold].tolist()))
            assert chosen == plain(name, threshold, view), (name, threshold)
            found += len(chosen)
    assert found > 5


def test_many_thresholds():
    boxes, neighbours = faces_of("crowd")
    for threshold in (*range(1, 9), *range(9, neighbours.max() + 2, 7)):
        assert sorted(map(tuple, boxes[neighbours > threshold].tolist())) == plain("crowd", threshold)


@pytest.mark.parametrize("min_size", [25, 40, 60])
def test_with_a_bound_on_the_size_too(min_size):
    for name in ("crowd", "two", "noise30", "aligned"):
        boxes, neighbours = find_faces(PICTURES[name], min_size=min_size)
        for threshold in THRESHOLDS:
            expected = plain(name, threshold, min_size=min_size)
            assert sorted(map(tuple, boxes[neighbours > threshold].tolist())) == expected


def test_threads_change_nothing():
    before = cv2.getNumThreads()
    try:
        answers = []
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            answers.append([find_faces(picture) for picture in PICTURES.values()])
    finally:
        cv2.setNumThreads(before)
    for one, four in zip(*answers, strict=True):
        assert np.array_equal(one[0], four[0]) and np.array_equal(one[1], four[1])


def test_stored_detections_are_those_of_each_picture(detections):
    for picture, name in enumerate(detections.names):
        name = name.removesuffix(".png")
        for view, stored in detections.views.items():
            boxes, neighbours = stored.of(picture)
            if name not in PICTURES:
                assert len(boxes) == 0
                continue
            bounded = functools.partial(find_faces, PICTURES["aligned"], min_size=module.ALIGNED_MIN_SIZE)
            expected, expected_neighbours = bounded(view) if name == "aligned" else faces_of(name, view)
            assert np.array_equal(boxes, expected) and np.array_equal(neighbours, expected_neighbours)
            for threshold in THRESHOLDS:
                assert stored.counts(threshold)[picture] == (expected_neighbours > threshold).sum()


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_frontal_decides_as_the_plain_loop(detections, threshold):
    kept = decide(detections, "frontal", threshold).kept
    for picture, name in enumerate(detections.names):
        name = name.removesuffix(".png")
        if name != "aligned":
            assert kept[picture] == (name in PICTURES and len(plain(name, threshold)) == 1), name


@pytest.mark.parametrize("threshold", [1, 3, 10, 40])
def test_not_profile_decides_as_the_plain_loop(detections, threshold):
    decisions = decide(detections, "not_profile", threshold, 3)
    for picture, name in enumerate(detections.names):
        name = name.removesuffix(".png")
        if name not in PICTURES:
            assert decisions.kept[picture] == (name == "ünï\n")
        elif name != "aligned":
            profile = plain(name, 3, "profile") + plain(name, 3, "mirrored_profile")
            assert decisions.kept[picture] == (not profile or bool(plain(name, threshold))), name
    assert 0 < decisions.kept.sum() < len(decisions.kept)


# -------------------------------------------------------------------------------------------- a pass


def test_the_number_of_workers_changes_nothing(folder, detections, tmp_path):
    before = cv2.getNumThreads()
    alone = detect(folder, tmp_path / "d.npz", profile=True, workers=1, progress=False)
    assert cv2.getNumThreads() == before
    for view in module.VIEWS:
        assert np.array_equal(alone.views[view].boxes, detections.views[view].boxes)
        assert np.array_equal(alone.views[view].starts, detections.views[view].starts)
    assert (alone.names, alone.reasons) == (detections.names, detections.reasons)
    assert [path.name for path in tmp_path.iterdir()] == ["d.npz"]


def test_a_zip_gives_the_same_as_the_folder(folder, detections, tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as file:
        for path in folder.iterdir():
            file.write(path, path.name)
        file.writestr("../outside.png", png(PICTURES["head"]))
    found = detect(tmp_path / "z.zip", tmp_path / "d.npz", workers=1, progress=False)
    there = [found.names.index(name) for name in detections.names]
    for index, other in enumerate(there):
        assert np.array_equal(found.views["frontal"].of(other)[0], detections.views["frontal"].of(index)[0])
    assert found.reasons[found.names.index("../outside.png")] == "name leads out of the zip"


def test_the_progress_says_what_is_done(tmp_path, monkeypatch, capsys):
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr("dcgan_tf.data.chunks.time.monotonic", lambda: next(clock))
    (tmp_path / "blank.png").write_bytes(png(PICTURES["blank"]))
    detect(tmp_path, tmp_path / "d.npz", workers=1)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("finding faces in ") and line.endswith("1 of 1 images, 0 per second, 0.0 minutes left")


def test_detections_are_read_again_not_made_again(halved, tmp_path, monkeypatch):
    detect(halved, tmp_path / "d.npz", workers=1, progress=False)
    monkeypatch.setattr(module, "find_faces", None)
    assert len(detect(halved, tmp_path / "d.npz", workers=1, progress=False)) == len(PICTURES) + 3
    with pytest.raises(UserError, match="choose another name"):
        detect(halved, tmp_path / "d.npz", scale_factor=1.2)
    with pytest.raises(UserError, match="choose another name"):
        detect(halved, tmp_path / "d.npz", profile=True)


def test_a_folder_in_the_way_of_the_work_is_not_taken(halved, tmp_path):
    (tmp_path / "d.npz.partial").mkdir()
    (tmp_path / "d.npz.partial" / "notes.txt").touch()
    with pytest.raises(UserError, match=r"d.npz.partial'.* and 'notes.txt' is there: rename that folder"):
        detect(halved, tmp_path / "d.npz", workers=1, progress=False)
    assert (tmp_path / "d.npz.partial" / "notes.txt").exists()


def test_a_killed_pass_goes_on(halved, tmp_path):
    code = (
        "import sys, os, data_prep.detections as d\n"
        "done, find = [], d.find_faces\n"
        "def count(*arguments):\n"
        "    done.append(1)\n"
        "    if len(done) > 12: os._exit(9)\n"
        "    return find(*arguments)\n"
        "d.find_faces = count\n"
        "d.detect(sys.argv[1], sys.argv[2], workers=1, progress=False)\n"
    )
    command = [sys.executable, "-c", code, str(halved), str(tmp_path / "d.npz")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(command, env=environment).returncode == 9
    assert not (tmp_path / "d.npz").exists()
    left = list((tmp_path / "d.npz.partial").glob("*.npz"))
    assert left
    detect(halved, tmp_path / "d.npz", workers=1, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["d.npz"]


def test_a_full_disk_keeps_the_faces_that_were_found(halved, tmp_path, monkeypatch):
    wanted = detect(halved, tmp_path / "wanted.npz", workers=1, progress=False)
    assert len(wanted.views["frontal"].boxes) > 5
    with monkeypatch.context() as patch:
        break_the_disk(patch, 1)
        with pytest.raises(UserError, match=r"disk is full.*8 of \d+ pictures are done and kept in '.*d.npz.partial'"):
            detect(halved, tmp_path / "new" / "d.npz", workers=1, progress=False)
    looked, find = [], module.find_faces
    monkeypatch.setattr(module, "find_faces", lambda *arguments: looked.append(1) or find(*arguments))
    found = detect(halved, tmp_path / "new" / "d.npz", workers=1, progress=False)
    assert 0 < len(looked) <= len(found) - 8
    assert found.names == wanted.names
    assert np.array_equal(found.views["frontal"].boxes, wanted.views["frontal"].boxes)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b"text"])
def test_what_holds_no_detections_is_said_so(tmp_path, content):
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(UserError, match="holds no detections"):
        read_detections(tmp_path / "d.npz")
    with pytest.raises(UserError, match="there are no detections"):
        read_detections(tmp_path / "other.npz")


# ------------------------------------------------------------------------------------ decisions


def made_up(neighbours):
    """Detections with these neighbours in each picture."""
    starts = np.cumsum([0, *map(len, neighbours)])
    flat = np.array([n for some in neighbours for n in some], np.int32)
    boxes = Boxes(starts, np.tile(np.array([1, 2, 30, 30], np.int32), (len(flat), 1)), flat)
    count = len(neighbours)
    names, sizes = [f"{n}.jpg" for n in range(count)], np.full((count, 2), 64, np.int32)
    return Detections(names, [""] * count, sizes, {"frontal": boxes}, {"min_size": 0}, "made up")


def test_exactly_one_face_above_the_threshold():
    decisions = decide(made_up([[41], [40], [90, 40], [90, 41], [], [55, 45, 44]]))
    assert decisions.kept.tolist() == [True, False, True, False, False, False]
    assert decisions.reasons[3] == "several frontal faces: 2"
    assert decisions.reasons[1] == decisions.reasons[4] == "no frontal face"
    assert decisions.settings() == {"policy": "frontal", "min_neighbors": 40}


def test_a_real_face_in_profile_is_dropped_by_not_profile(tmp_path):
    """The photographer of scikit-image, whom plain OpenCV finds from the side only, and better in the mirror."""
    photographer = skimage.data.camera()[30:248, 140:318]
    pictures = {"camera": photographer, "mirrored": photographer[:, ::-1]}
    pictures = {name: np.ascontiguousarray(picture[..., None]) for name, picture in pictures.items()}
    pictures["head"] = PICTURES["head"]
    for name, picture in pictures.items():
        (tmp_path / f"{name}.png").write_bytes(png(picture))
    found = detect(tmp_path, tmp_path / "d.npz", profile=True, workers=1, progress=False)
    for threshold in (5, 20, 60):
        for picture, name in enumerate(["camera", "head", "mirrored"]):
            gray = cv2.cvtColor(pictures[name], cv2.COLOR_RGB2GRAY) if name == "head" else pictures[name][..., 0]
            cascades = {view: plain_cascade(file) for view, (file, _) in module.VIEWS.items()}
            sides = [cascades["profile"].detectMultiScale(side, 1.1, threshold) for side in (gray, cv2.flip(gray, 1))]
            turned = sum(map(len, sides)) > 0 and not len(cascades["frontal"].detectMultiScale(gray, 1.1, 5))
            assert decide(found, "not_profile", 5, threshold).kept[picture] == (not turned), (name, threshold)
    decisions = decide(found, "not_profile")
    assert decisions.kept.tolist() == [False, True, False]  # by the names: camera, head, mirrored
    assert decisions.reasons[0] == decisions.reasons[2] == "only a face in profile"
    assert decide(found, "frontal", 10).kept.tolist() == [False, True, False]
    assert decide(found, "not_profile", 5, 60).kept.all()  # nothing is that strong


def test_remaining_and_borderline():
    detections = made_up([[41], [20], [90, 40], [90, 60], [], [100]])
    decisions = decide(detections)
    assert remaining(detections, decisions, [1, 10, 40, 60, 95]).tolist() == [3, 3, 3, 3, 1]
    assert borderline(detections, decisions)[:2].tolist() == [0, 2]
    assert 4 not in borderline(detections, decisions)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("frontl",), "Did you mean 'frontal'"),
        (("frontal", 0), "at least 1"),
        (("frontal", 2.5), "at least 1"),
        (("frontal", None, 3), "--profile-min-neighbors 3 is only of use with not_profile"),
        (("not_profile",), "detect with --profile"),
    ],
)
def test_mistakes(arguments, text):
    with pytest.raises(UserError, match=text):
        decide(made_up([[3]]), *arguments)


def test_the_index_tells_each_decision(detections, tmp_path):
    decisions = decide(detections, "not_profile", 3, 3)
    write_index(tmp_path / "index.csv", detections, decisions)
    with open(tmp_path / "index.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["source"] for row in rows] == detections.names
    assert [row["kept"] == "1" for row in rows] == decisions.kept.tolist()
    assert [row["reason"] for row in rows] == decisions.reasons
    crowd = rows[detections.names.index("crowd.png")]
    assert int(crowd["frontal_faces"]) == (np.array(json.loads(crowd["frontal_neighbours"])) > 3).sum() > 3
    assert len(json.loads(crowd["frontal_boxes"])) == len(json.loads(crowd["frontal_neighbours"]))
    assert rows[detections.names.index("empty.jpg")]["reason"] == "empty file"


def test_aligned_pictures_have_a_bound_and_low_thresholds_a_note(detections, tmp_path):
    assert "178x218" in detections.note(5) and detections.note(40) == ""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "aligned.png").write_bytes(png(PICTURES["aligned"]))
    exact = detect(tmp_path / "pictures", tmp_path / "d.npz", min_size=0, workers=1, progress=False)
    assert exact.note(1) == ""
    expected, _ = faces_of("aligned")
    assert exact.names == ["aligned.png"] and np.array_equal(exact.views["frontal"].boxes, expected)


# ------------------------------------------------------------------------- audit and command line


def test_audit(folder, detections, tmp_path):
    decisions = decide(detections, "frontal", 20)
    paths = audit(folder, detections, decisions, tmp_path / "audit", count=6)
    assert [path.name for path in paths] == [
        *("kept.png", "dropped.png", "borderline.png", "remaining.png", "remaining.csv")
    ]
    for path in paths[:4]:
        with Image.open(path) as image:
            assert image.width > 178 and np.asarray(image).std() > 10
    rows = dict(list(csv.reader(paths[4].read_text().splitlines()))[1:])
    assert int(rows["20"]) == decisions.kept.sum()
    with pytest.raises(UserError, match="does not hold the pictures"):
        audit(tmp_path, detections, decisions, tmp_path / "audit")
    paths[4].unlink()
    with pytest.raises(UserError, match=r"kept\.png' is there, and no remaining\.csv of an audit beside it: move it"):
        audit(folder, detections, decisions, tmp_path / "audit")


def test_command_line(halved, tmp_path):
    def run(*arguments):
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        return result.output

    assert "24 pictures, 2 of them unreadable" in run("detect", halved, tmp_path / "f", "--workers", 1)
    text = run("decide", tmp_path / "f", "--min-neighbors", 10)
    assert "frontal (min neighbors 10)" in text and "dropped: no frontal face" in text
    assert run("decide", tmp_path / "f", "--min-neighbors", 10) == text  # over its own of before
    for name, content, whose in (
        ("index.csv", "file,comment\n1.jpg,grandma\n", "none of the face filter's"),
        ("dataset.json", "{}", "of a prepared dataset"),
    ):
        decided = (tmp_path / "f" / "index.csv").read_text()
        (tmp_path / "f" / name).write_text(content)
        before = (tmp_path / "f" / "index.csv").read_text()
        said = CliRunner().invoke(cli, ["decide", str(tmp_path / "f")])
        assert f"index.csv' is there, and is {whose}: give another file with" in str(said.exception)
        assert (tmp_path / "f" / "index.csv").read_text() == before
        (tmp_path / "f" / "index.csv").write_text(decided)
    (tmp_path / "f" / "dataset.json").unlink()
    text = run("audit", halved, tmp_path / "f", "--min-neighbors", 10)
    assert "kept.png" in text and "finding faces" not in text


def test_audit_finds_the_faces_itself_where_nobody_has(tmp_path):
    """As the README has it: one command, and the sheets are there."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "head.png").write_bytes(png(PICTURES["head"]))
    arguments = ["audit", str(tmp_path / "pictures"), str(tmp_path / "f"), "--policy"]
    result = CliRunner().invoke(cli, [*arguments, "not_profle"])
    assert isinstance(result.exception, UserError) and not (tmp_path / "f").exists()
    result = CliRunner().invoke(cli, [*arguments, "not_profile"])
    assert result.exit_code == 0, result.output
    assert "1 of 1 pictures kept" in result.output and (tmp_path / "f" / "audit" / "kept.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["decide", "nowhere"], "there are no detections"),
        (["detect", "nowhere", "f"], "nowhere"),
        (["detect", ".", "f", "--scale-factor", "1"], "scale factor 1.0 must be from 1.01 to 10, for example 1.1"),
        (["detect", ".", "f", "--scale-factor", "1.0000001"], "scale factor 1.0000001 must be from 1.01 to 10"),
        (["detect", ".", "f", "--scale-factor", "inf"], "scale factor inf must be from 1.01 to 10"),
        (["detect", ".", "f", "--scale-factor", "nan"], "scale factor nan must be from 1.01 to 10"),
        (["detect", ".", "f", "--min-size", "99999999999"], "min size 99999999999 must be 'auto' or a number of"),
        (["detect", ".", "f", "--min-size", "large"], "must be 'auto' or a number"),
        (["decide"], "Missing argument"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(arguments, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called = click.command()(lambda: run_command(cli, "python -m data_prep.face_filter", arguments))
    result = CliRunner().invoke(called, [])
    assert result.exit_code == 2 and result.stdout == ""
    assert text in result.stderr and len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_it_is_a_command(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])}
    command = [sys.executable, "-m", "data_prep.face_filter", "decide", "nowhere"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 2 and result.stderr.startswith("error: there are no detections")
