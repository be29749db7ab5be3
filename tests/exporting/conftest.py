"""A run to export, as train() leaves it, but with a generator of random weights: nothing is trained."""

import pytest
from generators import begun_run, shaken_generator

from dcgan_tf.exporting.onnxruntime_web import runtime_files
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.system.errors import UserError

RUN = {"width": 4, "latent_dim": 8, "image_size": 32, "channels": 3}
RUN |= {"latent_distribution": "uniform", "latent_mean": 0.25, "latent_std": 0.8}


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A run of colour images from uniform latents, with a name that must be escaped."""
    recipe = RECIPES["quick"].with_fields(RUN)
    run = begun_run(tmp_path_factory.mktemp("runs") / "<b>faces & 'co'", recipe)
    shaken_generator(recipe, run.path).rename(run.generator_path)
    return run


@pytest.fixture(scope="session")
def runtime():
    """ONNX Runtime's files are in this machine's cache, or can be downloaded."""
    try:
        return runtime_files(lambda text: None)
    except UserError as error:
        pytest.skip(f"the page was NOT tested, for want of ONNX Runtime's files: {error}")
