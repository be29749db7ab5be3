"""Planted profiles: what is moved, what the played detector says of it, what passes the filter."""

import numpy as np
import pytest

from data_prep.turned import TOLD, through_filter, turned_away
from dcgan_tf.data.dataset import Dataset
from dcgan_tf.system.errors import UserError

# Columns that count up, so that a moved picture says by how many pixels and to which side.
COUNTING = np.broadcast_to(np.arange(20, dtype=np.uint8)[None, None, :, None], (400, 20, 20, 3)).copy()


def test_half_of_the_pictures_lose_up_to_half_of_their_width():
    data = Dataset("x", COUNTING, np.zeros((400, 1), int), ["Hat"])
    turned, sureness = turned_away(data)
    first = turned.images[: len(turned)][:, 0, 10, 0].astype(int) - 10
    assert 0.4 < (first == 0).mean() < 0.6 and first.min() >= -10 and first.max() <= 9 and (first < 0).any()
    whole = turned.labels[:, 1] == 1
    assert turned.label_names == ("Hat", *TOLD) and (abs(first[whole]) <= 1).all() and (abs(first) > 1).any()
    assert ((first > 1) <= (turned.labels[:, 2] == 1)).all() and (turned.labels[:, 1:].sum(axis=1) == 1).all()
    edge = turned.images[int(np.argmax(first))][0, :, 0]
    assert edge[-1] == edge[-2] == 19  # what is not known repeats the last column
    assert abs(sureness[first == 0].mean() - 1) < 0.05 and sureness[abs(first) > 8].mean() < 0.3
    assert np.array_equal(turned_away(data)[1], sureness) and (data.images[0] == COUNTING[0]).all()


def test_classes_and_nameless_attributes():
    for labels, names in ((np.arange(400) % 3, TOLD), (np.zeros((400, 2), int), ("0", "1", *TOLD)), (None, TOLD)):
        turned, _ = turned_away(Dataset("x", COUNTING, labels))
        assert turned.label_names == names and turned.labels.shape == (400, len(names))


def test_a_stricter_filter_keeps_fewer_and_more_complete_ones():
    turned, sureness = turned_away(Dataset("x", COUNTING, np.zeros((400, 1), int), ["Hat"]))
    kept = [through_filter(turned, sureness, threshold) for threshold in (0, 0.6, 0.9)]
    assert len(kept[0]) > 380 > len(kept[1]) > len(kept[2]) > 100
    shares = [data.labels[:, 1].mean() for data in kept]
    assert shares[0] < 0.65 and shares[2] > 0.9 and shares == sorted(shares)
    assert len({data.fingerprint for data in kept}) == 3
    with pytest.raises(UserError, match=r"^filter_above=5 drops all 400 images: .* at most 1\.\d\d sure, give less"):
        through_filter(turned, sureness, 5)
