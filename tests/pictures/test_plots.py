"""Pictures: every image is drawn, any length of history is readable, every layer is in the table."""

import html
import io
import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from dcgan_tf.networks.architectures import build_discriminator, build_generator
from dcgan_tf.pictures import plots
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.run.directory import HISTORY_COLUMNS


def history(count, **columns):
    values = {name: np.linspace(0.2, 0.8, count) for name in HISTORY_COLUMNS}
    return {**values, "step": np.arange(1, count + 1) * 50, **columns}


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.png(72))).convert("RGB"))


def test_a_picture_shows_itself_without_pyplot():
    bundle, metadata = plots.curves(history(3))._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert Image.open(io.BytesIO(bundle["image/png"])).width > metadata["image/png"]["width"]  # sharp on any screen


@pytest.mark.parametrize("count", [0, 1, 5, 5000])
def test_curves_of_any_length(count):
    picture = plots.curves(history(count), title="a run")
    losses, scores = picture.axes
    assert losses.get_xlabel() == scores.get_xlabel() == "step"
    assert [text.get_text() for text in losses.get_legend().get_texts()] == ["generator", "discriminator"]
    assert [text.get_text() for text in scores.get_legend().get_texts()] == ["D(real)", "D(fake)"]
    assert len(losses.lines) == (4 if count == 5000 else 2)  # with many rows a faint raw line under each
    assert pixels(picture).min() < 100


def test_the_line_at_one_half_is_for_probabilities_only():
    probabilities = plots.curves(history(5)).axes[1]
    critic = plots.curves(history(5, discriminator_real=np.full(5, 7.0))).axes[1]
    assert [0.5, 0.5] in [list(line.get_ydata()) for line in probabilities.lines]
    assert [0.5, 0.5] not in [list(line.get_ydata()) for line in critic.lines]
    assert critic.get_ylim()[1] > 7


def test_running_mean_uses_what_there_is_at_the_ends():
    np.testing.assert_allclose(plots.running_mean(np.array([0.0, 3.0, 6.0, 9.0]), 3), [1.5, 3, 6, 7.5])


@pytest.mark.parametrize("channels", [1, 3])
def test_live_view(channels):
    grid = np.full((50, 50, channels), 200, np.uint8)
    picture = plots.live_view(grid, history(40), "epoch 3")
    assert len(picture.axes) == 3
    assert (pixels(picture) == 200).all(axis=2).sum() > 1000  # 200 is drawn as 200: no stretching


@pytest.mark.parametrize("count", [1, 7, 23])
def test_every_image_and_every_title_is_drawn(count):
    images = np.full((count, 8, 8, 3), (250, 0, 0), np.uint8)
    picture = plots.show_images(images, titles=range(count))
    assert [text.get_text() for text in picture.axes[0].texts] == [str(index) for index in range(count)]
    shown = picture.axes[0].images[0].get_array()
    assert (shown == (250, 0, 0)).all(axis=2).sum() == count * 64


def test_titles_must_be_as_many_as_images():
    with pytest.raises(ValueError, match="2 images cannot have 3 titles"):
        plots.show_images(np.zeros((2, 8, 8, 1), np.uint8), titles="abc")


def test_compared_grids_stand_side_by_side():
    grids = [np.zeros((20, 20, 1), np.uint8), np.zeros((30, 30, 3), np.uint8)]
    assert [axes.get_title() for axes in plots.compare_grids(grids, ["first", "last"]).axes] == ["first", "last"]


def networks():
    for name in ("quick", "tutorial", "vrdl", "sapienza", "rpi", "gwu", "nitk"):
        recipe = RECIPES[name].with_fields({"width": 8})
        recipe = recipe.with_fields({"minibatch_std": True}) if name == "nitk" else recipe
        shape = (recipe.image_size, recipe.image_size, recipe.channels or 3)
        for build in (build_generator, build_discriminator):
            yield pytest.param(build, recipe, shape, id=f"{name}-{build.__name__[6:]}")


@pytest.mark.parametrize("build, recipe, shape", list(networks()))
def test_architecture_holds_every_computing_layer_and_all_parameters(build, recipe, shape):
    model = build(recipe, shape)
    blocks = plots._blocks(model)
    computing = [layer for layer in model.layers if "kernel" in {weight.name for weight in layer.weights}]
    assert {block.layer for block in blocks[1:]} == set(computing) and len(blocks) == len(computing) + 1
    for before, block in itertools.pairwise(blocks):  # arrows only where one feeds the other
        assert (before in block.sources) == (not [t for t, _ in plots._caption(block, before) if t.startswith("from ")])
    assert sum(block.parameters for block in blocks) == model.count_params()
    picture = plots.architecture(model)
    texts = [text.get_text() for text in picture.axes[0].texts]
    assert f"{model.name}: {model.count_params():,} parameters" in texts
    columns = -(-len(blocks) // -(-len(blocks) // 6))
    wraps = [one in two.sources for one, two in list(itertools.pairwise(blocks))[columns - 1 :: columns]]
    assert texts.count("↵") == sum(wraps)
    assert picture.get_size_inches()[0] < 10  # no wider than a notebook's page
    _texts_stand_apart(picture)


def _texts_stand_apart(picture):
    renderer = FigureCanvasAgg(picture).get_renderer()
    texts = [text for text in picture.axes[0].texts if text.get_text()]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    for index, (one, box) in enumerate(boxes):
        for other, other_box in boxes[index + 1 :]:
            width = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
            height = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
            assert width < -3 or height < 2, f"{one!r} covers {other!r}"


def test_layer_table_as_text_and_as_html():
    recipe = RECIPES["tutorial"]
    model = build_generator(recipe, (28, 28, 1))
    table = plots.layer_table(model)
    assert len(table.rows) == len(model.layers)
    assert sum(count for _, _, count in table.rows) == model.count_params() == 2_330_944
    text, page = repr(table), table._repr_html_()
    for expected in ("transposed convolution, 5×5, stride 2", "14×14×64", "LeakyReLU 0.3", "2,330,944 parameters"):
        assert expected in text and expected in page
    assert table.trainable + table.fixed == model.count_params() and table.fixed == 25_472


def test_names_in_a_table_are_escaped():
    model = build_discriminator(RECIPES["quick"], (28, 28, 1))
    model.name = "<b>D</b>"
    assert html.escape(model.name) in plots.layer_table(model)._repr_html_()
    assert model.name not in plots.layer_table(model)._repr_html_()
