"""Labels as networks are told them, and batches that carry them."""

import numpy as np
import pytest

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.labels.labels import Labels, as_list, labels_of, number_of
from dcgan_tf.system.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (53, 4, 4, 1), np.uint8)
CLASSES = np.arange(53) * 7 % 3
ATTRIBUTES = np.random.default_rng(1).integers(0, 2, (53, 5)).astype(np.uint8)


def _take(batches, count):
    batches = iter(batches)
    return [tuple(part.numpy() for part in next(batches)) for _ in range(count)]


def test_labels_are_told_one_hot_and_multi_hot():
    classes = labels_of(Dataset("d", IMAGES, CLASSES, ["cat", "dog", "owl"]))
    assert classes.are_classes and len(classes) == 3 and classes.names == ("cat", "dog", "owl")
    assert np.array_equal(classes.told(), np.eye(3)[CLASSES]) and classes.told().dtype == np.float32
    attributes = labels_of(Dataset("d", IMAGES, ATTRIBUTES))
    assert not attributes.are_classes and attributes.names == ("0", "1", "2", "3", "4")
    assert np.array_equal(attributes.told(ATTRIBUTES[:2]), ATTRIBUTES[:2].astype(np.float32))
    np.testing.assert_allclose(attributes.shares, ATTRIBUTES.mean(axis=0))
    assert labels_of(Dataset("d", IMAGES)) is None and Dataset("d", IMAGES).label_count == 0
    assert Dataset("d", IMAGES, CLASSES).label_count == 3 and Dataset("d", IMAGES, ATTRIBUTES).label_count == 5


def test_a_label_is_found_by_name_or_number_and_a_wrong_one_is_said():
    labels = Labels(np.array([0, 0, 2]), ("cat", "dog", "owl"))
    assert labels.number("Owl") == labels.number(2) == labels.number(" 2 ") == 2 and labels.seen == [0, 2]
    with pytest.raises(UserError, match=r"there is no class 'cta'. Did you mean 'cat'.*The classes are cat, owl"):
        labels.number("cta")
    with pytest.raises(UserError, match=r"no image of the training had the class 'dog', so it was not learned"):
        labels.number("dog")
    with pytest.raises(UserError, match=r"there is no attribute '7'"):
        Labels(np.eye(3, dtype=np.uint8), ("a", "b", "c")).number(7)


def test_capitals_tell_names_apart_and_numbers_that_are_names_are_no_places():
    assert [number_of(one, ("A", "a", "B")) for one in ("A", "a", "b", "c", "0")] == [0, 1, 2, None, None]
    with pytest.raises(UserError, match=r"^'CAT' may be 'Cat' or 'cat': write it as the one that is meant$"):
        Labels(np.arange(3), ("Cat", "cat", "dog")).number("CAT")
    one_to_three = Labels(np.arange(3), ("1", "2", "3"))
    assert [one_to_three.number(one) for one in ("1", 2, "03")] == [0, 1, 2]
    with pytest.raises(UserError, match=r"there is no class '0'. The classes are 1, 2, 3"):
        one_to_three.number("0")
    assert number_of("1", ("01", "02")) == 0 and number_of("01", ("1", "01")) == 1
    assert [number_of(one, names, [0, 2]) for one in (1, "2") for names in ((), ("x", "y", "3"))] == [None, None, 2, 2]


def test_a_name_may_have_a_comma():
    names = ('say "hi", you', "Hat")
    assert as_list('Say "hi", you', names) == ['Say "hi", you'] and as_list("hat, 1", names) == ["hat", "1"]
    assert as_list("3,7", ("3", "7")) == ["3", "7"] and as_list(None) == []


def test_a_name_may_end_with_a_space():
    assert [number_of(one, ("cat", "cat ", "dog ")) for one in ("cat", "cat ", " cat", "Dog")] == [0, 1, 0, 2]
    assert [number_of(one, ("cat ",)) for one in ("cat ", "cat", " CAT", "cats")] == [0, 0, 0, None]
    assert as_list("cat ", ("cat", "cat ")) == ["cat "] and as_list("cat , dog", ("cat ", "dog")) == ["cat", "dog"]
    assert Labels(np.arange(2), ("cat", "cat ")).number("cat ") == 1


def test_accents_are_the_same_as_one_character_and_as_two():
    composed, of_macos = "Caf\xe9", "Cafe\u0301"
    for one in (composed, of_macos, composed.lower(), of_macos.upper()):
        assert [number_of(one, ("x", name)) for name in (composed, of_macos)] == [1, 1]
    assert number_of(composed, (of_macos, "caf\xe9")) == 0


def test_labels_are_described_by_those_that_are_there():
    labels = Labels(np.array([0, 0, 2, 0]), ("cat", "dog", "owl"))
    assert labels.described() == "2 classes: cat (75%), owl (25%)"
    assert Labels(np.zeros(3, int), ("cat",)).described() == "1 class: cat (100%)"
    assert Labels(np.eye(3, dtype=np.uint8), tuple("abc")).described(2) == "3 attributes: a (33%), b (33%), ..."


@pytest.mark.parametrize("rows", [CLASSES, ATTRIBUTES])
def test_batches_carry_the_labels_of_their_images_from_any_step_on(rows):
    dataset = Dataset("d", IMAGES, rows)
    whole = _take(dataset.batches(8, seed=3, labelled=True), 40)
    told = labels_of(dataset).told()
    plain = iter(dataset.batches(8, seed=3))
    for step, (images, labels) in enumerate(whole):
        epoch, place = divmod(step, 6)
        order = np.random.default_rng([3, epoch]).permutation(53)[place * 8 : place * 8 + 8]
        assert np.array_equal(images, IMAGES[order]) and np.array_equal(labels, told[order])
        assert np.array_equal(next(plain), images)  # labels change nothing
    for start in (1, 6, 17):
        again = _take(dataset.batches(8, seed=3, start_step=start, labelled=True), 5)
        for one, other in zip(again, whole[start:], strict=False):
            assert all(map(np.array_equal, one, other))
    images, labels = dataset.batches(8, seed=3, labelled=True).element_spec
    assert images.shape == (8, 4, 4, 1) and labels.shape == (8, told.shape[1])
