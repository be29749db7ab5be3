"""The real images nearest to generated ones, part by part."""

import numpy as np
import pytest

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.evaluation import neighbours
from dcgan_tf.evaluation.alarms import RealNeighbours
from dcgan_tf.evaluation.features import feature_network


class Watched:
    """Stored images that note how many were asked for at once."""

    def __init__(self, images):
        self.images, self.shape, self.dtype, self.ndim, self.most = images, images.shape, images.dtype, 4, 0

    def __len__(self):
        return len(self.images)

    def __getitem__(self, rows):
        found = self.images[rows]
        self.most = max(self.most, len(found))
        return found


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_part_by_part_finds_what_all_at_once_does(at_once, monkeypatch):
    monkeypatch.setattr(neighbours, "_AT_ONCE", at_once)
    random = np.random.default_rng(0)
    real = random.integers(0, 256, (31, 8, 8, 1)).astype(np.uint8)
    generated = random.integers(0, 256, (9, 8, 8, 1)).astype(np.uint8)
    generated[4] = real[20]  # a copy
    real[12] = real[3]  # two real ones alike
    images = Watched(real)
    dataset = Dataset("noise", real, fingerprint="noise")
    object.__setattr__(dataset, "images", images)
    rows, ratios = neighbours.nearest_real(generated, dataset)
    network = feature_network("pixels", dataset)
    wanted_rows, wanted = RealNeighbours(network(real)[0]).nearest_to(network(generated)[0])
    np.testing.assert_array_equal(rows, wanted_rows)
    np.testing.assert_allclose(ratios, wanted)
    assert rows[4] == 20 and ratios[4] == 0 and images.most <= max(at_once, 9)
    found, near = neighbours.RealImages(dataset, most=100).nearest_to(generated)
    np.testing.assert_array_equal(found, real[wanted_rows])
    np.testing.assert_allclose(near, wanted)
    assert images.most <= max(at_once, 9)
    few = neighbours.RealImages(dataset, most=3)
    assert few.rows.tolist() == [0, 15, 30] and np.array_equal(few.nearest_to(real[15:16])[0], real[15:16])
