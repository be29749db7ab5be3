"""How much arithmetic a training step is, and how fast this machine multiplies matrices."""

import time

import keras
import tensorflow as tf


def multiply_adds(network):
    """Multiply-adds of each of a network's layers with a kernel, for one image, in order."""
    counts = []
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dense):
            counts.append(layer.kernel.shape[0] * layer.kernel.shape[1])
        elif isinstance(layer, keras.layers.Conv2DTranspose):
            counts.append(layer.input.shape[1] * layer.input.shape[2] * layer.kernel.shape.num_elements())
        elif isinstance(layer, keras.layers.Conv2D):
            counts.append(layer.output.shape[1] * layer.output.shape[2] * layer.kernel.shape.num_elements())
    return counts


def step_flops(recipe, generator, discriminator):
    """Floating-point operations of one step: those of convolutions and dense layers, two for a multiply-add.

    Forwards once, backwards once for the kernels and once for the inputs. No inputs of D's first layer are asked
    for when D learns, none of G's at all. `alternating` looks at the generated images once more than the others.
    """
    g, d = multiply_adds(generator), multiply_adds(discriminator)
    on_generator = 3 * sum(g) - g[0]
    on_real = on_fake = 3 * sum(d) - d[0]
    through = 2 * sum(d) if recipe.update_rule == "alternating" else sum(d)
    return 2 * recipe.batch_size * (on_generator + on_real + on_fake + through)


def matrix_multiply_rate(size=2048, seconds=2.0):
    """Floating-point operations a second of float32 matrices of size x size, the best of several."""
    matrix = tf.random.stateless_normal([size, size], [0, 0])
    multiply = tf.function(lambda a: tf.matmul(a, a))
    multiply(matrix)
    best, ends = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < ends:
        started = time.perf_counter()
        multiply(matrix).numpy()
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best
