"""Pictures one after another as a GIF, and which of many a GIF shows."""

import math

from dcgan_tf.pictures.grids import without_gray_axis
from dcgan_tf.system.files import write_bytes


def write_gif(path, frames, seconds_per_frame: float = 0.1, hold_last: float = 2.0) -> None:
    """Write frames (uint8 [H, W, 1 or 3], all of one shape) as a GIF that loops for ever.

    The last frame stays for `hold_last` seconds. A GIF counts hundredths of a second, and viewers slow
    frames of less than 0.02 s down. A reader never sees half of the file.
    """
    import imageio.v3 as imageio

    frames = [without_gray_axis(frame) for frame in frames]
    if not frames:
        raise ValueError("a GIF needs at least one frame")
    if len({frame.shape for frame in frames}) > 1:
        raise ValueError("all frames of a GIF must have the same shape")
    last = round(1000 * hold_last)
    milliseconds = [max(20, round(1000 * seconds_per_frame))] * (len(frames) - 1) + [last]
    if len(frames) == 1:
        milliseconds = last  # Pillow takes a list only for several frames
    data = imageio.imwrite(
        "<bytes>", frames, extension=".gif", plugin="pillow", is_batch=True, duration=milliseconds, loop=0
    )
    write_bytes(path, data)


def thin_frames(count: int) -> list[int]:
    """Which of `count` frames (one per epoch, numbered from 0) a GIF shows, fewer as training goes on.

    The rule of the `vrdl` report: those where 2 * sqrt(epoch) reaches a new whole number; and the last.
    """
    reached = [math.isqrt(4 * epoch) for epoch in range(count + 1)]  # isqrt: exact at 1, 4, 9, ...
    chosen = [epoch - 1 for epoch in range(1, count + 1) if reached[epoch] > reached[epoch - 1]]
    if count > 0 and chosen[-1] != count - 1:
        chosen.append(count - 1)
    return chosen
