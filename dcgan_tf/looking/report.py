"""What was found in some pictures, in words: a line for each thing. TensorFlow is not imported."""

from collections import Counter

from dcgan_tf.data.survey.values import FAINT

_NAMED = 3  # files in a line


def findings(survey, source, size: int, labels_note: str) -> dict[str, str]:
    """What is found -> what there is of it. labels_note: of what gives the pictures labels, or why nothing does."""
    table, usable = survey.table, survey.usable
    found = {"pictures": _pictures(table, usable, source)}
    for reason, names in _left_out(table, source).items():
        key = "left out" if "left out" not in found else f"left out {len(found)}"
        found[key] = f"{len(names):,} {reason}: {_listed(names)}"
    if any(usable["format"]):
        found["formats"] = ", ".join(f"{kind} {count:,}" for kind, count in Counter(usable["format"]).most_common())
    found["sizes"] = _sizes(usable, size)
    kinds = _kinds(usable)
    if kinds:
        found["kinds"] = "; ".join(kinds)
    low, high = survey.values
    little = ", which is little of 0 to 255" if high - low < FAINT else ""
    found["values"] = f"nearly all from {low} to {high}{little}"
    found["labels"] = (
        labels_note or "none: one subfolder per class, or a labels.csv beside the pictures, would give some"
    )
    found["near-duplicates"] = _near_duplicates(usable)
    return found


def _pictures(table, usable, source):
    hidden = f"; {source.ignored:,} hidden passed over" if source.ignored else ""
    if len(usable) == len(table):
        return f"{len(usable):,}, all of which can be used{hidden}"
    return f"{len(usable):,} of {len(table):,} files can be used{hidden}"


def _left_out(table, source):
    """reason -> the names of what is left out for it; the most frequent first."""
    reasons = {}
    for name, reason in table.loc[table["reason"] != "", ["name", "reason"]].itertuples(index=False):
        reasons.setdefault(reason.split(":")[0], []).append(name)
    for name, reason in source.left_out:
        reasons.setdefault(reason, []).append(name)
    return dict(sorted(reasons.items(), key=lambda one: -len(one[1])))


def _sizes(usable, size):
    sides = usable[["width", "height"]].min(axis=1).sort_values(kind="stable")
    told = [usable.loc[sides.index[place]] for place in (0, len(sides) // 2, len(sides) - 1)]
    smallest, median, largest = (f"{row.width}x{row.height}" for row in told)
    small = int((sides < size).sum())
    told = f"all {smallest}" if smallest == largest else f"{smallest} to {largest}, the middle one {median}"
    if not small:
        return told
    names = usable.loc[sides.index[:small], "name"].tolist()
    return f"{told}; {small:,} smaller than {size}x{size}: {_listed(names)}"


def _kinds(usable):
    """Whatever is not an opaque, still picture of colour with 8 bits."""
    told = []
    gray, stored = int(usable["is_gray"].sum()), int(usable["is_stored_gray"].sum())
    if gray:
        all_or_some = "all" if gray == len(usable) else f"{gray:,}"
        told.append(f"{all_or_some} gray" + (f" ({gray - stored:,} stored as colour)" if gray > stored else ""))
    if usable["is_transparent"].any():
        told.append(f"{usable['is_transparent'].sum():,} transparent, laid over white")
    if usable["is_deep"].any():
        told.append(f"{usable['is_deep'].sum():,} of 16 bits")
    frames = usable.loc[usable["frames"] > 1, "frames"]
    if len(frames):
        told.append(
            f"{len(frames):,} with several frames or pages, of which the first is taken: --all-frames takes "
            f"{frames.sum() - len(frames):,} more"
        )
    return told


def _near_duplicates(usable):
    again = usable[usable["near_duplicate_of"] != ""]
    if not len(again):
        return "none"
    pairs = [f"{row.name} is {row.near_duplicate_of}" for row in again.itertuples(index=False)]
    same = int(again["is_same_file"].sum())
    exact = f" ({same:,} to the last bit)" if same else ""
    return f"{len(again):,} nearly the same as one before{exact}: {_listed(pairs)}"


def _listed(names):
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
