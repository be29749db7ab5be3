"""TensorBoard logs of a run, on request: RUN/tensorboard/ holds what the run directory holds, no more.

tensorboard --logdir results        # pip install tensorboard: only looking needs it, writing does not
"""

import os
import shutil

import tensorflow as tf

from dcgan_tf.data.decoding import decode
from dcgan_tf.run.directory import Run
from dcgan_tf.run.records import HISTORY_COLUMNS


class TensorBoardLog:
    """The log of a run: begun anew with all that is recorded so far, then added to row by row, grid by grid.

    So a training that was killed and resumed, extended, or logged only from its second half on, has the log
    of one that was not: no step twice, none missing.
    """

    def __init__(self, run: Run):
        self.run = run
        shutil.rmtree(run.tensorboard_path, ignore_errors=True)
        self.writer = tf.summary.create_file_writer(os.fsencode(run.tensorboard_path))
        rows = run.rows()
        for row in rows:
            self.add_row(row)
        for path, step in zip(run.grids(), run.grid_steps(), strict=True):
            self.add_grid(step, path)
        for line in run.metrics():
            self.add_scores(line)

    def add_row(self, row: dict):
        """A row of history.csv."""
        with self.writer.as_default():
            for name in HISTORY_COLUMNS[2:]:
                _write_scalar(f"training/{name}", row[name], row["step"])
        self.writer.flush()

    def add_grid(self, step: int, path):
        """A recorded grid: the PNG as it is."""
        height, width = decode(path).shape[:2]
        parts = tf.constant([str(width).encode(), str(height).encode(), path.read_bytes()])
        with self.writer.as_default():
            tf.summary.write("grid", parts, step, _metadata("images", "DATA_CLASS_BLOB_SEQUENCE"))
        self.writer.flush()

    def add_scores(self, line: dict):
        """A line of metrics.jsonl."""
        kind = "evaluation_while_training" if line.get("while_training") else "evaluation"
        with self.writer.as_default():
            for title, result in line["metrics"].items():
                _write_scalar(f"{kind}/{title}", result["mean"], line.get("step", 0))
        self.writer.flush()

    def close(self):
        self.writer.close()


# tf.summary.scalar and .image live in the package tensorboard; what they write is this (tensorboard's
# plugins/scalar/metadata.py and plugins/image/metadata.py), and needs TensorFlow only.


def _write_scalar(tag, value, step):
    tf.summary.write(tag, tf.constant(value, tf.float32), step, _metadata("scalars", "DATA_CLASS_SCALAR"))


def _metadata(plugin, data_class):
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = plugin
    metadata.data_class = metadata.DESCRIPTOR.fields_by_name["data_class"].enum_type.values_by_name[data_class].number
    return metadata
