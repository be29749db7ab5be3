"""Fetching one file whose size is known; whether it is the right one, the caller knows by its checksum."""

import urllib.request

from dcgan_tf.system.errors import UserError


def download(address: str, most_bytes: int, what: str, instead: str) -> bytes:
    """What is at the address, cut one byte beyond `most_bytes`, so that more is noticed.

    Raises UserError, "<what> could not be downloaded (...): <instead>", when it cannot be had.
    """
    try:
        with urllib.request.urlopen(address, timeout=30) as response:
            return response.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{what} could not be downloaded ({reason}): {instead}") from None
