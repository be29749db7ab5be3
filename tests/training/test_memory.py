"""train() again and again in one process: nothing of a training outlives it."""

import gc
import weakref

from tensorflow.python.framework.func_graph import FuncGraph

from dcgan_tf.game.gan import GAN
from dcgan_tf.training import train as module
from dcgan_tf.training.progress import NoProgress
from dcgan_tf.training.train import train

# Much of what a GAN can have, of the smallest size.
CHANGES = {"image_size": 8, "width": 4, "latent_dim": 8, "batch_size": 20, "grid_images": 4, "ema_images": 500.0,
           "instance_noise": 0.1, "augment": "translation", "optimizer": "rmsprop", "precision": "float16",
           "discriminator_steps": 2}  # fmt: skip


def graphs():
    """How many traced functions are alive: a kept one holds all that a training computed with."""
    return sum(isinstance(found, FuncGraph) for found in gc.get_objects())


def test_a_training_leaves_nothing_in_memory(tmp_path, monkeypatch):
    alive, kept = [], []

    class Watched(GAN):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            owners = [self, self.generator, self.discriminator, self.generator_optimizer, self.step]
            alive.extend(weakref.ref(owner) for owner in [*owners, *self.generator.variables])

    monkeypatch.setattr(module, "GAN", Watched)
    for number in range(2):
        train("gwu", "fake", tmp_path / str(number), steps=2, overrides=CHANGES, progress=NoProgress())
        gc.collect()
        assert len(alive) >= 10 * (number + 1)
        assert [found for found in alive if found() is not None] == []
        kept.append(graphs())
    assert kept[1] == kept[0]
