"""Images as pictures: every one is drawn, with its title."""

import numpy as np
import pytest

from dcgan_tf.pictures.shown import compare_grids, show_images


@pytest.mark.parametrize("count", [1, 7, 23])
def test_every_image_and_every_title_is_drawn(count):
    images = np.full((count, 8, 8, 3), (250, 0, 0), np.uint8)
    picture = show_images(images, titles=range(count))
    assert [text.get_text() for text in picture.axes[0].texts] == [str(index) for index in range(count)]
    shown = picture.axes[0].images[0].get_array()
    assert (shown == (250, 0, 0)).all(axis=2).sum() == count * 64


def test_titles_must_be_as_many_as_images():
    with pytest.raises(ValueError, match="2 images cannot have 3 titles"):
        show_images(np.zeros((2, 8, 8, 1), np.uint8), titles="abc")


def test_compared_grids_stand_side_by_side():
    grids = [np.zeros((20, 20, 1), np.uint8), np.zeros((30, 30, 3), np.uint8)]
    assert [axes.get_title() for axes in compare_grids(grids, ["first", "last"]).axes] == ["first", "last"]
