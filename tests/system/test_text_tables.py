"""Tables for a terminal."""

import pandas as pd

from dcgan_tf.system.text_tables import as_text


def test_texts_stand_left_numbers_right_and_nothing_is_cut():
    frame = pd.DataFrame({"name": ["a", "longer"], "count": [5, 12345], "rate": [0.5, 2e-5], "about": ["x" * 300, "y"]})
    assert as_text(frame).splitlines() == [
        "name     count   rate  about",
        "a            5    0.5  " + "x" * 300,
        "longer  12,345  2e-05  y",
    ]
