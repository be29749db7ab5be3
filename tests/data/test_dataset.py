"""A dataset: what is taken for one, its fingerprint, and batches that follow from seed and epoch alone."""

import subprocess
import sys
import threading

import forks
import numpy as np
import pytest
from drawn_pictures import prepared_from, take

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.data.stored import StoredImages, fingerprint_of
from dcgan_tf.system.errors import UserError
from dcgan_tf.system.exit_guard import ExitGuard


def test_batches_follow_from_seed_and_epoch_alone():
    dataset = load_dataset("fake", image_size=4, limit=53)
    got = take(dataset.batches(8, seed=3), 20)
    for step, batch in enumerate(got):
        epoch, place = divmod(step, 6)  # 53 // 8; the remainder is dropped
        order = np.random.default_rng([3, epoch]).permutation(53)
        assert np.array_equal(batch, dataset.images[order[place * 8 : place * 8 + 8]])
    assert dataset.batches(8, seed=3).element_spec.shape == (8, 4, 4, 1)
    assert not np.array_equal(got[0], take(dataset.batches(8, seed=4), 1)[0])


def test_batches_begin_at_any_step_as_if_never_interrupted():
    dataset = load_dataset("fake", image_size=4, limit=53)
    whole = take(dataset.batches(8, seed=3), 60)
    for start in (0, 1, 5, 6, 7, 16, 41):
        assert np.array_equal(take(dataset.batches(8, seed=3, start_step=start), 5), whole[start : start + 5])


def test_batches_can_be_iterated_over_twice_and_side_by_side():
    batches = load_dataset("fake", image_size=4, limit=20).batches(8, seed=0)
    first, second = iter(batches), iter(batches)
    for _ in range(20):
        assert np.array_equal(next(first), next(second))
    assert np.array_equal(take(batches, 3), take(batches, 3))


