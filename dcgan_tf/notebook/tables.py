"""What the notebooks show of a run's quality: a table with its protocol, a metric's curve, the nearest real images.

The alarms as text are alarm_log.alarm_report.
"""

import html

import numpy as np

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.evaluation import alarms
from dcgan_tf.evaluation.evaluate import notes, table, table_frame
from dcgan_tf.evaluation.label_report import label_frame
from dcgan_tf.evaluation.metrics import describe_value
from dcgan_tf.evaluation.neighbours import nearest_real
from dcgan_tf.pictures.picture import Picture
from dcgan_tf.pictures.tables import as_html
from dcgan_tf.run.directory import Run
from dcgan_tf.run.sampling import sample
from dcgan_tf.training import monitor

_LOOKED_AT = 500  # generated images, of which the most suspicious are shown

_MEANING = {
    "fid": "how far apart the clouds of real and generated features are, by mean and covariance",
    "inception_score": "each image is clearly of one class, and all classes occur",
    "frechet_distance": "how far apart the clouds of real and generated features are, by mean and covariance",
    "kid": "the same without assuming a Gaussian, and fair to few samples",
    "kernel_distance": "the same without assuming a Gaussian, and fair to few samples",
    "classifier_score": "each image is clearly of one class, and all classes occur",
    "precision": "the share of generated images that look like some real one: quality",
    "recall": "the share of real images that some generated one looks like: variety",
    "density": "as precision, but an image among many real ones counts more",
    "coverage": "as recall, but a single outlier is no help",
    "classes_covered": "how many classes (or attributes) are drawn at least a tenth as often as they occur",
    "classifier_confidence": "how sure the classifier is what it sees",
    "label_agreement": "the classifier sees the class, or the attributes, that were asked for",
    "distance_within_classes": "the distance between real and generated images of one label, the mean over the labels",
    "grain_ratio": "unevenness from pixel to pixel: 1 as in real images, above 1 grain, below 1 too smooth",
    "intensity_divergence": "of brightness and contrast alone, 0 to 0.69; knows no shapes",
    "divergence_bound": "D's own loss proves the Jensen-Shannon divergence to be at least this, 0 to 0.69",
}


class EvaluationTable:
    """One evaluation: a table in a notebook, text elsewhere; each number with what it was measured with.

    frame: the same as a pandas DataFrame of numbers and texts, a row per metric, to be sorted and filtered. Its columns
    `real` and `noise` are what real images, and noise, give in the place of generated ones.
    """

    def __init__(self, line: dict):
        self.line = line
        results = line["metrics"].values()
        frame = table_frame(line).set_index("metric").rename(columns={"better": "better is"})
        frame["value"] = [result["mean"] for result in results]
        for what in {"real", "noise"} & {*frame}:
            frame[what] = [line["yardsticks"][what].get(title, np.nan) for title in frame.index]
        if any("std" in result for result in results):
            frame.insert(1, "std", [result.get("std", np.nan) for result in results])
        frame.insert(frame.columns.get_loc("better is") + 1, "what it says", [_MEANING.get(n, "") for n in frame.index])
        self.frame = frame

    def __repr__(self):
        return table(self.line)

    def _repr_html_(self):
        shown = self.frame.reset_index()
        for name in {"value", "std", "real", "noise"} & {*shown}:
            shown[name] = ["" if np.isnan(number) else describe_value(number) for number in shown[name]]
        page = as_html(shown, bold=[(row, "value") for row in range(len(shown))])
        page = page.replace("<td>", '<td style="text-align: left">')  # texts, most of them, and Jupyter would not
        if "labels" in self.line:
            page += as_html(label_frame(self.line["labels"]))
        return page + "".join(f"<p>{html.escape(note)}</p>" for note in notes(self.line))


def metric_curve(run: Run) -> Picture:
    """The first metric over the steps of a training that was evaluated; otherwise a picture that says so."""
    if any(line.get("while_training") for line in run.metrics()):
        return monitor.draw_curve(run)
    figure = Picture(figsize=(7, 0.5))
    text = "not evaluated while training: evaluate_every gives the steps between"
    figure.text(0, 0.5, text, va="center", fontsize=11)
    return figure


def nearest_real_images(run: Run, dataset: Dataset, count: int = 12, seed: int = 0) -> Picture:
    """Of 500 generated images, those that are most like a training image: each beside that image.

    The distance is that of averaged pixels (see features.py), relative to how far that real image is from its own
    nearest neighbour. Copies have 0; new real images hardly ever less than alarms.COPY.
    """
    images = sample(run.path, _LOOKED_AT, seed)
    rows, ratios = nearest_real(images, dataset)
    first = np.argsort(ratios, kind="stable")[:count]
    return alarms.neighbour_sheet(images[first], dataset.images, rows[first], ratios[first])
