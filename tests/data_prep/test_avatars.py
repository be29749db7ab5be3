"""Avatars: distinct faces that follow from seed and number, with labels that say what was drawn."""

import numpy as np
import pytest
from click.testing import CliRunner

from data_prep import avatars as module
from data_prep.avatars import LABELS, PARTS, Avatars, avatars, draw_face
from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.system.errors import UserError


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = avatars(tmp_path_factory.mktemp("avatars") / "a", count=300, seed=3, size=32, workers=2, progress=False)
    return read_prepared(path)


def test_faces_are_distinct_coloured_and_labelled(dataset):
    images = dataset.images[:]
    assert images.shape == (300, 32, 32, 3)
    assert len({image.tobytes() for image in images}) == 300
    assert images.std(axis=(1, 2)).min() > 5
    assert dataset.label_names == tuple(LABELS)
    assert dataset.labels.shape == (300, len(LABELS)) and dataset.labels.dtype == np.uint8
    shares = dataset.labels.mean(axis=0)
    assert (shares > 0.01).all() and (shares < 0.8).all()


def test_a_face_follows_from_seed_and_number_alone(dataset, tmp_path):
    few = read_prepared(avatars(tmp_path / "b", count=20, seed=3, size=32, workers=1, progress=False))
    assert np.array_equal(few.images[:], dataset.images[:20])
    assert np.array_equal(few.labels, dataset.labels[:20])
    other = read_prepared(avatars(tmp_path / "c", count=20, seed=4, size=32, workers=1, progress=False))
    assert not (other.images[:] == few.images[:]).all(axis=(1, 2, 3)).any()


def test_the_index_says_what_was_drawn(dataset):
    rows = dataset.index()
    assert rows[7]["source"] == "avatar_000007"
    face = {part: rows[7][part] for part in PARTS}
    assert face == Avatars(8, 3).faces[7]
    assert np.array_equal(draw_face(face, 32), dataset.images[7])


def test_ten_thousand_faces_differ_in_what_can_be_seen():
    faces = Avatars(10_000, 0).faces
    assert len({tuple(face.values()) for face in faces}) == 10_000
    for face in faces:
        assert (face["hat_color"] != "") == (face["top"] in module._HATS)
        assert not (face["top"] == "HIJAB" and face["facial_hair"] != "NONE")


def test_a_face_already_drawn_is_drawn_anew(monkeypatch):
    few = []
    for part, (names, _) in module._CHOICES:
        names = names[: 2 if part in ("mouth", "eyes") else 1]
        few.append((part, (names, np.arange(1, len(names) + 1))))
    monkeypatch.setattr(module, "_CHOICES", few)
    assert len({(face["mouth"], face["eyes"]) for face in Avatars(4, 0).faces}) == 4


def test_every_choice_can_be_drawn_and_shows():
    face = {part: next(iter(choices)) for part, choices in PARTS.items()}
    for part, choices in PARTS.items():
        plain = {**face, "top": "HAT"} if part == "hat_color" else face
        drawn = {choice: draw_face({**plain, part: choice}, 64).tobytes() for choice in choices}
        assert len(set(drawn.values())) == len(choices), part


def test_the_face_fills_the_square():
    face = Avatars(1, 0).faces[0]
    face.update(top="NONE", skin_color="PALE", facial_hair="NONE", accessory="NONE", background_color="#a5d3f2")
    image = draw_face(face, 64)
    skin = (np.abs(image.astype(int) - (0xFF, 0xDB, 0xB4)).sum(axis=2) < 10).any(axis=0)
    assert 0.5 < skin.mean() < 0.8 and skin[32]


@pytest.mark.parametrize("wrong", [{"count": 0}, {"size": 4}, {"seed": -1}, {"size": 5000}])
def test_numbers_that_make_no_sense_are_refused(wrong, tmp_path):
    with pytest.raises(UserError, match=f"{next(iter(wrong))} {next(iter(wrong.values()))}"):
        avatars(tmp_path / "a", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_not_touched(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UserError, match="exists already"):
        avatars(tmp_path, count=2, size=16, workers=1, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_command_line(tmp_path):
    result = CliRunner().invoke(module.cli, [str(tmp_path / "a"), "--count", "3", "--size", "16", "--workers", "1"])
    assert result.exit_code == 0 and "3 avatars of 16x16" in result.output
    assert read_prepared(tmp_path / "a").images.shape == (3, 16, 16, 3)
