"""Figures of a run against more images than it was trained on, by a classifier that is played."""

import numpy as np
import pytest
from generators import begun_run, shaken_generator

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.evaluation import latents
from dcgan_tf.evaluation.features import FeatureNetwork
from dcgan_tf.recipe.catalogue import RECIPES
from dcgan_tf.run.sampling import sample

GRAY = {"width": 4, "latent_dim": 8, "image_size": 28, "channels": 1, "latent_std": 0.8}


def test_the_share_with_an_attribute_and_the_rest_against_all_images(tmp_path, monkeypatch):
    recipe = RECIPES["quick"].with_fields(GRAY)
    run = begun_run(tmp_path / "run", recipe)
    shaken_generator(recipe, run.path).rename(run.generator_path)
    drawn = sample(run.path, 60, seed=0)
    limit = np.median(drawn[:, 3, 3, 0])

    def sees(images):
        bright = np.asarray(images)[:, 3, 3, 0] > limit
        return np.asarray(images, np.float32).reshape(len(images), -1)[:, :6], np.stack([~bright, bright], axis=1) * 1.0

    network = FeatureNetwork("classifier", "", "", 6, sees, label_names=("Dark", "Bright"), exclusive=False)
    monkeypatch.setattr(latents, "feature_network", lambda *_, **__: network)
    own = Dataset("own", drawn, np.eye(2, dtype=np.uint8)[np.arange(60) % 2], ["Dark", "Bright"])
    found = latents.quality_against(run, own, "Bright", samples=60)
    assert (
        found["share Bright"] == pytest.approx((drawn[:, 3, 3, 0] > limit).mean()) and 0.2 < found["share Bright"] < 0.8
    )
    assert found["distance against all"] == pytest.approx(0, abs=1e-3) and found["recall against all"] == 1
    other = own.changed(images=255 - drawn)
    assert latents.quality_against(run, other, "Bright", samples=60)["distance against all"] > 10
