"""The face filter against the plain loop, on the same cores in one run: rate, and decisions moved by the size bound.

    taskset -c 0,1 python benchmarks/face_filter.py                  # pictures made of scikit-image's real faces
    taskset -c 0,1 python benchmarks/face_filter.py --source img_align_celeba.zip --count 2000
    taskset -c 0,1 python benchmarks/face_filter.py --profile --count 200 --turns 1    # and `not_profile`

The plain loop decodes and calls detectMultiScale(gray, 1.1, 40) picture by picture, with OpenCV's own threads on
all of these cores. Both take turns, so that whatever else the machine does meets both; the best turn counts. The
time that processors spent on a picture is given too: it hardly depends on what else runs. Starting the worker
processes (about 0.3 seconds) is part of their time, so a few hundred pictures show less than many thousands.
"""

import resource
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import click
import cv2
import numpy as np
import skimage.data

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_prep.detections import ALIGNED_MIN_SIZE, detect
from data_prep.face_filter import decide
from dcgan_tf.data.sources import open_source
from dcgan_tf.system.workers import available_cores

THRESHOLDS = (1, 3, 5, 10, 20, 30, 40, 60, 80)


def aligned_picture(number: int) -> np.ndarray:
    """A picture of 178x218 like CelebA's aligned ones, uint8 [218, 178, 3].

    A real face (astronaut, lfw_subset) of about their size in the middle, mostly upright, before a real
    background; in one of ten a small second face; some noise.
    """
    generator = np.random.default_rng([1, number])
    colour = [skimage.data.coffee(), skimage.data.chelsea(), skimage.data.astronaut()]
    gray = [skimage.data.camera(), skimage.data.brick(), skimage.data.grass(), skimage.data.coins()]
    background = (colour + [image[..., None].repeat(3, 2) for image in gray])[generator.integers(7)]
    factor = generator.uniform(0.8, 1.5)
    background = cv2.resize(background, None, fx=factor, fy=factor)
    top, left = (
        generator.integers(0, length - need + 1) for length, need in zip(background.shape, (218, 178), strict=False)
    )
    picture = background[top : top + 218, left : left + 178].copy()

    def small_face():
        face = skimage.data.lfw_subset()[generator.integers(100)]  # the last 100 of it are no faces
        return np.uint8(255 * face)[..., None].repeat(3, 2)

    face, size = small_face(), int(generator.uniform(105, 140))
    if generator.random() < 0.25:
        face, size = skimage.data.astronaut()[:200, 125:325], int(generator.uniform(160, 178))
    angle = generator.normal(0, 8)
    face = cv2.resize(face, (size, size), interpolation=cv2.INTER_CUBIC)
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), angle, 1)
    face = cv2.warpAffine(face, turn, (size, size), borderMode=cv2.BORDER_REFLECT)
    top, left = (218 - size) // 2, (178 - size) // 2
    picture[top : top + size, left : left + size] = face
    if generator.random() < 0.1:
        size = int(generator.uniform(30, 50))
        picture[:size, :size] = cv2.resize(small_face(), (size, size), interpolation=cv2.INTER_CUBIC)
    noisy = picture + generator.normal(0, generator.uniform(0, 4), picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def turned_picture(number: int) -> np.ndarray:
    """As aligned_picture, but in one of four the face is scikit-image's photographer, seen from the side."""
    picture, generator = aligned_picture(number), np.random.default_rng([2, number])
    if generator.random() < 0.25:
        head = skimage.data.camera()[55:215, 140:300]
        head = head[:, ::-1] if generator.random() < 0.5 else head
        size = int(generator.uniform(120, 178))
        head = cv2.resize(head, (size, size), interpolation=cv2.INTER_AREA if size < 160 else cv2.INTER_CUBIC)
        top, left = (218 - size) // 2, (178 - size) // 2
        noisy = head[..., None] + generator.normal(0, generator.uniform(0, 6), (size, size, 3))
        picture[top : top + size, left : left + size] = np.clip(noisy, 0, 255)
    return picture


def write_zip(path, pictures):
    with zipfile.ZipFile(path, "w") as file:
        for number, picture in enumerate(pictures):
            data = picture
            if not isinstance(data, bytes):
                _, data = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
            file.writestr(f"img_align_celeba/{number + 1:06d}.jpg", bytes(data))


def plain_loop(source):
    """How many faces detectMultiScale finds in each picture."""
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    counts = []
    for index in range(len(source.names)):
        picture = cv2.imdecode(np.frombuffer(source.read(index), np.uint8), cv2.IMREAD_COLOR)
        counts.append(len(cascade.detectMultiScale(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), 1.1, 40)))
    return np.array(counts)


