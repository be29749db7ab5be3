"""Layer output shapes and parameter counts of every recipe, as the reports print them."""

import contextlib
import itertools
import re

import keras
import numpy as np
import pytest

from dcgan_tf.evaluation.metrics import mean_laplacian
from dcgan_tf.networks.architectures import ARCHITECTURES, build_discriminator, build_generator, check_image_shape
from dcgan_tf.recipe.catalogue import RECIPES, get_recipe
from dcgan_tf.recipe.combinations import NETWORK_FIELDS, uses
from dcgan_tf.recipe.fields import Recipe, default_of
from dcgan_tf.system.errors import UserError

# recipe, image shape, parameters of G and D (those that do not train included)
COUNTS = [
    ("quick", (64, 64, 3), 605_244, 726_649),
    ("quick", (28, 28, 1), 183_141, 178_489),
    ("quick", (32, 32, 3), 219_065, 180_217),
    ("quick", (128, 128, 3), 1_860_927, 2_907_001),
    ("quick_colour", (64, 64, 3), 394_968, 410_203),
    ("quick_colour", (32, 32, 3), 150_645, 102_331),
    ("quick_colour", (128, 128, 3), 1_155_483, 1_637_659),
    ("few", (64, 64, 3), 605_244, 726_649),
    ("few_colour", (64, 64, 3), 394_968, 410_203),
    ("tutorial", (28, 28, 1), 2_330_944, 212_865),
    ("radford", (64, 64, 3), 18_858_880, 17_236_481),
    ("nitk", (64, 64, 3), 18_871_168, 17_236_481),
    ("nitk", (28, 28, 1), 22_277_760, 17_263_873),
    ("vrdl", (64, 64, 3), 18_920_320, 1_045_633),
    ("gwu", (32, 32, 3), 1_072_896, 664_065),
    ("sapienza", (64, 64, 3), 18_421_507, 795_009),
    ("rpi", (64, 64, 3), 18_853_123, 698_049),
    ("rpi_rescued", (64, 64, 3), 18_860_803, 4_314_753),
]

# The output shapes of all layers that have weights, in order.
SHAPES = {
    "quick": (
        [(32,), (736,), (8192,), *3 * [(8, 8, 128)], *2 * [(16, 16, 64)], *2 * [(32, 32, 32)]]
        + [(32, 32, 16), (8, 8, 3), (64, 64, 16), (16, 16, 3), (32, 32, 3), (64, 64, 3)],
        [(32, 32, 24), *2 * [(16, 16, 48)], *2 * [(8, 8, 96)], *4 * [(4, 4, 192)], (1,)],
    ),
    "tutorial": (
        [(12544,), (12544,), (7, 7, 128), (7, 7, 128), (14, 14, 64), (14, 14, 64), (28, 28, 1)],
        [(14, 14, 64), (7, 7, 128), (1,)],
    ),
    "radford": (
        [(16384,), (4, 4, 1024), *2 * [(8, 8, 512)], *2 * [(16, 16, 256)], *2 * [(32, 32, 128)], (64, 64, 3)],
        [(32, 32, 128), *2 * [(16, 16, 256)], *2 * [(8, 8, 512)], *2 * [(4, 4, 1024)], (1,)],
    ),
    "nitk": (
        [(16384,), *2 * [(8, 8, 512)], *2 * [(16, 16, 256)], *2 * [(32, 32, 128)], (64, 64, 3)],
        [(32, 32, 128), *2 * [(16, 16, 256)], *2 * [(8, 8, 512)], *2 * [(4, 4, 1024)], (1,)],
    ),
    "vrdl": (
        [*2 * [(16384,)], *2 * [(8, 8, 512)], *2 * [(16, 16, 256)], *2 * [(32, 32, 128)], (64, 64, 3)],
        [(32, 32, 64), (16, 16, 128), (8, 8, 256), (1,)],
    ),
    "gwu": (
        [(4096,), *2 * [(8, 8, 128)], *2 * [(16, 16, 64)], (32, 32, 3)],
        [(16, 16, 64), *2 * [(8, 8, 128)], *2 * [(4, 4, 256)], (1,)],
    ),
    "sapienza": (
        [(131072,), (32, 32, 256), (64, 64, 256), (64, 64, 256), (64, 64, 256), (64, 64, 3)],
        [(62, 62, 128), (30, 30, 128), (14, 14, 128), (6, 6, 128), (1,)],
    ),
    "rpi": (
        [(4, 4, 1024), (8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 3)],
        [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512), (1,)],
    ),
}
SHAPES["quick_colour"] = (
    [(32,), (552,), (6144,), *3 * [(8, 8, 96)], *2 * [(16, 16, 48)], *2 * [(32, 32, 24)]]
    + [(32, 32, 12), (8, 8, 3), (64, 64, 12), (16, 16, 3), (32, 32, 3), (64, 64, 3)],
    [(32, 32, 18), *2 * [(16, 16, 36)], *2 * [(8, 8, 72)], *4 * [(4, 4, 144)], (1,)],
)
SHAPES |= {"few": SHAPES["quick"], "few_colour": SHAPES["quick_colour"]}
SHAPES["rpi_rescued"] = (
    [*2 * [(4, 4, 1024)], *2 * [(8, 8, 512)], *2 * [(16, 16, 256)], *2 * [(32, 32, 128)], (64, 64, 3)],
    SHAPES["rpi"][1],
)


