"""Feature networks: the classifier trained for real, the Inception plumbing with a small graph of the same names."""

import builtins
import errno
import hashlib
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_tf.data.dataset import Dataset
from dcgan_tf.data.datasets import load_dataset
from dcgan_tf.evaluation import features
from dcgan_tf.evaluation.evaluator import Evaluator
from dcgan_tf.evaluation.features import feature_network
from dcgan_tf.system.errors import UserError


def quiet(text):
    pass


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DCGAN_TF_CACHE", str(tmp_path))
    monkeypatch.delenv(features.INCEPTION_VARIABLE, raising=False)
    monkeypatch.setattr(features, "_CLASSIFIER_STEPS", 120)
    return tmp_path / "features"


@pytest.fixture
def hasty(cache, monkeypatch):
    """Where nobody asks how good the classifier is."""
    monkeypatch.setattr(features, "_CLASSIFIER_STEPS", 5)


def squares(attributes=False, count=300, seed=0):
    """Images with a bright square at the left or right, above or below: four classes, or two attributes."""
    draw = np.random.default_rng(seed)
    images = draw.integers(0, 60, (count, 16, 16, 3), np.uint8)
    bits = draw.integers(0, 2, (count, 2))
    for image, (below, right) in zip(images, bits, strict=True):
        image[8 * below + 1 : 8 * below + 7, 8 * right + 1 : 8 * right + 7] += 150
    if attributes:  # the third never varies: nothing can be learned of it
        labels = np.concatenate([bits, np.ones((count, 1))], axis=1).astype(np.uint8)
        return Dataset("squares", images, labels, ("below", "right", "square"), f"squares-attributes-{seed}" * 3)
    return Dataset("squares", images, bits @ [2, 1] * 10, None, f"squares-classes-{seed}" * 3)


# --- the classifier ---------------------------------------------------------------------------------------


def test_a_classifier_is_trained_once_and_kept(cache):
    data, said = squares(), []
    network = feature_network("auto", data, say=said.append)
    found, probabilities = network(data.images)
    assert network.name == "classifier" and len(said) == 1 and "'squares'" in said[0]
    assert found.shape == (300, network.dimension) and found.dtype == np.float32
    assert network.label_names == ("0", "10", "20", "30") and network.exclusive
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.argmax(axis=1) * 10 == data.labels).mean() > 0.97
    assert network.description.startswith(f"classifier {network.key.split('-')[-1][:6]} (4 classes, ")
    right = float(network.description.split(", ")[1].split("%")[0])
    assert right == pytest.approx(100 * (probabilities.argmax(axis=1) * 10 == data.labels)[9::10].mean(), abs=0.05)
    again = feature_network("classifier", data, say=said.append)
    assert len(said) == 1 and np.array_equal(again(data.images)[0], found)
    # How many images are looked at together changes nothing.
    assert np.array_equal(network(data.images[:7])[0], found[:7])
    (path,) = cache.glob("*.npz")
    path.write_bytes(path.read_bytes()[:500])
    third = feature_network("classifier", data, say=said.append)  # a damaged file is replaced
    assert len(said) == 2 and third.key == network.key and np.array_equal(third(data.images)[0], found)


def test_a_classifier_of_other_weights_is_another_protocol(cache, monkeypatch):
    """As after training it with another number of threads: statistics of the one are none of the other's."""
    data = squares()
    first = Evaluator(data, "fid,precision,coverage", samples=300, say=quiet)
    monkeypatch.setattr(features, "_CLASSIFIER_STEPS", 40)
    next(cache.glob("classifier-*.npz")).unlink()
    second = Evaluator(data, "fid,precision,coverage", samples=300, say=quiet)
    assert first.network.key != second.network.key and first.network.description != second.network.description
    found = second.measure(lambda seed: [data.images])["metrics"]
    assert found["frechet_distance"]["mean"] == pytest.approx(0, abs=1e-8)
    assert found["precision"]["mean"] == found["coverage"]["mean"] == 1


def test_datasets_made_in_python_do_not_share_statistics(cache):
    dark, bright = (Dataset("mine", np.full((40, 8, 8, 1), shade, np.uint8)) for shade in (10, 240))
    for data in (dark, bright):
        found = Evaluator(data, "fid,js", "pixels", samples=40, say=quiet).measure(
            lambda seed, data=data: [data.images]
        )
        assert [result["mean"] for result in found["metrics"].values()] == [0, 0]


