"""One training step: every recipe, every rule, and what must hold of each."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_gan import SHAPE, TINY, assert_no_long_sums, changed, random_images, values_of

from dcgan_tf.data.images import to_model_range
from dcgan_tf.game.gan import GAN, METRICS, UPDATE_RULES
from dcgan_tf.game.losses import LOSSES
from dcgan_tf.recipe.catalogue import RECIPES, get_recipe
from dcgan_tf.recipe.fields import Recipe


def _compiled(gan, shape, batch_size=8):
    return tf.function(gan.train_step, input_signature=[tf.TensorSpec([batch_size, *shape], tf.uint8)])


# The true architecture where two steps of it take a second or two; else a narrowed one (its true shapes and
# parameter counts are pinned in test_architectures.py).
NARROWED = dict.fromkeys(("quick_colour", "few_colour", "radford", "nitk", "vrdl", "sapienza", "rpi", "rpi_rescued"), 8)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_two_steps(name):
    recipe = RECIPES[name].with_fields({"batch_size": 4, **({"width": NARROWED[name]} if name in NARROWED else {})})
    size = dict.fromkeys(("quick", "quick_colour", "few", "few_colour", "tutorial"), 28).get(name, recipe.image_size)
    shape = (size, size, recipe.channels or 3)
    gan = GAN(recipe, shape, seed=1)
    before = values_of(gan.generator.trainable_variables), values_of(gan.discriminator.trainable_variables)
    step = _compiled(gan, shape, 4)
    for index in range(2):
        metrics = dict(zip(METRICS, step(random_images(4, shape, index)).numpy(), strict=True))
        assert all(np.isfinite(value) for value in metrics.values())
        assert 0 < metrics["discriminator_real"] < 1 and 0 < metrics["discriminator_fake"] < 1
    assert int(gan.step) == 2
    assert_no_long_sums(step)
    moved = (
        changed(before[0], gan.generator.trainable_variables),
        changed(before[1], gan.discriminator.trainable_variables),
    )
    assert any(moved) if recipe.update_rule == "loss_gated" else all(moved)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_goes_with_every_rule(loss):
    gan = GAN(TINY.with_fields({"loss": loss}), SHAPE)
    for rule in UPDATE_RULES:
        gan.recipe, gan.update = TINY.with_fields({"update_rule": rule, "loss": loss}), UPDATE_RULES[rule]
        assert np.isfinite(gan.train_step(random_images(8, SHAPE)).numpy()).all(), rule


def test_simultaneous_takes_both_gradients_at_the_same_weights():
    """Against the two gradients computed one after the other, apart, with plain gradient descent's step."""
    recipe = TINY.with_fields({"update_rule": "simultaneous", "ema_images": 0})
    gan, images = GAN(recipe, SHAPE, seed=3), random_images(8, SHAPE)
    for network in (gan.generator, gan.discriminator):
        optimizer = keras.optimizers.SGD(0.1)
        optimizer.build(network.trainable_variables)
        setattr(gan, f"{network.name}_optimizer", optimizer)
    latents = gan.draw_latents(8, tf.constant([3, 0], tf.int64))
    real = tf.cast(images, tf.float32) / 127.5 - 1
    with tf.GradientTape(persistent=True) as tape:
        fake = gan.generator(latents, training=True)
        real_logits, fake_logits = gan.discriminator(real, training=True), gan.discriminator(fake, training=True)
        generator_loss = tf.reduce_mean(tf.nn.softplus(-fake_logits))
        discriminator_loss = tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(fake_logits))
    expected = []
    for network, loss in ((gan.generator, generator_loss), (gan.discriminator, discriminator_loss)):
        gradients = tape.gradient(loss, network.trainable_variables)
        expected.append(
            [v.numpy() - 0.1 * g.numpy() for v, g in zip(network.trainable_variables, gradients, strict=True)]
        )
    metrics = gan.train_step(images).numpy()
    assert metrics[0] == pytest.approx(float(generator_loss), rel=1e-5)
    assert metrics[1] == pytest.approx(float(discriminator_loss), rel=1e-5)
    for network, values in zip((gan.generator, gan.discriminator), expected, strict=True):
        for variable, value in zip(network.trainable_variables, values, strict=True):
            np.testing.assert_allclose(variable.numpy(), value, atol=2e-6)


