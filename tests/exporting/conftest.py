"""A run to export, as train() leaves it, but with a generator of random weights: nothing is trained."""

import pytest
from generators import shaken_generator

from dcgan_tf.exporting.onnxruntime_web import runtime_files
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.run.directory import Run
from dcgan_tf.run.records import HISTORY_COLUMNS
from dcgan_tf.system.errors import UserError

RUN = {"width": 4, "latent_dim": 8, "image_size": 32, "channels": 3}
RUN |= {"latent_distribution": "uniform", "latent_mean": 0.25, "latent_std": 0.8}


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A run of colour images from uniform latents, with a name that must be escaped."""
    run = Run(tmp_path_factory.mktemp("runs") / "<b>faces & 'co'")
    run.path.mkdir()
    recipe = RECIPES["quick"].with_fields(RUN)
    dataset = {"name": "fake", "image_shape": [32, 32, 3]}
    run.write_config(
        {
            "recipe": recipe.as_dict(),
            "dataset": dataset,
            "seed": 0,
            "log_every": 50,
            "steps_per_epoch": 10,
            "length": {},
        }
    )
    run.append_row(dict.fromkeys(HISTORY_COLUMNS, 1))
    shaken_generator(recipe, run.path).rename(run.generator_path)
    return run


@pytest.fixture(scope="session")
def runtime():
    """ONNX Runtime's files are in this machine's cache, or can be downloaded."""
    try:
        return runtime_files(lambda text: None)
    except UserError as error:
        pytest.skip(f"the page was NOT tested, for want of ONNX Runtime's files: {error}")