@contextlib.contextmanager
def without_numbers():
    """Networks built meanwhile have weights of shapes and types, but no numbers: to draw and store those took half of
    the time of tests that look at none of them."""
    with keras.StatelessScope(initialize_variables=False):
        yield
    keras.utils.clear_session(free_memory=False)  # else the next to leave such a scope would draw them all


def _weighted_shapes(model):
    return [tuple(layer.output.shape[1:]) for layer in model.layers if layer.count_params()]


@pytest.mark.parametrize("name, shape, generator_count, discriminator_count", COUNTS)
def test_parameter_counts_and_shapes(name, shape, generator_count, discriminator_count):
    with without_numbers():
        generator, discriminator = build_generator(RECIPES[name], shape), build_discriminator(RECIPES[name], shape)
    assert generator.count_params() == generator_count
    assert discriminator.count_params() == discriminator_count
    assert generator.output_shape == (None, *shape) and discriminator.output_shape == (None, 1)
    if shape == next(known for recipe, known, *_ in COUNTS if recipe == name):
        assert _weighted_shapes(generator) == SHAPES[name][0]
        assert _weighted_shapes(discriminator) == SHAPES[name][1]


def test_every_recipe_is_pinned():
    assert {name for name, *_ in COUNTS} == set(SHAPES) == set(RECIPES)


def test_vrdl_drops_out_before_each_transposed_convolution():
    with without_numbers():
        kinds = [type(layer).__name__ for layer in build_generator(RECIPES["vrdl"], (64, 64, 3)).layers]
    assert kinds.count("Dropout") == 3
    for index, kind in enumerate(kinds):
        if kind == "Dropout":
            assert kinds[index + 1] == "Conv2DTranspose"


@pytest.mark.parametrize(
    "batch_norm, in_generator, in_discriminator", [("paper", 4, 3), ("inner", 3, 3), ("all", 5, 4), ("none", 0, 0)]
)
def test_where_batch_norm_stands(batch_norm, in_generator, in_discriminator):
    recipe = get_recipe("nitk").with_fields({"batch_norm": batch_norm, "width": 2})
    for build, expected in ((build_generator, in_generator), (build_discriminator, in_discriminator)):
        with without_numbers():
            kinds = [type(layer).__name__ for layer in build(recipe, (32, 32, 3)).layers]
        assert kinds.count("BatchNormalization") == expected


@pytest.mark.parametrize(
    "name, std", [("radford", 0.02), ("gwu", 0.002), ("vrdl", 0.0176)]
)  # truncated at two deviations
def test_initial_weights(name, std):
    keras.utils.set_random_seed(1)
    recipe = RECIPES[name].with_fields({"width": 32})
    size = 32 if name == "gwu" else 64
    kernels = [
        layer.kernel.numpy() for layer in build_generator(recipe, (size, size, 3)).layers if hasattr(layer, "kernel")
    ]
    if name == "vrdl":  # the notebook leaves Keras' own (Glorot's uniform) to the first and the last layer
        for kernel, fans in ((kernels.pop(0), (100, 16 * 256)), (kernels.pop(), (25 * 3, 25 * 32))):
            assert kernel.std() == pytest.approx(np.sqrt(2 / sum(fans)), rel=0.05)
    for kernel in kernels:
        assert kernel.std() == pytest.approx(std, rel=0.05)
        assert abs(kernel.mean()) < std / 10
    assert not any(np.array_equal(a.ravel()[:50], b.ravel()[:50]) for a, b in itertools.pairwise(kernels))