def test_alternating_moves_the_generator_through_the_new_discriminator():
    recipe = TINY.with_fields({"update_rule": "alternating", "ema_images": 0})
    gan, images = GAN(recipe, SHAPE, seed=3), random_images(8, SHAPE)
    fake = gan.generator(gan.draw_latents(8, tf.constant([3, 0], tf.int64)), training=True)
    old_loss = float(tf.reduce_mean(tf.nn.softplus(-gan.discriminator(fake, training=True))))
    metrics = gan.train_step(images).numpy()
    new_loss = float(tf.reduce_mean(tf.nn.softplus(-gan.discriminator(fake, training=True))))
    assert metrics[0] == pytest.approx(new_loss, rel=1e-4)
    assert metrics[0] != pytest.approx(old_loss, rel=1e-4)


def test_loss_gated_moves_only_the_network_that_is_behind():
    gan = GAN(get_recipe("tutorial").with_fields({"update_rule": "loss_gated", "width": 4}), (28, 28, 1))
    step, moves = tf.function(gan.train_step), set()
    for index in range(12):
        before = values_of(gan.generator.trainable_variables), values_of(gan.discriminator.trainable_variables)
        generator_loss, discriminator_loss, *_ = step(random_images(8, (28, 28, 1), index)).numpy()
        moved = (
            changed(before[0], gan.generator.trainable_variables),
            changed(before[1], gan.discriminator.trainable_variables),
        )
        assert moved == (generator_loss > discriminator_loss, generator_loss <= discriminator_loss)
        moves.add(moved)
    assert (False, True) in moves


def test_several_discriminator_steps_for_each_generator_step():
    recipe = TINY.with_fields({"discriminator_steps": 3, "loss": "wasserstein", "ema_images": 0})
    gan = GAN(recipe, SHAPE)
    step, moved = tf.function(gan.train_step), []
    for index in range(6):
        before = values_of(gan.generator.trainable_variables)
        step(random_images(8, SHAPE, index))
        moved.append(changed(before, gan.generator.trainable_variables))
    assert moved == [False, False, True, False, False, True]


def test_the_average_follows_all_weights_with_a_ramp():
    recipe = TINY.with_fields({"ema_images": 24, "ema_rampup": 0.5})  # the ramp ends at step 6
    gan = GAN(recipe, SHAPE)
    names = [w.path for w in gan.averaged_generator.weights]
    assert any("moving_variance" in name for name in names)
    expected = values_of(gan.generator.weights)
    for step in range(1, 9):
        gan.train_step(random_images(8, SHAPE, step))
        beta = 0.5 ** (8 / min(24, 0.5 * 8 * step))
        expected = [w.numpy() + beta * (e - w.numpy()) for e, w in zip(expected, gan.generator.weights, strict=True)]
    for average, value in zip(gan.averaged_generator.weights, expected, strict=True):
        np.testing.assert_allclose(average.numpy(), value, rtol=1e-4, atol=1e-6)
    assert gan.sampling_generator is gan.averaged_generator
    assert GAN(TINY.with_fields({"ema_images": 0}), SHAPE).sampling_generator.name == "generator"


def test_latents_follow_the_recipe():
    recipe = Recipe(latent_dim=50, latent_mean=0.3, latent_std=0.4, width=2)
    latents = GAN(recipe, (28, 28, 1)).draw_latents(2000, tf.constant([0, 1], tf.int64)).numpy()
    assert latents.mean() == pytest.approx(0.3, abs=0.01) and latents.std() == pytest.approx(0.4, abs=0.01)
    uniform = Recipe(latent_dim=50, latent_distribution="uniform", width=2)
    latents = GAN(uniform, (28, 28, 1)).draw_latents(2000, tf.constant([0, 1], tf.int64)).numpy()
    assert -1 <= latents.min() < -0.99 and 0.99 < latents.max() <= 1