def test_a_cache_that_takes_nothing_ends_nothing(hasty, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    said = []
    Evaluator(squares(), "fid", samples=10, say=said.append)
    assert [text for text in said if "the disk is full" in text and "DCGAN_TF_CACHE" in text] == said[1:]
    assert len(said) == 3  # the classifier is trained; its weights and the statistics are not kept


def test_a_cache_that_is_away_for_a_moment_trains_no_other_classifier(hasty, monkeypatch):
    feature_network("classifier", squares(), say=quiet)
    opened = builtins.open

    def away(path, *more, **options):
        if "classifier" in str(path):
            raise OSError(errno.ESTALE, "Stale file handle")
        return opened(path, *more, **options)

    monkeypatch.setattr("builtins.open", away)
    with pytest.raises(UserError, match="cannot be read at the moment"):
        feature_network("classifier", squares(), say=quiet)


def test_so_few_images_that_none_is_held_out(hasty):
    assert (
        "(4 classes, too few images to say how good)"
        in feature_network("classifier", squares(count=8, seed=3), say=quiet).description
    )


def test_attributes_have_a_sigmoid_each(cache):
    data = squares(attributes=True)
    network = feature_network("auto", data, say=quiet)
    _, probabilities = network(data.images)
    assert network.label_names == ("below", "right") and not network.exclusive
    assert ((probabilities > 0.5) == (data.labels[:, :2] > 0)).mean() > 0.97
    assert "2 attributes" in network.description


def test_training_it_leaves_all_random_generators_alone(hasty):
    def draws():
        state = keras.random.randint((3,), 0, 1000, seed=keras.random.SeedGenerator(5))
        return (
            random.random(),
            np.random.random(),  # noqa: NPY002
            np.asarray(tf.random.uniform([2])).tolist(),
            np.asarray(state).tolist(),
        )

    keras.utils.set_random_seed(7)
    expected = draws()
    keras.utils.set_random_seed(7)
    feature_network("classifier", squares(), say=quiet)(squares().images[:3])
    feature_network("pixels", squares(), say=quiet)(squares().images[:3])
    assert draws() == expected


def test_mnist_is_told_apart(cache):
    data = load_dataset("mnist5k", limit=1500)
    probabilities = feature_network("classifier", data, say=quiet)(data.images)[1]
    assert (probabilities.argmax(axis=1) == data.labels).mean() > 0.85


# --- pixels -----------------------------------------------------------------------------------------------


def test_pixels_are_averages(cache):
    data = Dataset("noise", np.random.default_rng(0).integers(0, 256, (5, 64, 32, 3), np.uint8))
    network = feature_network("auto", data)  # no labels, no Inception graph
    found, probabilities = network(data.images)
    assert network.name == "pixels" and network.description == "pixels averaged to 16x16x3" and probabilities is None
    expected = data.images.reshape(5, 16, 4, 16, 2, 3).mean(axis=(2, 4)).reshape(5, -1) / 255
    np.testing.assert_allclose(found, expected, rtol=1e-5)


# --- Inception --------------------------------------------------------------------------------------------


def small_inception() -> bytes:
    """A frozen graph with the names, the value range and the old operations of the real one, and 6 features."""
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [1, None, None, 3], name="ExpandDims")
        resized = tf.compat.v1.image.resize_bilinear(images, [299, 299], name="ResizeBilinear")
        scaled = tf.multiply(tf.subtract(resized, 128.0, name="Sub"), 1 / 128, name="Mul")
        kernel = tf.constant(np.arange(18, dtype=np.float32).reshape(1, 1, 3, 6) / 10 - 0.8)
        mixed = tf.nn.relu(tf.nn.conv2d(scaled, kernel, 8, "SAME"), name="mixed")
        pool = tf.nn.avg_pool2d(mixed, 38, 1, "VALID", name="pool_3")
        flat = tf.reshape(pool, [1, 6], name="pool_3/_reshape")  # for one image only, as in the real one
        weights = tf.constant(np.linspace(-1, 1, 24, dtype=np.float32).reshape(6, 4), name="softmax/weights")
        tf.nn.softmax(tf.add(tf.matmul(flat, weights, name="softmax/logits/MatMul"), 100.0), name="softmax")
    definition = graph.as_graph_def()
    # The real graph normalises with an operation that TensorFlow only accepts in graphs of its time.
    definition.versions.producer = 8
    for name in ("mean", "variance", "beta", "gamma"):
        node = definition.node.add(name=name, op="Const")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.full(6, name in ("variance", "gamma"), np.float32)))
    inputs = ["mixed", "mean", "variance", "beta", "gamma"]
    node = definition.node.add(name="normalised", op="BatchNormWithGlobalNormalization", input=inputs)
    node.attr["T"].type = tf.float32.as_datatype_enum
    node.attr["variance_epsilon"].f = 0.0
    node.attr["scale_after_normalization"].b = True
    next(node for node in definition.node if node.name == "pool_3").input[0] = "normalised"
    return definition.SerializeToString()