@pytest.mark.parametrize("batch_size", [1, 20])
def test_smallest_and_largest_batch(batch_size):
    dataset = load_dataset("fake", image_size=4, limit=20)
    epoch = np.concatenate(take(dataset.batches(batch_size, seed=0), 20 // batch_size))
    assert sorted(image.tobytes() for image in epoch) == sorted(image.tobytes() for image in dataset.images)


@pytest.mark.parametrize("batch_size", [21, 0, -3])
def test_a_batch_that_does_not_fit_is_refused(batch_size):
    dataset = load_dataset("fake", image_size=4, limit=20)
    with pytest.raises(UserError, match=rf"batch size {batch_size} does not fit 'fake', which has 20 images.*1 to 20"):
        dataset.batches(batch_size, seed=0)


def test_batches_of_a_prepared_dataset_are_the_same_as_in_memory(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 6, 5, 3), np.uint8)
    stored = load_dataset(prepared_from(tmp_path / "out", images))
    assert isinstance(stored.images, StoredImages)
    memory = Dataset("memory", images)
    assert np.array_equal(take(stored.batches(7, seed=1), 12), take(memory.batches(7, seed=1), 12))
    assert stored.fingerprint == fingerprint_of(images, None)


def test_importing_is_light():
    code = "import sys, dcgan_tf.data.datasets; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0


def test_python_ends_although_batches_are_being_gathered():
    """A call into Python that is under way at exit would never return, and TensorFlow would wait for it."""
    code = (
        "from dcgan_tf.data.datasets import load_dataset\n"
        "iterators = [iter(load_dataset('fake').batches(64, seed)) for seed in range(3)]\n"
        "for iterator in iterators: next(iterator)\n"
    )
    done = forks.run(["-c", code])
    assert done.returncode == 0, done.stderr[-1000:]


def test_the_guard_waits_for_calls_under_way_and_answers_late_ones_at_once():
    guard = ExitGuard()
    guard.close()  # nothing was ever called: nothing to wait for
    guard = ExitGuard()
    entered, leave = threading.Event(), threading.Event()

    def call():
        with guard as closing:
            assert not closing
            entered.set()
            leave.wait()

    caller, closer = threading.Thread(target=call), threading.Thread(target=guard.close)
    caller.start()
    entered.wait()
    closer.start()
    while not guard.closing:
        pass
    with guard as closing:
        assert closing
    assert closer.is_alive()
    leave.set()
    caller.join()
    closer.join()


def test_the_end_of_a_training_does_not_wait_for_autotuning():
    """With it, giving up the iterator took up to a minute, now and then: no test waits for that."""
    assert load_dataset("fake").batches(10, seed=0).options().autotune.enabled is False


# ------------------------------------------------------------------------------------------- what is taken for one


PIXELS = np.arange(5 * 4 * 6 * 3, dtype=np.uint8).reshape(5, 4, 6, 3)


@pytest.mark.parametrize(
    "images, message",
    [
        (
            PIXELS / 255,
            r"float64 \[5, 4, 6, 3\], not uint8 .*: give whole numbers from 0 to 255, .* \(255 \* images",
        ),
        (PIXELS / 127.5 - 1, r"such as \(127.5 \* \(images \+ 1\)\)\.round\(\)"),
        (PIXELS * 1.0, r"such as images\.round\(\)"),
        (PIXELS / 250, "their values, 0.0 to 1.02, must be brought to 0 to 255"),
        (PIXELS / 50 - 2.5, "their values, -2.5 to 2.[56]"),
        (PIXELS[:0] / 255, r"float64 \[0, 4, 6, 3\]"),
        (PIXELS[..., 0], r"uint8 \[5, 4, 6\], not uint8 .*: of gray images .* give images\[..., None\]"),
        (PIXELS[0, 0, 0], r"uint8 \[3\], not .*: give at least one image, with axes"),
        (PIXELS[:0], r"\[0, 4, 6, 3\], not .*: give at least one image"),
        (np.zeros((5, 4, 6, 4), np.uint8), r"images\[..., :3\] leaves the fourth channel out"),
        (np.zeros((5, 3, 4, 6), np.uint8), "channels come last"),
        (PIXELS.astype(int) + 1, r"int64 .*: their values, 1 to 256, must be brought to 0 to 255"),
        ([PIXELS[0], PIXELS[0, :2]], "give one array of pixels, with all images of one size"),
        (PIXELS > 3, "bool .*: give one array of pixels"),
    ],
)
def test_what_is_no_image_is_said_in_one_line(images, message):
    with pytest.raises(UserError, match=f"images of dataset 'mine' are .*{message}") as caught:
        Dataset("mine", images)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "labels, names, message",
    [
        ([0, 1], None, r"int64 \[2\], not whole numbers \[5\] or \[5, attributes\]: one for each image"),
        ([0.0] * 5, None, "float64 .*: number the classes from 0, and give their names as label_names"),
        (list("abcde"), None, "number the classes from 0"),
        ([[0], [0, 1], [1], [0], [1]], None, r"not whole numbers \[5\] or \[5, attributes\]: one for each image"),
        ([0, 1, 2, 1, 0], ["a", "b"], "has 2 label_names for 3 classes: name each of them"),
        (np.eye(5, 3), ["a", "b"], "float64"),
        (np.eye(5, 3, dtype=int), ["a", "b"], "has 2 label_names for 3 attributes"),
        ([0, 1, 2, 1, -1], None, "with values from -1: number the classes from 0"),
        ([[0], [1], [2], [1], [0]], None, r"\[5, 1\] with values from 0 to 2, and an .*: .* give labels\[:, 0\]"),
        ([[0], [1], [2], [1], [0]], ["a", "b", "c"], r"give labels\[:, 0\]"),
        ([[0, 5]] * 5, None, r"\[5, 2\] with values from 0 to 5, and an attribute is 0 or 1"),
        ([[-1], [1], [1], [1], [-1]], None, r"from -1 to 1, and an attribute is 0 or 1: give 1 .* \(labels > 0\)"),
        ([3, 10**6, 3, 3, 3], None, r"up to 1000000 for 2 classes: number those 0, 1, 2 .* np\.unique\(labels, "),
        (None, ["a"], "has label_names but no labels"),
        (
            [0, 1, 1, 0, 1],
            {"dog": 1, "cat": 0},
            r"label_names=\{'dog': 1, .* must be a list .* sorted\(d, key=d.get",
        ),
        ([0, 1, 1, 0, 1], {"cat", "dog"}, "must be a list of names, in the order of their numbers$"),
        ([0, 1, 1, 0, 1], "ab", "label_names='ab' of dataset 'mine' must be a list"),
        ([0, 1, 1, 0, 1], 3, "label_names=3 of dataset 'mine' must be a list"),
        ([0, 1, 1, 0, 1], ["a", "b", "a"], "has 'a' twice in its label_names"),
    ],
)
def test_labels_that_do_not_fit_are_said_in_one_line(labels, names, message):
    with pytest.raises(UserError, match=message) as caught:
        Dataset("mine", PIXELS, labels, names)
    assert "\n" not in str(caught.value)


