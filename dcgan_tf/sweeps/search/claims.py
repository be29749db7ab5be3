"""Who makes which run of a search: one process at a time, of however many work in its folder.

A claim is a lock as a run directory has one (see run/lock.py), in FOLDER/.claims/NAME: the system frees it when its
process ends, however that ends, and what one machine claims another one sees. The run's own lock will not do: between
two trainings, or before the first, nobody holds that.
"""

import contextlib
from pathlib import Path

from dcgan_tf.run.directory import Run
from dcgan_tf.run.lock import is_being_written, only_writer
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import DiskError, disk_errors_explained


class Claims:
    """Of the runs in one folder."""

    def __init__(self, folder: Path):
        self.folder = folder / ".claims"

    def is_held(self, name: str) -> bool:
        """Whether some process makes that run at the moment."""
        place = self._place(name)
        return place.path.is_dir() and is_being_written(place)

    def take(self, name: str, held: contextlib.ExitStack) -> bool:
        """Claim a run until `held` is closed, in this thread; False when another process has it."""
        if self.is_held(name):
            return False
        place = self._place(name)
        with disk_errors_explained(place.path):
            place.path.mkdir(parents=True, exist_ok=True)
        try:
            held.enter_context(only_writer(place))
        except DiskError:
            raise
        except UserError:
            return False
        return True

    def _place(self, name):
        return Run(self.folder / name)