def timed(function, *arguments, **options):
    """What the function gives, and (seconds passed, seconds of processor time, workers' included)."""

    def processor_time():
        both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return sum(usage.ru_utime + usage.ru_stime for usage in both)

    started, before = time.perf_counter(), processor_time()
    result = function(*arguments, **options)
    return result, (time.perf_counter() - started, processor_time() - before)


@click.command()
@click.option("--source", help="A folder or zip of pictures.  [default: made of scikit-image's faces]")
@click.option("--count", default=600, show_default=True, help="So many pictures.")
@click.option("--turns", default=3, show_default=True, help="So often.")
@click.option("--bounds", default="0,30,36,40,50", show_default=True, help="Bounds of the face size to compare.")
@click.option("--profile", is_flag=True, help="Look for faces in profile too, and show what not_profile decides.")
def main(source, count, turns, bounds, profile):
    cores = available_cores()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "aligned.zip")
        if source:
            given = open_source(source)
            picked = np.arange(min(count, len(given.names))) * len(given.names) // min(count, len(given.names))
            write_zip(path, (given.read(int(index)) for index in picked))
        else:
            write_zip(path, map(turned_picture if profile else aligned_picture, range(count)))
        source = open_source(path)
        count = len(source.names)
        bounds = [int(bound) for bound in bounds.split(",")]
        found, plain_times, times = {}, [], {bound: [] for bound in bounds}
        for turn in range(turns):
            counts, taken = timed(plain_loop, source)
            plain_times.append(taken)
            for bound in bounds:
                output = Path(folder, f"{turn}-{bound}.npz")
                found[bound], taken = timed(detect, source, output, profile=profile, min_size=bound, progress=False)
                times[bound].append(taken)
        print(f"{count} pictures, {cores} cores, OpenCV {cv2.__version__}, best of {turns} turns")
        plain = count / min(seconds for seconds, _ in plain_times)
        processor = 1000 * min(seconds for _, seconds in plain_times) / count
        print(
            f"plain loop, {cv2.getNumThreads()} OpenCV threads:          {plain:6.1f} images/s, "
            f"{processor:4.1f} ms of processor time each; keeps {(counts == 1).sum()}"
        )
        for bound in bounds:
            rate = count / min(seconds for seconds, _ in times[bound])
            processor = 1000 * min(seconds for _, seconds in times[bound]) / count
            moved = int((decide(found[bound]).kept != (counts == 1)).sum())
            default = "  <- default for aligned pictures" if bound == ALIGNED_MIN_SIZE else ""
            print(
                f"{cores} workers, faces of at least {bound:2} pixels: {rate:6.1f} images/s, "
                f"{processor:4.1f} ms of processor time each; {rate / plain:.2f} times the plain loop; "
                f"{moved} decisions differ from its at 40{default}"
            )
        if 0 not in bounds:
            return
        _print_moved("frontal", THRESHOLDS, found, bounds)
        if profile:
            _print_moved("not_profile", THRESHOLDS[:-2], found, bounds)


def _print_moved(policy, thresholds, found, bounds):
    """How many decisions each bound moves, at each threshold (of not_profile: of both its thresholds)."""
    print(f"\ndecisions moved, of {len(found[0])}, by the bound at each threshold of `{policy}`")
    print("threshold  kept without bound  " + "  ".join(f"bound {bound}" for bound in bounds[1:]))
    for threshold in thresholds:
        limits = (threshold,) if policy == "frontal" else (threshold, threshold)
        kept = decide(found[0], policy, *limits).kept
        moved = [int((decide(found[bound], policy, *limits).kept != kept).sum()) for bound in bounds[1:]]
        print(f"{threshold:9}  {int(kept.sum()):18}  " + "  ".join(f"{number:8}" for number in moved))


if __name__ == "__main__":
    main()
