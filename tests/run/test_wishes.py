"""What is asked of a conditional generator: labels as in the data, as wished, from a file, of a grid."""

import numpy as np
import pytest

from dcgan_tf.data.labels.labels import Labels
from dcgan_tf.run import wishes
from dcgan_tf.system.errors import UserError

CLASSES = Labels(np.array([0] * 30 + [2] * 90), ("cat", "dog", "owl"))
NAMES = ("Hat", "Beard", "Glasses", "Tail")
# Whoever wears a hat has no beard; half of the others have one; glasses are rare, nobody has a tail.
ROWS = np.array([[1, 0, 0, 0]] * 40 + [[0, 1, 0, 0]] * 40 + [[0, 0, 0, 0]] * 37 + [[0, 1, 1, 0]] * 3, np.uint8)
ATTRIBUTES = Labels(ROWS, NAMES)


@pytest.mark.parametrize("labels", [CLASSES, ATTRIBUTES])
def test_nothing_said_labels_are_as_frequent_as_in_the_data_and_stay_when_more_are_asked_for(labels):
    told = wishes.as_in_the_data(labels, 20_000, 1)
    np.testing.assert_allclose(told.mean(axis=0), labels.shares, atol=0.02)
    rows = {tuple(row) for row in told}
    assert rows <= {tuple(row) for row in labels.told()}  # no company that the data do not know
    for count in (1, 7, 100):
        assert np.array_equal(wishes.as_in_the_data(labels, count, 1), told[:count])
    assert not np.array_equal(wishes.as_in_the_data(labels, 100, 2), told[:100])
    assert np.array_equal(wishes.wished(labels, 100, 1), told[:100])


def test_a_class_is_asked_for_by_name_or_number():
    for one in ("owl", "OWL", 2, "2"):
        assert np.array_equal(wishes.wished(CLASSES, 5, 0, of_class=one), [[0, 0, 1]] * 5)


def test_attributes_are_had_or_not_and_the_rest_is_as_in_the_data_that_have_them():
    told = wishes.wished(ATTRIBUTES, 4000, 0, having="Hat")
    assert (told == [1, 0, 0, 0]).all()  # never a beard: no hat goes with one
    told = wishes.wished(ATTRIBUTES, 4000, 0, having=["Beard"], without="hat")
    assert (told[:, 1] == 1).all() and (told[:, 0] == 0).all() and told[:, 2].mean() == pytest.approx(3 / 43, abs=0.02)
    with_comma = Labels(ROWS, ("Hat", "Beard, long", "Glasses", "Tail"))
    assert np.array_equal(wishes.wished(with_comma, 4000, 0, having="beard, long", without="hat"), told)
    told = wishes.wished(ATTRIBUTES, 4000, 0, having="Glasses, Hat")  # in no image: both are set
    assert (told[:, [0, 2]] == 1).all() and told[:, 1].mean() == pytest.approx(43 / 120, abs=0.03)


@pytest.mark.parametrize(
    ("labels", "given", "said"),
    [
        (CLASSES, {"of_class": "dog"}, "no image of the training had the class 'dog'"),
        (CLASSES, {"of_class": "otl"}, "no class 'otl'. Did you mean 'owl'"),
        (CLASSES, {"having": "Hat"}, "--with is for attributes, and this generator knows classes"),
        (CLASSES, {"without": "Hat"}, "--without is for attributes"),
        (ATTRIBUTES, {"of_class": 3}, "--class 3 is for classes, and this generator knows attributes.*Hat, Beard"),
        (ATTRIBUTES, {"having": "Haat"}, "no attribute 'Haat'. Did you mean 'Hat'"),
        (ATTRIBUTES, {"having": "Tail"}, "no image of the training had the attribute 'Tail'"),
        (ATTRIBUTES, {"having": "Hat", "without": "hat,Beard"}, "--with and --without both name 'Hat'"),
    ],
)
def test_wishes_that_cannot_be_granted_are_one_line(labels, given, said):
    with pytest.raises(UserError, match=said) as caught:
        wishes.wished(labels, 4, 0, **given)
    assert "\n" not in str(caught.value)


