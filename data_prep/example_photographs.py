"""Real photographs without a download, to see what the face filter does with them."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from dcgan_tf.data.images import centre_crop, resize
from dcgan_tf.pictures.grids import save_png


def example_photographs(folder) -> Path:
    """Write a folder of the real photographs that scikit-image ships, once: faces, no faces, and hard cases.

    178x218 pixels, as CelebA's: an astronaut's portrait, upright, mirrored, turned, blurred and beside itself; a
    photographer seen from the side; a cat; 80 faces and 9 other crops of Labeled Faces in the Wild, enlarged from
    25x25. Nothing is downloaded.
    """
    from skimage import data

    folder = Path(folder)
    if (folder / "photographer.png").is_file():  # the last one
        return folder
    astronaut = data.astronaut()
    pictures = {f"astronaut_{name}": image for name, image in _portraits(astronaut[:218, 135:313], astronaut)}
    pictures["cat"] = resize(centre_crop(data.chelsea(), (300, 245)), (218, 178))
    crops = np.round(255 * data.lfw_subset()).astype(np.uint8)[..., None]  # 100 faces, then 100 others
    crops = {f"face_{number:02d}": crops[number] for number in range(80)} | {
        f"other_{number:02d}": crops[100 + number] for number in range(9)
    }
    for name, crop in crops.items():
        pictures[name] = np.full((218, 178, 1), crop.mean(), np.uint8)
        pictures[name][34:184, 14:164] = resize(crop, 150)
    pictures["photographer"] = data.camera()[30:248, 140:318, None]
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in pictures.items():
        save_png(folder / f"{name}.png", image)
    return folder


def _portraits(head, whole):
    """(name, picture) of a portrait uint8 [218, 178, 3] out of a whole photograph, with variants of it."""
    yield "1_upright", head
    yield "2_mirrored", head[:, ::-1]
    wall = tuple(head[8, 8].tolist())
    for number, angle in enumerate((12, 20, 30, 90), 3):
        turned = Image.fromarray(whole).rotate(angle, Image.BICUBIC, center=(224, 115), fillcolor=wall)
        yield f"{number}_turned_{angle}", np.asarray(turned)[:218, 135:313]
    yield "7_blurred", np.asarray(Image.fromarray(head).filter(ImageFilter.GaussianBlur(4)))
    half = np.full_like(head, 128)
    half[:, :89] = head[:, :89]
    yield "8_half", half
    yield "9_two", np.concatenate([head, head[:, ::-1]], axis=1)