@pytest.mark.parametrize("channels, way", [(1, "by_channels"), (3, "by_channels"), (1, "bilinear")])
@pytest.mark.parametrize("size", [28, 29, 32, 37, 48, 50, 64, 96, 100, 127, 128])
def test_quick_makes_any_size(size, channels, way):
    recipe = get_recipe("quick").with_fields({"width": 4, "last_doubling": way})
    shape = (size, size, channels)
    with without_numbers():
        generator, discriminator = build_generator(recipe, shape), build_discriminator(recipe, shape)
    assert generator.output_shape == (None, *shape) and discriminator.output_shape == (None, 1)


def test_each_size_of_quick_adds_its_own_picture():
    """Of the layers that make pictures one at a time is left: squares of the size of that layer's pixels."""
    recipe = get_recipe("quick").with_fields({"width": 8, "initial_std": 0.5, "last_doubling": "depth_to_space"})
    generator = build_generator(recipe, (64, 64, 3))
    painters = [layer for layer in generator.layers if isinstance(layer, keras.layers.Conv2D) and layer.use_bias]
    weights = [layer.get_weights() for layer in painters]
    latents = np.random.default_rng(0).normal(size=(2, recipe.latent_dim))
    sides = []
    for left in range(len(painters)):
        for index, layer in enumerate(painters):
            layer.set_weights([w * (index == left) for w in weights[index]])
        image = np.asarray(generator(latents))[..., 0]
        assert image.std() > 0
        squares = [
            side
            for side in (8, 4, 2, 1)
            if np.array_equal(image, np.kron(image[:, ::side, ::side], np.ones((1, side, side))))
        ]
        sides.append(squares[0])
    assert sorted(sides) == [1, 4, 8]  # 64x64 in all detail, 16x16 and 8x8


@pytest.mark.parametrize("way", ["depth_to_space", "bilinear"])
def test_latents_scale_and_shift_the_features_of_every_layer_of_quick(way):
    """Against equation 2 of the paper in NumPy: all scales stand first, layer after layer, then all shifts."""
    recipe = get_recipe("quick").with_fields({"width": 4, "last_doubling": way, "self_modulation": True})
    generator = build_generator(recipe, (64, 64, 3))
    norms = [layer for layer in generator.layers if isinstance(layer, keras.layers.BatchNormalization)]
    active = [layer for layer in generator.layers if isinstance(layer, keras.layers.ReLU)]
    modulation = generator.get_layer("modulation")
    assert len(active) == len(norms) == (4 if way == "depth_to_space" else 5)
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(3, recipe.latent_dim)).astype(np.float32)
    modulation.kernel.assign(rng.normal(size=modulation.kernel.shape))
    before = [layer.output for layer in norms], [layer.input for layer in active]
    hidden, normalised, modulated = keras.Model(generator.input, [modulation.input, *before])(latents)
    scales, shifts = np.split(np.asarray(hidden) @ modulation.kernel.numpy(), 2, axis=1)
    ends = np.cumsum([x.shape[-1] for x in normalised])[:-1]
    parts = zip(np.split(scales, ends, axis=1), np.split(shifts, ends, axis=1), strict=True)
    for x, y, (scale, shift) in zip(normalised, modulated, parts, strict=True):
        expected = np.asarray(x) * (1 + scale[:, None, None]) + shift[:, None, None]
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_enlarged_smoothly_images_are_even_where_depth_to_space_makes_grain():
    """Of random weights, large enough for the layers to matter: what a generator makes before it has learned."""
    grain = {}
    for way in ("depth_to_space", "bilinear"):
        keras.utils.set_random_seed(2)
        recipe = get_recipe("quick").with_fields({"width": 16, "initial_std": 0.1, "last_doubling": way})
        generator = build_generator(recipe, (64, 64, 3))
        images = np.asarray(generator(np.random.default_rng(0).normal(size=(50, recipe.latent_dim))))
        grain[way] = mean_laplacian(np.uint8(np.round(127.5 + 127.5 * images))) / images.std()
    assert grain["bilinear"] < 0.6 * grain["depth_to_space"]