def test_a_file_says_what_each_image_is_to_show(tmp_path, monkeypatch):
    path = tmp_path / "wanted.csv"
    path.write_text("Hat, glasses\n1,0\n-1,1\n\n0,0\n")
    assert np.array_equal(wishes.from_file(ATTRIBUTES, path), [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # Windows
    assert len(wishes.from_file(ATTRIBUTES, "~/wanted.csv")) == 3
    cased = Labels(np.eye(2, dtype=np.uint8), ("A", "a"))
    path.write_text("A\n1\n")
    assert np.array_equal(wishes.from_file(cased, path), [[1, 0]])
    path.write_text("animal\ncat\n2\n")
    assert np.array_equal(wishes.from_file(CLASSES, path), [[1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("labels", "text", "said"),
    [
        (ATTRIBUTES, "Hat,Galsses\n1,0\n", "column 'Galsses', which is no attribute. Did you mean 'Glasses'"),
        (ATTRIBUTES, "Hat\n1\nyes\n", "line 3: 'yes' must be 0 or 1"),
        (ATTRIBUTES, "Hat,Beard\n1\n", "line 2 has 1 cells for 2 columns"),
        (ATTRIBUTES, "Hat,hat\n1,1\n", "a column twice"),
        (ATTRIBUTES, "Hat\n", "has no rows of labels"),
        (CLASSES, "animal\ncat\nbird\n", "line 3: there is no class 'bird'"),
        (CLASSES, "Owl\ncat\n", "begins with the class 'Owl': its first line must be a header, as label"),
        (CLASSES, "2\n2\n", "begins with the class '2': its first line"),
        (CLASSES, "animal\ncat\ncat,owl\n", "line 3 has 2 cells: give one, the class of an image"),
        (CLASSES, "cat,dog\n1,0\n", "has 2 columns: for classes give one"),
    ],
)
def test_a_file_that_says_something_else_is_one_line(tmp_path, labels, text, said):
    path = tmp_path / "wanted.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        wishes.from_file(labels, path)
    with pytest.raises(UserError, match="there is no file"):
        wishes.from_file(labels, tmp_path / "other.csv")


def test_an_array_says_the_same_as_a_file():
    assert np.array_equal(wishes.from_array(CLASSES, [[0, 0, 1], [1, -1, -1]]), [[0, 0, 1], [1, 0, 0]])
    rows = wishes.from_array(ATTRIBUTES, np.array([[True, False, True, True], [False] * 4]))
    assert rows.dtype == np.float32 and np.array_equal(rows, [[1, 0, 1, 1], [0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("labels", "rows", "said"),
    [
        (CLASSES, [[0, 1, 0], [1, 1, 0]], "row 1 has 2 classes, and an image is of one"),
        (CLASSES, [[0, 0, 0]], "row 0 has 0 classes"),
        (CLASSES, [0, 2], r"labels=\[0, 2\] must be an array \[number of images, 3\] of 0 and 1"),
        (ATTRIBUTES, [[0, 1, 0, 0], [0, 0, 0.5, 0]], "row 1 has 0.5 as 'Glasses': it must be 0 or 1"),
        (ATTRIBUTES, [[float("nan"), 1, 0, 0]], "row 0 has nan as 'Hat'"),
        (ATTRIBUTES, [["Hat", "", "", ""]], "must be an array"),
        (ATTRIBUTES, [[0, 1], [1]], "must be an array"),
        (ATTRIBUTES, np.zeros((0, 4)), "must be an array"),
    ],
)
def test_an_array_of_anything_else_is_one_line(labels, rows, said):
    with pytest.raises(UserError, match=said):
        wishes.from_array(labels, rows)


def test_a_grid_has_a_row_for_each_class_of_the_same_latents():
    latents = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    drawn, told, columns = wishes.for_grid(CLASSES, latents, 0)
    assert columns == 4 and drawn.shape == (8, 5)
    assert np.array_equal(drawn[:4], drawn[4:]) and np.array_equal(drawn[:4], latents[:4])
    assert np.array_equal(told, np.eye(3)[[0] * 4 + [2] * 4])
    many = Labels(np.arange(40), tuple(map(str, range(40))))
    drawn, told, columns = wishes.for_grid(many, latents, 0)
    assert columns == 1 and np.array_equal(told.argmax(axis=1), np.arange(9)) and len(drawn) == 9
    drawn, told, columns = wishes.for_grid(ATTRIBUTES, latents, 3)
    assert columns is None and drawn is latents and np.array_equal(told, wishes.as_in_the_data(ATTRIBUTES, 9, 3))


def test_a_run_keeps_a_bounded_number_of_rows_evenly_spread():
    many = Labels(np.arange(25_000) % 7, tuple("abcdefg"))
    kept = wishes.evenly_kept(many)
    assert len(kept.rows) == wishes.KEPT and kept.names == many.names
    np.testing.assert_allclose(kept.shares, many.shares, atol=0.01)
    assert wishes.evenly_kept(CLASSES).rows is CLASSES.rows


def test_a_class_or_attribute_of_few_images_is_kept():
    rows = np.zeros(200_012, int)
    rows[1:12] = 1  # between two of the rows that are kept
    kept = wishes.evenly_kept(Labels(rows, ("cat", "owl", "yak")))
    assert kept.seen == [0, 1] and kept.number("owl") == 1 and len(kept.rows) == wishes.KEPT + 1
    with pytest.raises(UserError, match="no image of the training had the class 'yak'"):
        kept.number("yak")
    rows = np.stack([rows, 1 - rows, 0 * rows], axis=1)
    assert wishes.evenly_kept(Labels(rows, ("Hat", "Beard", "Tail"))).seen == [0, 1]