@pytest.fixture
def graph_path(cache, tmp_path, monkeypatch):
    path = tmp_path / "graph.pb"
    path.write_bytes(small_inception())
    monkeypatch.setattr(features, "INCEPTION_MD5", hashlib.md5(path.read_bytes()).hexdigest())
    return path


def test_the_inception_graph_is_fed_and_read_as_in_published_fid(graph_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 13, 9, 3), np.uint8)
    network = feature_network("inception", Dataset("noise", images), inception=graph_path)
    found, probabilities = network(images)
    assert found.shape == (40, 6) and probabilities.shape == (40, 4)
    # By hand: bilinear as TensorFlow 1 has it (corner to corner, no half pixels), 0..255 to -1..1, no bias.
    rows, columns = (np.arange(299) * (size / 299) for size in (13, 9))
    low, right = (np.floor(x).astype(int) for x in (rows, columns))
    next_low, next_right = np.minimum(low + 1, 12), np.minimum(right + 1, 8)
    a, b = (rows - low)[:, None, None], (columns - right)[None, :, None]
    image = images[33].astype(float)
    top = image[low][:, right] * (1 - b) + image[low][:, next_right] * b
    bottom = image[next_low][:, right] * (1 - b) + image[next_low][:, next_right] * b
    resized = (top * (1 - a) + bottom * a - 128) / 128
    picked = resized[::8, ::8]  # 38 of 299
    expected = np.maximum(picked @ (np.arange(18).reshape(3, 6) / 10 - 0.8), 0).mean(axis=(0, 1))
    np.testing.assert_allclose(found[33], expected, rtol=1e-4)
    logits = expected @ np.linspace(-1, 1, 24).reshape(6, 4)
    np.testing.assert_allclose(probabilities[33], np.exp(logits) / np.exp(logits).sum(), rtol=1e-4)
    gray = feature_network("inception", Dataset("noise", images), inception=graph_path)(images[..., :1])[0]
    np.testing.assert_allclose(gray, network(images[..., :1].repeat(3, axis=-1))[0], rtol=1e-6)


def test_where_the_inception_graph_is_looked_for(graph_path, cache, tmp_path, monkeypatch):
    data = Dataset("noise", np.zeros((3, 8, 8, 1), np.uint8))
    monkeypatch.setenv(features.INCEPTION_VARIABLE, str(graph_path))
    assert feature_network("auto", data).name == "inception"
    monkeypatch.delenv(features.INCEPTION_VARIABLE)
    assert feature_network("auto", data).name == "pixels"
    monkeypatch.setattr(features, "INCEPTION_URL", graph_path.as_uri())  # a download, from this disk
    said = []
    assert feature_network("inception", data, say=said.append).dimension == 6 and "once" in said[0]
    assert feature_network("auto", data, say=said.append).name == "inception" and len(said) == 1
    for name in ("inception", "auto"):
        with pytest.raises(UserError, match="nowhere"):
            feature_network(name, data, inception=tmp_path / "nowhere.pb")
    labelled = data.changed(labels=np.arange(len(data)) % 2)
    for name, other, taken in (("pixels", data, "pixels"), ("auto", labelled, "classifier")):
        with pytest.raises(UserError, match=rf"^inception='.*' is only .*, and these are '{taken}': .* leave it out"):
            feature_network(name, other, inception=graph_path)
    (tmp_path / "other.pb").write_bytes(b"another network")
    with pytest.raises(UserError, match=r"other\.pb.*2015-12-05"):
        feature_network("inception", data, inception=tmp_path / "other.pb")


def test_without_a_network_the_answer_says_what_to_do(cache, monkeypatch, tmp_path):
    data = Dataset("noise", np.zeros((3, 8, 8, 1), np.uint8))
    monkeypatch.setattr(features, "INCEPTION_URL", (tmp_path / "not there").as_uri())
    with pytest.raises(UserError, match=r"could not be downloaded.*--inception PATH.*pixels") as error:
        feature_network("inception", data, say=quiet)
    assert "\n" not in str(error.value)
    (tmp_path / "cut").write_bytes(b"half of it")
    monkeypatch.setattr(features, "INCEPTION_URL", (tmp_path / "cut").as_uri())
    with pytest.raises(UserError, match="checksum"):
        feature_network("inception", data, say=quiet)
    assert list(cache.glob("*")) == []
    with pytest.raises(UserError, match=r"no labels.*pixels"):
        feature_network("classifier", data)
    with pytest.raises(UserError, match=r"'pixel'.*'pixels'"):
        feature_network("pixel", data)
