"""Boards of sliders: the picture is what the latents that they stand for give."""

import io

import keras
import numpy as np
import pytest
from conditional_runs import ATTRIBUTES, CLASSES, conditional_run
from PIL import Image

from dcgan_tf.latent import formulas as latent
from dcgan_tf.latent.space import LatentSpace, open_space
from dcgan_tf.notebook import sliders as widgets
from dcgan_tf.pictures.films import frame
from dcgan_tf.system.errors import UserError

DIM = 4


@pytest.fixture(scope="module")
def space():
    """A generator of 8x8 images that nobody trained: it need only answer."""
    inputs = keras.Input((DIM,))
    dense = keras.layers.Dense(64, "tanh", kernel_initializer=keras.initializers.RandomNormal(stddev=0.5, seed=1))
    return LatentSpace(keras.Model(inputs, keras.layers.Reshape((8, 8, 1))(dense(inputs))))


def shown(board):
    return np.asarray(Image.open(io.BytesIO(board.children[2].value)))


def control(board, name):
    (found,) = [part for box in board.children for part in getattr(box, "children", ()) if part.description == name]
    return found


def test_the_picture_follows_mean_and_std(space):
    board = widgets.mean_and_std(space, seed=3, count=6)
    control(board, "mean").value, control(board, "std").value = 0.6, 0.3
    images = space.draw(latent.respread(space.random(6, 3), 0.6, 0.3))
    np.testing.assert_array_equal(shown(board), frame(images, side=112, columns=3))
    before = shown(board)
    control(board, "seed").value = 4
    assert (shown(board) != before).any()


def test_the_picture_follows_the_way_between_two(space):
    board = widgets.between(space, (3, 8))
    control(board, "t").value = 0.25
    start, end = space.of_seeds([3, 8])
    lengths = [np.linalg.norm(way(start, end, 0.25)) for way in (latent.linear, latent.spherical)]
    labels = ["seed 3", f"straight, |z| {lengths[0]:.1f}", f"round, |z| {lengths[1]:.1f}", "seed 8"]
    latents = np.stack([start, latent.linear(start, end, 0.25), latent.spherical(start, end, 0.25), end])
    np.testing.assert_array_equal(shown(board), frame(space.draw(latents), labels))


def test_sliders_of_directions_add_up_and_go_back(space):
    board = widgets.along(space, np.eye(DIM)[:2], ["first", "second"], seed=7)
    start = space.of_seeds([7])[0]
    still = frame(space.draw(np.stack([start, start])), ["seed 7", "moved"], side=224)
    np.testing.assert_array_equal(shown(board), still)
    control(board, "first").value, control(board, "second").value = 2.0, -1.0
    moved = start + np.float32([2, -1, 0, 0])
    np.testing.assert_array_equal(
        shown(board), frame(space.draw(np.stack([start, moved])), ["seed 7", "moved"], side=224)
    )
    control(board, "back to 0").click()
    np.testing.assert_array_equal(shown(board), still)


def test_a_plane_and_a_sum(space):
    board = widgets.over_plane(space, (1, 2, 3))
    control(board, "to the right").value, control(board, "down").value = 1.0, 0.0
    corners = space.of_seeds([1, 2, 3])
    labels = ["seed 1 (0, 0)", "seed 2 (1, 0)", "seed 3 (0, 1)", "(1.00, 0.00)"]
    expected = frame(space.draw(np.concatenate([corners, corners[1:2]])), labels)
    assert (shown(board) != expected).mean() < 0.01

    board = widgets.calculator(space, "1,2 - 3")
    before = shown(board)
    control(board, "sum of seeds").value = "1,2 - "
    assert "must be sums of seeds" in board.children[1].value and (shown(board) == before).all()
    control(board, "sum of seeds").value = "1,<b>"
    assert "&lt;b&gt;" in board.children[1].value
    control(board, "sum of seeds").value = "4"
    assert board.children[1].value == "" and (shown(board).shape != before.shape)
    with pytest.raises(UserError, match="must be a whole number"):
        widgets.between(space, ("a.npy", 1))


def test_a_board_that_cannot_be_is_one_line(space):
    with pytest.raises(UserError, match=r"names=\['first'\] must be one for each of 2 directions, not 1"):
        widgets.along(space, np.eye(DIM)[:2], ["first"])
    with pytest.raises(UserError, match="count=0 must be a whole number of at least 1"):
        widgets.mean_and_std(space, count=0)


def test_without_a_person_there_are_no_sliders(space):
    assert "sliders when this notebook is run in Jupyter" in widgets.live(widgets.between, space).data


def test_a_conditional_generators_board_has_a_list_of_classes_or_boxes_of_attributes(tmp_path):
    space = open_space(conditional_run(tmp_path / "animals", CLASSES).path)
    board = widgets.mean_and_std(space, count=4)
    names = control(board, "class")
    assert [name for name, _ in names.options] == ["cat", "<owl> & 'co'", "eel"] and names.value == 0
    names.value = 3
    images = space.under([0, 0, 0, 1]).draw(space.random(4, 0))
    np.testing.assert_array_equal(shown(board), frame(images, side=112, columns=2))

    space = open_space(conditional_run(tmp_path / "faces", ATTRIBUTES).path)
    board = widgets.along(space, np.eye(space.dim)[:2], seed=7)
    (boxes,) = [part.children for part in board.children[0].children if hasattr(part, "children")]
    assert [(box.description, box.value) for box in boxes] == [("Hat", True), ("<b>Beard</b>", False),
                                                               ("Eye Glasses", True)]  # fmt: skip
    boxes[0].value, boxes[1].value = False, True
    images = space.under([0, 1, 1, 0]).draw(space.of_seeds([7, 7]))
    np.testing.assert_array_equal(shown(board), frame(images, ["seed 7", "moved"], side=224))
