"""What notebooks show of data, grids and pictures."""

import numpy as np
from PIL import Image
from written_runs import write_run

from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.data.sources import open_source
from dcgan_tf.notebook import show
from dcgan_tf.pictures.grids import save_png
from dcgan_tf.run.records import HISTORY_COLUMNS


def test_a_sheet_of_real_images_has_labels_where_there_are_any():
    digits = load_dataset("mnist5k", limit=30)
    titles = [text.get_text() for text in show.show_data(digits, count=12).axes[0].texts]
    assert len(titles) == 12 and set(titles) <= set("0123456789")
    assert not show.show_data(load_dataset("fake", limit=5)).axes[0].texts


def test_pictures_that_cannot_be_read_are_left_out(tmp_path):
    Image.new("L", (30, 20), 200).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    pictures = show.read_pictures(open_source(tmp_path), range(2))
    assert [picture.shape for picture in pictures] == [(20, 30, 3)]


def test_pictures_of_any_size_are_shown_whole():
    tall, wide = np.full((40, 20, 3), 90, np.uint8), np.full((10, 60, 3), 10, np.uint8)
    assert show._fit(wide, 40, 20).shape == (40, 20, 3)
    shown = show._fit(wide, 40, 20)
    assert (shown[18:21] == 10).all() and (shown[:17] == 255).all() and (shown[22:] == 255).all()
    assert show.show_pictures([tall, wide], titles=["a", "b"]).axes[0].images
    assert "there are none" in show.show_pictures([], title="kept").texts[0].get_text()


def test_the_average_of_pictures():
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert (show.average_picture([black, white], 4, 4) == 128).all()
    assert (show.average_picture([], 4, 6) == np.full((4, 6, 3), 255)).all()


def test_grids_are_those_nearest_to_the_steps_asked_for_by_their_own_steps(tmp_path):
    run = write_run(tmp_path / "run", steps=0, grid_every=100)
    run.grids_path.mkdir()
    for step in range(100, 600, 100):
        run.append_row({**dict.fromkeys(HISTORY_COLUMNS, 1), "step": step})
        save_png(run.grid_path(step), np.full((4, 4, 1), step // 10, np.uint8))
    run.grid_path(200).unlink()  # the later ones keep their own steps
    pictures, titles = show.grids_at(run, [100, 290, 330, 5000])
    assert titles == [f"after {step} iterations" for step in (100, 300, 500)]
    assert [picture.max() for picture in pictures] == [10, 30, 50]
    assert show.grids_at(run, [])[1] == ["after 500 iterations"]


def test_source_is_that_of_what_runs():
    from dcgan_tf.game.gan import GAN

    shown = show.show_source(GAN.train_step)  # behind a decorator
    assert "self.update(\n" in shown.data and "self.step.assign_add(1)" in shown.data
    assert not shown.data.splitlines()[1].startswith(" ")
