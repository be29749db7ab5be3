"""An evaluation as a table: numbers to sort by, and their protocol beside each."""

import numpy as np

from dcgan_tf.notebook.tables import EvaluationTable

LINE = {
    "features": {"name": "classifier", "description": "classifier of <b>"},
    "samples": 2000,
    "seeds": [0, 1],
    "generator": "averaged",
    "real": {"images": 5000, "dataset": "mnist5k", "split": "all training images"},
    "metrics": {
        "frechet_distance": {"mean": 14.8642, "std": 0.25},
        "precision": {"mean": 0.75, "std": 0.01},
        "intensity_divergence": {"mean": 0.0321},
    },
    "missing_classes": ["7"],
}


def test_numbers_can_be_sorted_and_each_has_its_protocol():
    frame = EvaluationTable(LINE).frame
    assert frame.sort_values("value").index.tolist() == ["intensity_divergence", "precision", "frechet_distance"]
    assert frame.loc["precision", "better is"] == "larger" and frame.loc["frechet_distance", "std"] == 0.25
    assert np.isnan(frame.loc["intensity_divergence", "std"])
    assert frame.loc["intensity_divergence", "features"] == "the pixels"
    assert set(frame["real images"]) == {"5,000 of mnist5k, all training images"}


def test_the_page_is_escaped_and_says_what_is_missing():
    page = EvaluationTable(LINE)._repr_html_()
    assert "classifier of <b>" not in page and "classifier of &lt;b&gt;" in page
    assert "missing classes: 7" in page and "frechet_distance is no FID" in page
    assert ">0.7500<" in page.replace("<b>", "").replace("</b>", "") and "nan" not in page.lower()
    assert "14.86" in repr(EvaluationTable(LINE))
