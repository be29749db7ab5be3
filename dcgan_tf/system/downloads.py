"""Fetching one file whose checksum is known, once, through Keras; it stands in its place whole, or not at all."""

import contextlib
import socket
import tempfile
from pathlib import Path

from dcgan_tf.system.errors import UserError
from dcgan_tf.system.files import disk_errors_explained, replace

_SECONDS = 30  # without a byte: Keras itself would wait for ever


def download(address: str, path: Path, what: str, instead: str, is_right, md5: str | None = None) -> Path:
    """Fetch `address` to `path`.

    is_right: function of the path of what came: whether it is that file. md5: checked by Keras already.
    Raises UserError: "<what> could not be downloaded (...): <instead>", or that something else came.
    """
    from dcgan_tf.system.keras_backend import keras

    path = Path(path)
    with disk_errors_explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=path.parent, prefix=".download.")
    with folder as place, _within(_SECONDS), _without_keras_lines(keras):
        try:
            # In a folder of its own: Keras writes straight to the name, and a kill would leave half a file there.
            came = keras.utils.get_file(path.name, address, cache_dir=place, cache_subdir="", file_hash=md5)
        except Exception as error:
            if "corrupted file" in str(error):
                raise _other(what, address) from None
            with disk_errors_explained(path):
                _raise_if_of_the_disk(error)
            reason = " ".join(str(error).split())[:120]
            raise UserError(f"{what} could not be downloaded ({reason}): {instead}") from None
        if not is_right(came):
            raise _other(what, address)
        with disk_errors_explained(path):
            replace(came, path)
    return path


def _other(what, address):
    return UserError(f"what {address} gave is not {what} (its checksum differs): try again")


def _raise_if_of_the_disk(error):
    """An error that names a file is the disk's; those of the network name none."""
    if isinstance(error, OSError) and error.filename is not None and not hasattr(error, "url"):
        raise error


@contextlib.contextmanager
def _within(seconds):
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _without_keras_lines(keras):
    """Keras prints addresses and a bar, in log files a line for each of its steps."""
    shown = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()
    try:
        yield
    finally:
        if shown:
            keras.config.enable_interactive_logging()