@pytest.mark.parametrize(
    "name, size", [("nitk", 28), ("nitk", 36), ("radford", 96), ("gwu", 128), ("gwu", 48), ("gwu", 28)]
)
def test_generic_architectures_take_sizes_of_the_form_m_times_2_to_the_k(name, size):
    recipe = get_recipe(name).with_fields({"width": 2})
    with without_numbers():
        generator, discriminator = (build(recipe, (size, size, 1)) for build in (build_generator, build_discriminator))
    assert generator.output_shape == (None, size, size, 1) and discriminator.output_shape == (None, 1)


@pytest.mark.parametrize("name", RECIPES)
def test_the_smallest_width_makes_networks(name):
    recipe = get_recipe(name).with_fields({"width": 1})
    shape = next(shape for other, shape, *_ in COUNTS if other == name)
    with without_numbers():
        networks = build_generator(recipe, shape), build_discriminator(recipe, shape)
    assert [network.output_shape for network in networks] == [(None, *shape), (None, 1)]


def test_gwu_takes_the_sizes_that_it_says_and_no_others():
    wanted = {m << k for m in range(2, 8) for k in range(2, 10)} & set(range(8, 513))
    assert {size for size in range(1, 1025) if ARCHITECTURES["gwu"].check_size((size, size, 3)) is None} == wanted
    assert "with m from 2 to 7 and k of at least 2, from 8" in ARCHITECTURES["gwu"].check_size((10, 10, 3))


@pytest.mark.parametrize(
    "name, shape, advice",
    [
        ("tutorial", (32, 32, 3), "28x28x1.*--resize"),
        ("vrdl", (28, 28, 1), "64x64x3.*--resize"),
        ("sapienza", (64, 64, 1), "64x64x3"),
        ("quick", (27, 27, 1), "28 to 128"),
        ("quick", (129, 129, 3), "take 128"),
        ("nitk", (30, 30, 1), "28 or 32"),
        ("radford", (600, 600, 3), "take 512 instead"),
        ("gwu", (37, 37, 3), "take 40|take 32"),
        ("gwu", (640, 640, 3), "from 8 to 512: take 512 instead"),  # 5 * 2^7
        ("quick", (32, 48, 3), "square"),
        ("quick", (32, 32, 2), "1 channel"),
    ],
)
def test_a_size_that_does_not_fit_is_refused_with_advice(name, shape, advice):
    with pytest.raises(UserError, match=advice) as error:
        check_image_shape(RECIPES[name], shape)
    assert "x".join(map(str, shape)) in str(error.value)


@pytest.mark.parametrize("name", ["quick", "nitk", "gwu"])
def test_each_size_that_is_advised_would_do(name):
    for size in range(1, 1025):
        problem = ARCHITECTURES[get_recipe(name).architecture].check_size((size, size, 3))
        if problem:
            advised = re.search(r"take (\d+)(?: or (\d+))? instead", problem).groups()
            for other in filter(None, advised):
                assert other != str(size)
                check_image_shape(RECIPES[name], (int(other), int(other), 3))


# Another value of each field that may shape networks.
OTHER = {
    "width": 3,
    "latent_dim": 5,
    "minibatch_std": True,
    "initial_std": 0.5,
    "leaky_slope": 0.4,
    "generator_activation": "leaky_relu",
    "batch_norm": "none",
    "discriminator_batch_norm": False,
    "discriminator_kernel": 3,
    "dropout": 0.7,
}


def _networks(architecture, **fields):
    """The networks that a recipe's fields make, as texts: each layer's settings but its name and seeds, its weights."""
    usual = {name: default_of(name) for name in OTHER} | {"width": 2, "latent_dim": 4}
    recipe = Recipe.model_construct(**{**Recipe().as_dict(), **usual, "architecture": architecture, **fields})
    shape = (28, 28, 1) if architecture == "tutorial" else (64, 64, 3)
    with without_numbers():
        layers = [layer for build in (build_generator, build_discriminator) for layer in build(recipe, shape).layers]
    about = [f"{layer.get_config()} {[weight.shape for weight in layer.weights]}" for layer in layers]
    return [re.sub(r"'(name|seed)': ('[^']*'|\d+|None)", "", text) for text in about]


@pytest.mark.parametrize("architecture", NETWORK_FIELDS)
def test_an_architecture_uses_the_fields_that_it_says_and_no_others(architecture):
    usual = _networks(architecture)
    assert _networks(architecture) == usual
    for name, other in OTHER.items():
        assert (_networks(architecture, **{name: other}) != usual) == uses(architecture, name), name