def test_what_can_be_taken_is_taken():
    dataset = Dataset("mine", PIXELS.astype(np.int64).tolist(), [True, False, True, False, True], ("no", "yes"))
    assert np.array_equal(dataset.images, PIXELS) and dataset.images.dtype == np.uint8
    assert dataset.labels.tolist() == [1, 0, 1, 0, 1]
    assert repr(dataset) == "Dataset('mine', 5 images of 4x6x3)"
    for names in (["cat", "dog"], np.array(["cat", "dog"]), (name for name in ("cat", "dog"))):
        assert Dataset("mine", PIXELS, [0, 1, 1, 0, 1], names).label_names == ("cat", "dog")
    assert Dataset("mine", PIXELS, [3, 7, 3, 7, 999]).label_count == 1000  # with gaps, as a few classes of many are


def test_a_fingerprint_follows_from_the_content_and_costs_nothing_before(monkeypatch):
    labels = [0, 1, 0, 1, 2]
    given = Dataset("mine", PIXELS, labels, fingerprint="given")
    with monkeypatch.context() as patch:
        patch.setattr("dcgan_tf.data.dataset.fingerprint_of", None)  # not asked for, not computed
        assert given.fingerprint == "given"
        plain, labelled, bright = Dataset("a", PIXELS), Dataset("a", PIXELS, labels), Dataset("a", 255 - PIXELS)
    assert plain.fingerprint == fingerprint_of(PIXELS, None) == Dataset("b", PIXELS.copy()).fingerprint
    assert labelled.fingerprint == fingerprint_of(PIXELS, np.array(labels))
    assert len({plain.fingerprint, labelled.fingerprint, bright.fingerprint}) == 3
    assert labelled.images_fingerprint == plain.fingerprint


def test_changed_images_have_a_fingerprint_of_their_own():
    dataset = Dataset("mine", PIXELS, fingerprint="given")
    assert dataset.changed(name="yours", notes=["a"]).fingerprint == "given"
    assert dataset.changed(images=255 - PIXELS).fingerprint == fingerprint_of(255 - PIXELS, None)
    assert dataset.changed(labels=[0] * 5).fingerprint == fingerprint_of(PIXELS, np.zeros(5, int))


def test_data_that_were_recorded_before_they_had_labels_are_known_again():
    plain, labelled = Dataset("mine", PIXELS), Dataset("mine", PIXELS, [0, 1, 0, 1, 2])
    assert labelled.is_what_had(labelled.fingerprint)
    assert labelled.is_what_had(plain.fingerprint)
    assert not plain.is_what_had(labelled.fingerprint)
    assert not plain.is_what_had(None)
    assert plain.is_what_had("")  # of a version that did not look
