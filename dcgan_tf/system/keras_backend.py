"""Keras as this package needs it, whatever KERAS_BACKEND or a person's keras.json say.

Every module takes Keras from here: `from dcgan_tf.system.keras_backend import keras`. It runs on TensorFlow, images are
[N, H, W, C], numbers float32. These are settings of this process; the file keras.json is not touched. (Which backend
it is must be known before TensorFlow is imported, so the package's __init__.py sets that.)
"""

from dcgan_tf.system.errors import UserError

_REMEDY = "start Python anew with KERAS_BACKEND=tensorflow, or import dcgan_tf before keras and tensorflow"

try:
    import keras
    from keras import layers, ops
except ImportError as error:  # of jax or torch, which TensorFlow's own import of Keras asked for
    raise UserError(f"Keras cannot be imported ({error}): {_REMEDY}") from error

if keras.config.backend() != "tensorflow":
    raise UserError(f"Keras runs on {keras.config.backend()!r}, but these networks need TensorFlow: {_REMEDY}")
keras.config.set_image_data_format("channels_last")
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)

__all__ = ["keras", "layers", "ops"]