def test_each_step_draws_other_latents_and_the_same_seed_the_same():
    first, second = (GAN(TINY, SHAPE, seed=5) for _ in range(2))
    for index in range(3):
        images = random_images(8, SHAPE, index)
        assert np.array_equal(first.train_step(images).numpy(), second.train_step(images).numpy())
    other = GAN(TINY, SHAPE, seed=6)
    assert not np.array_equal(other.generator.weights[0].numpy(), GAN(TINY, SHAPE, seed=5).generator.weights[0].numpy())


def test_clipping_and_decay_reach_the_optimizer():
    gan = GAN(TINY.with_fields({"optimizer": "rmsprop", "clip_value": 1.0, "learning_rate_decay": 0.5}), SHAPE)
    assert gan.generator_optimizer.clipvalue == 1.0
    gan.step.assign(4)
    assert float(gan.generator_optimizer.learning_rate) == pytest.approx(1e-3 / (1 + 0.5 * 4))


def test_all_state_is_among_the_variables():
    gan = GAN(RECIPES["vrdl"].with_fields({"width": 2, "ema_images": 10}), (64, 64, 3))
    names = " ".join(getattr(v, "path", v.name) for v in gan.variables.values())
    assert "seed_generator_state" in names and "moving_mean" in names and "momentum" in names and "step" in names


# Each way and each penalty, several of them in one.
SMOOTH = {"discriminator_batch_norm": False}
TOOLBOX = {
    "everything D is shown": {
        "augment": "color,translation,cutout",
        "horizontal_flips": True,
        "instance_noise": 0.1,
        "instance_noise_images": 1000,
        "real_label_low": 0.9,
        "label_noise": 0.1,
        "ema_images": 500,
    },
    "noise that follows D, one batch for both": {
        "instance_noise": 0.4,
        "instance_noise_images": 100,
        "instance_noise_target": 0.5,
        "discriminator_batch": "together",
    },
    "wgan-gp": {"loss": "wasserstein", "gradient_penalty": 10, "discriminator_steps": 2, **SMOOTH},
    "r1, simultaneous": {"r1_gamma": 1, "r1_every": 2, "update_rule": "simultaneous", **SMOOTH},
    "both penalties, alternating": {"r1_gamma": 1, "r1_every": 2, "gradient_penalty": 1, **SMOOTH},
    "relativistic": {"loss": "relativistic", "r1_gamma": 1, "r2_gamma": 1, "penalty_sigma": 0.1, **SMOOTH},
    "R1 by differences, one batch for both, feature matching": {
        "r1_gamma": 1,
        "penalty_sigma": 0.1,
        "discriminator_batch": "together",
        "feature_matching": 1.0,
    },
    "spectral, gated": {"spectral_norm": True, "loss": "hinge", "update_rule": "loss_gated", **SMOOTH},
    "bfloat16": {"precision": "bfloat16"},
    "float16": {"precision": "float16", "minibatch_std": True},
}


@pytest.mark.parametrize("changes", TOOLBOX.values(), ids=TOOLBOX)
def test_the_toolbox_trains_and_all_its_state_is_saved(changes):
    """Three steps, the last two twice: with all variables as they were after the first, the same numbers again."""
    recipe, shape = TINY.with_fields(changes), (8, 8, 3)
    gan = GAN(recipe, shape, seed=1)
    step = _compiled(gan, shape)
    assert np.isfinite(step(random_images(8, shape))).all()
    saved = {name: np.asarray(v).copy() for name, v in gan.variables.items()}
    rounds = []
    for _ in range(2):
        for name, variable in gan.variables.items():
            variable.assign(saved[name])
        metrics = [step(random_images(8, shape, index)).numpy() for index in (1, 2)]
        rounds.append([*metrics, *values_of(gan.variables.values())])
    assert all(np.array_equal(once, again) for once, again in zip(*rounds, strict=True))
    assert_no_long_sums(step)
    assert keras.config.dtype_policy().name == "float32"  # what it was before


