"""The photographs that come along show the face filter all it can do."""

from data_prep.detections import detect
from data_prep.example_photographs import example_photographs
from data_prep.face_filter import decide
from dcgan_tf.data.sources import open_source


def test_the_example_photographs_are_some_of_each_kind(tmp_path):
    source = open_source(example_photographs(tmp_path / "photographs"))
    assert len(source.names) == 100
    found = detect(source, tmp_path / "detections.npz", workers=2, progress=False)
    for threshold, names in ((40, {"astronaut_2_mirrored.png", "astronaut_9_two.png"}), (30, None)):
        decisions = decide(found, "frontal", threshold)
        kept = {name for name, keep in zip(found.names, decisions.kept, strict=True) if keep}
        assert names is None or {name for name in kept if name.startswith("astronaut")} == names
        assert not {name for name in kept if name.startswith(("cat", "other", "photographer"))}
        assert 20 < len(kept) < 80
    assert decisions.reasons[found.names.index("astronaut_9_two.png")] == "several frontal faces: 2"
    made = (tmp_path / "photographs" / "cat.png").stat().st_mtime_ns
    example_photographs(tmp_path / "photographs")
    assert (tmp_path / "photographs" / "cat.png").stat().st_mtime_ns == made
