"""The picture and the table of a network: every layer is in them, no text covers another."""

import html
import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from dcgan_tf.networks.architectures import build_discriminator, build_generator
from dcgan_tf.pictures.architecture import _blocks, _caption, architecture, describe_layer, layer_table
from dcgan_tf.recipe.catalogue import RECIPES


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
    blocks = _blocks(model)
    computing = [layer for layer in model.layers if "kernel" in {weight.name for weight in layer.weights}]
    rearranged = [block.layer for block in blocks if describe_layer(block.layer).startswith("space to depth")]
    assert len(rearranged) == (recipe.architecture == "quick" and build is build_discriminator)
    assert [block.layer for block in blocks if block.layer not in computing] == [model.layers[0], *rearranged]
    assert {block.layer for block in blocks} >= set(computing)
    assert blocks[0].shape == model.layers[0].output.shape[1:]
    for before, block in itertools.pairwise(blocks):  # arrows only where one feeds the other
        assert (before in block.sources) == (not [t for t, _ in _caption(block, before) if t.startswith("from ")])
    assert sum(block.parameters for block in blocks) == model.count_params()
    picture = architecture(model)
    texts = [text.get_text() for text in picture.axes[0].texts]
    assert f"{model.name}: {model.count_params():,} parameters" in texts
    columns = -(-len(blocks) // -(-len(blocks) // 6))
    wraps = [one in two.sources for one, two in list(itertools.pairwise(blocks))[columns - 1 :: columns]]
    assert texts.count("↵") == sum(wraps)
    assert picture.get_size_inches()[0] < 10  # no wider than a notebook's page
    _texts_stand_apart(picture)


@pytest.mark.parametrize("width", [4, 8, 24, 64])
def test_what_modulates_the_features_of_quick_stands_beside_the_way(width):
    """Its kernel may be larger than that of a layer whose features it shifts."""
    recipe = RECIPES["quick_colour"].with_fields({"width": width})
    blocks = _blocks(build_generator(recipe, (64, 64, 3)))
    way = [(type(block.layer).__name__, block.shape[-1]) for block in blocks[:7]]
    up = [("Conv2DTranspose", 2 * width), ("Conv2DTranspose", width), ("Conv2D", width // 2), ("Conv2D", 3)]
    assert way == [("InputLayer", 32), ("Dense", 4 * width), ("Conv2D", 4 * width), *up]
    (modulation,) = (block for block in blocks if block.layer.name == "modulation")
    assert modulation.small == [] and modulation not in blocks[:7]


def _texts_stand_apart(picture):
    renderer = FigureCanvasAgg(picture).get_renderer()
    texts = [text for text in picture.axes[0].texts if text.get_text()]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    for index, (one, box) in enumerate(boxes):
        for other, other_box in boxes[index + 1 :]:
            width = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
            height = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
            assert width < -3 or height < 2, f"{one!r} covers {other!r}"


def test_pixels_that_become_channels_are_shown_and_named():
    model = build_discriminator(RECIPES["quick"], (29, 29, 1))
    texts = [text.get_text() for text in architecture(model).axes[0].texts]
    first = texts[texts.index("images") : texts.index("convolution")]
    assert [text for text in first if text] == [
        *("images", "29×29×1", "padded to 30×30"),
        *("space to depth", "2×2", "15×15×4", "each 2×2 pixels", "become channels"),
    ]
    outputs = {name: shape for name, shape, _ in layer_table(model).rows}
    assert outputs["images"] == "29×29×1" and outputs["space to depth, 2×2"] == "15×15×4"
    model = build_generator(RECIPES["quick"], (28, 28, 1))
    assert {name: shape for name, shape, _ in layer_table(model).rows}["depth to space, 2×2"] == "28×28×1"


def test_layer_table_as_text_and_as_html():
    recipe = RECIPES["tutorial"]
    model = build_generator(recipe, (28, 28, 1))
    table = layer_table(model)
    assert len(table.rows) == len(model.layers)
    assert sum(count for _, _, count in table.rows) == model.count_params() == 2_330_944
    text, page = repr(table), table._repr_html_()
    for expected in ("transposed convolution, 5×5, stride 2", "14×14×64", "LeakyReLU 0.3", "2,330,944 parameters"):
        assert expected in text and expected in page
    assert table.trainable + table.fixed == model.count_params() and table.fixed == 25_472


def test_names_in_a_table_are_escaped():
    model = build_discriminator(RECIPES["quick"], (28, 28, 1))
    model.name = "<b>D</b>"
    assert html.escape(model.name) in layer_table(model)._repr_html_()
    assert model.name not in layer_table(model)._repr_html_()


def test_a_conditional_networks_main_way_goes_past_its_labels():
    recipe = RECIPES["gwu"].with_fields({"width": 4, "conditional": True})
    for build, first, last in (
        (build_generator, "latents", "transposed convolution, 4×4, stride 2"),
        (build_discriminator, "images", "dense"),
    ):
        blocks = _blocks(build(recipe, (8, 8, 3), 5))
        names = [describe_layer(block.layer) for block in blocks]
        side = names.index("labels")
        assert names[0] == first and names[side - 1] == last and names[side + 1 :] == ["dense"]
        assert all(before in block.sources for before, block in itertools.pairwise(blocks[:side]))