def test_spectral_norm_holds_after_each_step():
    gan = GAN(TINY.with_fields({"spectral_norm": True, "discriminator_batch_norm": False}), SHAPE)
    step = tf.function(gan.train_step)
    for index in range(5):
        step(random_images(8, SHAPE, index))
    for kernel in gan.spectral_norm.kernels:
        matrix = np.asarray(kernel).reshape(-1, kernel.shape[-1])
        assert np.isclose(np.linalg.norm(matrix, 2), 1, atol=0.05)


def test_the_penalty_is_in_the_gradient_and_not_in_the_logged_loss():
    alone = {"discriminator_batch_norm": False}
    recipes = [TINY.with_fields({**alone, "r1_gamma": gamma}) for gamma in (0.0, 1e4)]
    plain, strict = (GAN(recipe, SHAPE, seed=2) for recipe in recipes)
    images = random_images(8, SHAPE)
    first = [gan.train_step(images).numpy()[1] for gan in (plain, strict)]
    assert first[0] == first[1]
    assert changed(values_of(plain.discriminator.trainable_variables), strict.discriminator.trainable_variables)


def test_minibatch_std_is_one_feature_map_and_saves_without_this_package(tmp_path):
    gan = GAN(TINY.with_fields({"minibatch_std": True}), SHAPE)
    images = np.random.default_rng(0).uniform(-1, 1, (8, *SHAPE)).astype(np.float32)
    gan.discriminator.save(tmp_path / "d.keras")
    again = keras.saving.load_model(tmp_path / "d.keras")
    np.testing.assert_allclose(again(images), gan.discriminator(images), rtol=1e-5)
    flatten = next(layer for layer in gan.discriminator.layers if isinstance(layer, keras.layers.Flatten))
    added = keras.Model(gan.discriminator.inputs[0], flatten.input)(images).numpy()
    features, deviation = added[..., :-1], added[..., -1]
    np.testing.assert_allclose(deviation, np.sqrt(features.var(0) + 1e-8).mean(), rtol=1e-5)


def test_of_a_batch_that_holds_both_each_half_has_its_own_minibatch_std():
    gan = GAN(TINY.with_fields({"minibatch_std": True, "discriminator_batch": "together"}), SHAPE)
    random = np.random.default_rng(0)
    flatten = next(layer for layer in gan.discriminator.layers if isinstance(layer, keras.layers.Flatten))
    added = keras.Model(gan.discriminator.inputs[0], flatten.input)
    for count, first in ((8, 4), (5, 3), (1, 1)):
        images = random.uniform(-1, 1, (count, *SHAPE)).astype(np.float32)
        images[first:] = images[-1]  # generated ones, all alike
        features, deviation = np.split(added(images).numpy(), [-1], axis=-1)
        np.testing.assert_allclose(deviation[:first], np.sqrt(features[:first].var(0) + 1e-8).mean(), rtol=1e-4)
        np.testing.assert_allclose(deviation[first:], 1e-4, rtol=1e-2)


def test_schedules_are_counted_in_images():
    for name, half_way in (("linear", 0.55), ("cosine", 0.55)):
        changes = {"learning_rate_schedule": name, "learning_rate_images": 800, "learning_rate_floor": 0.1}
        gan = GAN(TINY.with_fields(changes), SHAPE)  # batches of 8: 100 steps
        rates = []
        for step in (0, 50, 100, 500):
            gan.step.assign(step)
            rates.append(float(gan.generator_optimizer.learning_rate))
        np.testing.assert_allclose(rates, 1e-3 * np.array([1, half_way, 0.1, 0.1]), rtol=1e-5)


