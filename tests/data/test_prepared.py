"""Opening what was prepared."""

import io
import json

import numpy as np
import pytest
from drawn_pictures import Drawn, content, draw

from dcgan_tf.data.prepared import read_prepared
from dcgan_tf.data.preparing import prepare
from dcgan_tf.system.errors import UserError


def test_a_damaged_prepared_dataset_is_one_line(tmp_path):
    target = prepare(
        tmp_path / "out", Drawn(10), draw, settings={}, labels=np.arange(10), label_names="abcdefghij", workers=1
    )
    whole = content(target)
    metadata = json.loads(whole["dataset.json"])
    npy = io.BytesIO()
    np.save(npy, np.zeros((9, 4, 6, 1), np.float32))
    pickled = io.BytesIO()
    np.save(pickled, np.array([{}], object), allow_pickle=True)
    for name, data, reason in [
        ("images.npy", None, "not whole: images.npy is missing"),
        ("labels.npy", None, "not whole: labels.npy is missing"),
        ("dataset.json", None, "not a prepared dataset"),
        ("images.npy", whole["images.npy"][:-1], "damaged, images.npy: it has 343 bytes instead of 344"),
        ("images.npy", whole["images.npy"][:20], "damaged, images.npy"),
        ("images.npy", b"", "damaged, images.npy"),
        ("images.npy", b"x" * 400, "damaged, images.npy"),
        ("images.npy", npy.getvalue(), r"damaged, images.npy: it holds float32 \[9, 4, 6, 1\]"),
        ("images.npy", pickled.getvalue(), "damaged, images.npy"),
        ("labels.npy", pickled.getvalue(), "damaged, labels.npy"),
        ("labels.npy", npy.getvalue(), "damaged, labels.npy"),
        ("dataset.json", b"{", "damaged, dataset.json"),
        ("dataset.json", b"[]", "damaged, dataset.json"),
        ("dataset.json", json.dumps({**metadata, "format": 99}).encode(), "its format is 99, not 1"),
        ("dataset.json", json.dumps({**metadata, "image_shape": [8, 8, 3]}).encode(), "damaged, images.npy: its shape"),
    ]:
        (target / name).unlink()
        if data is not None:
            (target / name).write_bytes(data)
        with pytest.raises(UserError, match=reason) as caught:
            read_prepared(target)
        assert "\n" not in str(caught.value)
        (target / name).write_bytes(whole[name])
    opened = read_prepared(target)
    changed = bytearray(whole["images.npy"])
    changed[-1] ^= 1
    (target / "images.npy").write_bytes(changed)
    with pytest.raises(UserError, match="its content has changed"):
        opened.verify()
