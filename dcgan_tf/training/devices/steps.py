"""The compiled call in which a process makes some steps, on whatever devices there are."""

import tensorflow as tf


def compile_steps(gan, totals, dataset, devices):
    """A function (count) -> totals that makes so many training steps in one compiled call, from the GAN's next one on.

    The metrics are summed up in `totals` inside the graph, so that no step waits for Python to read a loss; how many
    steps a call makes changes no bit of the result.
    """
    ranks = None if devices.strategy is None else (devices.ranks, devices.replicas)
    batches = iter(dataset.batches(gan.recipe.batch_size, gan.seed, int(gan.step.numpy()), gan.is_conditional, ranks))
    compiled = traced(gan, totals, batches, devices)
    return lambda count: compiled(batches, tf.constant(count, tf.int64))


def traced(gan, totals, batches, devices):
    """The compiled call itself: (iterator of such batches, how many steps) -> totals."""
    step = tf.function(gan.train_step, jit_compile=True) if gan.recipe.jit_compile else gan.train_step

    @tf.function
    def run_steps(batches, count):
        for _ in tf.range(count):
            batch = next(batches)
            metrics = tf.cast(devices.run(step, batch if gan.is_conditional else [batch]), tf.float64)
            totals.assign_add(tf.concat([metrics, [1.0]], axis=0))
        return totals.read_value()

    return run_steps.get_concrete_function(batches, tf.TensorSpec([], tf.int64))