@pytest.mark.parametrize(
    "changes", [{"discriminator_steps": 5}, {"update_rule": "loss_gated"}, {"learning_rate_decay": 0.5}]
)
def test_both_rates_follow_the_training_and_not_each_networks_own_updates(changes):
    """With several steps of D for one of G, or one network at a time, an optimizer makes fewer updates than steps."""
    falling = {"learning_rate_schedule": "linear", "learning_rate_images": 80}  # batches of 8: 10 steps
    small = RECIPES["gwu"].with_fields({"width": 2, "latent_dim": 4, "batch_size": 8, "learning_rate": 1e-3})
    recipe = small.with_fields(changes if "learning_rate_decay" in changes else {**falling, **changes})
    gan = GAN(recipe, SHAPE)
    step = tf.function(gan.train_step)
    for index in range(5):
        step(random_images(8, SHAPE, index))
    rates = [float(o.learning_rate) for o in (gan.generator_optimizer, gan.discriminator_optimizer)]
    np.testing.assert_allclose(rates, 1e-3 / 3.5 if "learning_rate_decay" in changes else 0.5e-3, rtol=1e-5)
    if "learning_rate_decay" not in changes:
        for index in range(5, 10):
            step(random_images(8, SHAPE, index))
        ended = values_of([*gan.generator.trainable_variables, *gan.discriminator.trainable_variables])
        for index in range(5):
            step(random_images(8, SHAPE, index))
        assert not changed(ended, [*gan.generator.trainable_variables, *gan.discriminator.trainable_variables])


def test_one_batch_for_both_has_one_set_of_statistics():
    """D then sees what all generated images share: its logits of them depend on the real images beside them."""
    apart, together = (GAN(TINY.with_fields({"discriminator_batch": way}), SHAPE) for way in ("apart", "together"))
    real, other, fake = (to_model_range(tf.cast(random_images(8, SHAPE, seed), tf.float32)) for seed in range(3))
    assert np.array_equal(apart.judge_both(real, fake)[1], apart.judge_both(other, fake)[1])
    assert not np.allclose(together.judge_both(real, fake)[1], together.judge_both(other, fake)[1])
    one_batch = together.discriminator(tf.concat([real, fake], 0), training=True)
    np.testing.assert_allclose(tf.concat(together.judge_both(real, fake)[:2], 0), one_batch, rtol=1e-4, atol=1e-5)
    assert together.train_step(random_images(8, SHAPE)).shape == (4,)


def test_ds_first_statistics_can_be_apart_in_one_batch_for_both():
    """Paler generated images are the same to D then, but for the deeper layers' company."""
    recipe, shape = get_recipe("quick").with_fields({"width": 2, "latent_dim": 4, "instance_noise": 0}), (28, 28, 1)
    real, fake = (to_model_range(tf.cast(random_images(8, shape, seed), tf.float32)) for seed in range(2))
    paler = {}
    for way in ("apart", "first_apart", "together"):
        gan = GAN(recipe.with_fields({"discriminator_batch": way, "initial_std": 0.5}), shape)
        bare, shown = (gan.judge_both(*images)[1].numpy() for images in ((real, fake), (real, 0.5 * fake)))
        paler[way] = np.std(shown - bare) / np.std(bare)
        beside_flat_ones = gan.judge_both(tf.ones_like(real) * real[:, :1, :1], fake)[1].numpy()
        assert np.allclose(beside_flat_ones, bare, rtol=0.01) == (way == "apart")
    assert paler["first_apart"] < 0.1 * paler["together"], paler
    assert gan.train_step(random_images(8, shape)).shape == (4,)


def test_ds_first_statistics_are_apart_until_so_many_images_are_seen():
    """Before, and from then on, D's answers and what G hears of them are those of the one and of the other way."""
    recipe, shape = get_recipe("quick").with_fields({"width": 2, "latent_dim": 4, "instance_noise": 0}), (28, 28, 1)
    real, fake = (to_model_range(tf.cast(random_images(8, shape, seed), tf.float32)) for seed in range(2))
    ways = {
        "first_apart": {"discriminator_batch": "first_apart"},
        "soon": {"discriminator_batch": "first_apart", "first_apart_images": 16},
        "together": {"discriminator_batch": "together"},
    }
    answers = {}
    for way, fields in ways.items():
        gan = GAN(recipe.with_fields({**fields, "initial_std": 0.5, "batch_size": 8}), shape)
        for step in range(3):
            gan.step.assign(step)
            with tf.GradientTape() as tape:
                tape.watch(fake)
                logits = tf.concat(gan.judge_both(real, fake)[:2], 0)
                told = tf.reduce_sum(logits[8:])
            answers[way, step] = np.concatenate([np.ravel(x) for x in (logits, 100 * tape.gradient(told, fake))])
    for step, way in enumerate(("first_apart", "first_apart", "together")):
        np.testing.assert_allclose(answers["soon", step], answers[way, step], rtol=1e-3, atol=1e-3)
        other = {"first_apart": "together", "together": "first_apart"}[way]
        assert not np.allclose(answers["soon", step], answers[other, step], rtol=0.1, atol=0.1)


def test_the_weight_of_ds_loss_is_in_its_gradient_alone():
    fields = {"optimizer": "rmsprop", "clip_value": 1e-9, "discriminator_batch_norm": False}
    whole, tiny = (GAN(TINY.with_fields({**fields, "discriminator_loss_weight": w}), SHAPE) for w in (1.0, 1e-12))
    losses = [gan.train_step(random_images(8, SHAPE)).numpy()[1] for gan in (whole, tiny)]
    assert losses[0] == losses[1]
    assert changed(values_of(whole.discriminator.trainable_variables), tiny.discriminator.trainable_variables)


def test_xla_compiles_quick_in_colour_with_short_floats_too():
    """What the README names for GPUs, on the generator that enlarges smoothly: its kernel is of float32 alone.

    Both networks with their gradients, once each: XLA compiles each pass anew, and refuses one mixture in any of them.
    """
    once = {"update_rule": "simultaneous", "discriminator_batch": "first_apart", "ema_images": 0, "instance_noise": 0}
    changes = {"width": 2, "latent_dim": 4, "batch_size": 4, "jit_compile": True, "precision": "bfloat16", **once}
    gan = GAN(get_recipe("quick").with_fields(changes), (28, 28, 3), seed=3)
    weights = gan.generator.trainable_variables, gan.discriminator.trainable_variables
    before = [values_of(variables) for variables in weights]
    assert np.isfinite(tf.function(gan.train_step, jit_compile=True)(random_images(4, (28, 28, 3)))).all()
    assert all(changed(*pair) for pair in zip(before, weights, strict=True))


# With XLA: what once could not be compiled, and each rule; the gated one with the scaled losses of float16.
GATED = {"update_rule": "loss_gated", "label_noise": 0.1, "augment": "translation", "ema_images": 500}
COMPILED = {
    "R1 now and then, two steps of D": {"discriminator_steps": 2, "r1_gamma": 1, "r1_every": 2, **SMOOTH},
    "gated, in float16": {"precision": "float16", **GATED},
}


@pytest.mark.parametrize("changes", COMPILED.values(), ids=COMPILED)
def test_xla_compiles_the_step_and_trains(changes):
    recipe, shape = TINY.with_fields({"width": 2, "jit_compile": True, **changes}), SHAPE
    gan = GAN(recipe, shape, seed=3)
    step = tf.function(gan.train_step, jit_compile=True)
    weights = [*gan.generator.trainable_variables, *gan.discriminator.trainable_variables]
    before = values_of(weights)
    for index in range(3):
        assert np.isfinite(step(random_images(8, shape, index))).all()
    assert int(gan.step) == 3 and changed(before, weights)
