"""The layers of a network: a table, and a picture with a box for each that computes."""

import html
import math

from matplotlib.colors import to_rgb
from matplotlib.patches import Polygon

from dcgan_tf.pictures.picture import GRAY, Picture
from dcgan_tf.pictures.tables import as_html, as_text


class LayerTable:
    """The rows (layer, output shape, parameters) of a network: a table in a notebook, text elsewhere."""

    def __init__(self, model):
        self.name = model.name
        self.rows = [
            (describe_layer(layer), shape_text(layer.output.shape[1:]), layer.count_params()) for layer in model.layers
        ]
        self.trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
        self.fixed = model.count_params() - self.trainable

    def _totals(self):
        fixed = f" + {self.fixed:,} non-trainable (the statistics of BatchNorm)" if self.fixed else ""
        return f"{self.trainable + self.fixed:,} parameters: {self.trainable:,} trainable{fixed}"

    def _frame(self):
        import pandas

        rows = [(name, shape, f"{count:,}" if count else "–") for name, shape, count in self.rows]
        return pandas.DataFrame(rows, columns=["layer", "output", "parameters"])

    def __repr__(self):
        return "\n".join([self.name, as_text(self._frame(), left=("layer", "output")), self._totals()])

    def _repr_html_(self):
        return f"<p><b>{html.escape(self.name)}</b>, {html.escape(self._totals())}</p>{as_html(self._frame())}"


def layer_table(model) -> LayerTable:
    """The layers of a Keras model, one row each, with the total of parameters."""
    return LayerTable(model)


def shape_text(shape) -> str:
    """(8, 8, 512) -> '8×8×512'."""
    return "×".join("?" if size is None else f"{size:,}" if len(shape) == 1 else str(size) for size in shape)


_SHORT_KINDS = {"InputLayer": "input", "Conv2DTranspose": "transposed convolution", "Conv2D": "convolution"}
_SHORT_KINDS |= {"BatchNormalization": "BatchNorm", "Dense": "dense", "Add": "sum", "Multiply": "product"}
_SHORT_KINDS |= {"Concatenate": "joined"}


def describe_layer(layer) -> str:
    """One layer in words: 'transposed convolution, 5×5, stride 2', 'Dropout 0.3', 'tanh'."""
    config, kind = layer.get_config(), type(layer).__name__
    words = [_SHORT_KINDS.get(kind, kind)]
    if kind == "InputLayer":
        words[0] = layer.name
    elif kind == "Activation":
        words[0] = config["activation"]
    elif kind == "Dropout":
        words[0] = f"Dropout {config['rate']:g}"
    elif kind == "UpSampling2D":
        words[0] = f"enlarged {shape_text(config['size'])}"
    elif kind in ("ZeroPadding2D", "Cropping2D"):
        words[0] = f"{'padded' if kind == 'ZeroPadding2D' else 'cropped'} to {shape_text(layer.output.shape[1:3])}"
    elif rearrangement := _rearrangement(layer):
        words = [rearrangement, "2×2"]
    elif kind == "LeakyReLU":
        words[0] = f"LeakyReLU {config['negative_slope']:g}"
    kernel, strides = config.get("kernel_size"), config.get("strides")
    if kernel:
        words.append(shape_text(kernel))
        if strides and max(strides) > 1:
            words.append(f"stride {max(strides)}")
    if kind != "Activation" and config.get("activation", "linear") != "linear":
        words.append(str(config["activation"]))
    return ", ".join(words)


def _rearrangement(layer) -> str | None:
    """What the last of three layers does that lay blocks of 2x2 pixels into the channels, or back (see quick)."""
    if type(layer).__name__ != "Reshape" or len(layer.input.shape) != 6 or len(layer.output.shape) != 4:
        return None
    return "space to depth" if layer.output.shape[1] == layer.input.shape[1] else "depth to space"


class _Block:
    """One box of the picture: a layer that computes, and the small ones (BatchNorm, ReLU, ...) that follow it.

    sources: the boxes whose results it takes.
    """

    def __init__(self, layer, sources):
        self.layer, self.sources, self.small, self.parameters = layer, sources, [], layer.count_params()
        self.shape = tuple(layer.output.shape[1:])

    def add(self, layer):
        self.parameters += layer.count_params()
        shape = tuple(layer.output.shape[1:])
        kind = type(layer).__name__
        # A reshape to an image, or a crop. Flatten only lays out what there is; enlarged is not computed, and the
        # input is as it came.
        if len(shape) == 3 and kind not in ("UpSampling2D", "Add") and type(self.layer).__name__ != "InputLayer":
            self.shape = shape
        if kind not in ("Reshape", "Flatten", "Permute") or _rearrangement(layer):
            self.small.append(describe_layer(layer))

    @property
    def volume(self):
        """(height, width, channels), a vector being an image of one pixel."""
        return self.shape if len(self.shape) == 3 else (1, 1, math.prod(self.shape))


def _blocks(model) -> list[_Block]:
    """The boxes of a network: the way from its input to its output first, then what is added on the side."""
    from dcgan_tf.system.keras_backend import keras  # who has a model has it already; other pictures need none

    blocks, maker = [], {}  # maker: id of a tensor -> the box it comes from
    for layer in model.operations:
        kind = type(layer).__name__
        is_layer = isinstance(layer, keras.Layer)  # or a bare operation, such as those of minibatch_std
        computes = is_layer and bool(layer.weights) and "Norm" not in kind and kind != "PReLU"
        sources = [maker[id(tensor)] for tensor in keras.tree.flatten(layer.input) if id(tensor) in maker]
        # What is done to the images before any layer computes is a box of its own.
        computes = computes or (_rearrangement(layer) and isinstance(sources[0].layer, keras.layers.InputLayer))
        if computes or not sources or "Pooling" in kind:
            block = _Block(layer, sources)
            blocks.append(block)
        else:
            block = sources[0] if kind == "Concatenate" else _bearer(sources)
            if is_layer:
                block.add(layer)
        maker.update((id(tensor), block) for tensor in keras.tree.flatten(layer.output))
    way, block = [], maker[id(model.outputs[0])]
    while block:
        way, block = [block, *way], block.sources[0] if block.sources else None
    return way + [block for block in blocks if block not in way]


def _bearer(sources):
    """The box that a sum or product belongs to: the one that is made of another of them, as the logit is of features.

    Else the largest, and an image rather than a number for each channel.
    """
    last = [source for source in sources if any(other in source.sources for other in sources)]
    return max(last or sources, key=lambda source: (source.volume[0] > 1, source.parameters))


_COLOURS = {"InputLayer": "#b8bcc2", "Dense": "#e9b44c", "Conv2D": "#5b8fc7", "Conv2DTranspose": "#d97a4a"}


def architecture(model, columns: int = 6) -> Picture:
    """A picture of a network, no system binary needed: a box for each layer that computes, in order.

    What does not take its input from the box before it has no arrow there, and says where its input is from.

    A box is as high and as deep as the layer's output image and as long as it has channels (both by their
    square root); under it stand the layer, its output, its parameters, and the small layers that follow it.
    """
    blocks = _blocks(model)
    rows = -(-len(blocks) // columns)
    columns = -(-len(blocks) // rows)
    befores = [None, *blocks]
    captions = [_caption(block, before) for block, before in zip(blocks, befores, strict=False)]
    lines = max(map(len, captions))
    cell_width, box_height, text_height = 1.6, 1.5, 0.17 * lines + 0.12
    width, height = columns * cell_width + 0.1, rows * (box_height + text_height) + 0.4
    figure = Picture(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height), aspect="equal")
    axes.set_axis_off()
    title = f"{model.name}: {model.count_params():,} parameters"
    axes.text(0.12, height - 0.12, title, va="top", fontsize=11, weight="bold")
    largest_side = max(block.volume[0] for block in blocks)
    most_channels = max(block.volume[2] for block in blocks)
    for index, block in enumerate(blocks):
        row, column = divmod(index, columns)
        x = 0.05 + (column + 0.5) * cell_width
        base = height - 0.4 - row * (box_height + text_height) - box_height
        side = 1.05 * math.sqrt(block.volume[0] / largest_side)
        length = 0.8 * math.sqrt(block.volume[2] / most_channels)
        middle = base + box_height / 2
        _draw_box(axes, x, middle, max(side, 0.07), max(length, 0.05), _COLOURS.get(type(block.layer).__name__, "#999"))
        if index + 1 < len(blocks) and block in blocks[index + 1].sources:
            _draw_arrow(axes, x + cell_width / 2, middle, wraps=column + 1 == columns)
        for line, (text, style) in enumerate(captions[index]):
            axes.text(x, base - 0.02 - 0.17 * line, text, ha="center", va="top", fontsize=8, **style)
    return figure


def _caption(block, before):
    """The lines under a box, as (text, style); `before` is the box left of it."""
    kind, *details = describe_layer(block.layer).split(", ")
    lines = [(kind, {"weight": "bold"})]
    lines += [(", ".join(details), {})] if details else []
    lines += [(shape_text(block.shape), {"color": "#111111"})]
    lines += [(f"{block.parameters:,} parameters", {"color": GRAY})] if block.parameters else []
    if block.sources and before not in block.sources:
        lines.append((f"from {shape_text(block.sources[0].shape)}", {"color": GRAY}))
    if _rearrangement(block.layer):
        lines += [("each 2×2 pixels", {"color": GRAY}), ("become channels", {"color": GRAY})]
    names = list(block.small)
    while names:  # two small layers in a line, where they fit
        line = names.pop(0)
        if names and len(line) + len(names[0]) < 20:
            line += " · " + names.pop(0)
        lines.append((line, {"color": GRAY, "style": "italic"}))
    return lines


def _draw_box(axes, x, y, side, length, colour):
    """A block in a parallel projection, centred on (x, y): `side` high and deep, `length` long."""
    depth_x, depth_y = 0.42 * side, 0.30 * side
    left, bottom = x - (length + depth_x) / 2, y - (side + depth_y) / 2
    front = [(left, bottom), (left + length, bottom), (left + length, bottom + side), (left, bottom + side)]
    back = [(corner_x + depth_x, corner_y + depth_y) for corner_x, corner_y in front]
    faces = (([front[3], front[2], back[2], back[3]], 0.55), ([front[1], back[1], back[2], front[2]], 0.8), (front, 1))
    for corners, strength in faces:
        face = [1 - strength * (1 - part) for part in to_rgb(colour)]
        axes.add_patch(Polygon(corners, facecolor=face, edgecolor="white", linewidth=0.8))


def _draw_arrow(axes, x, y, wraps):
    """From one box to the next, at (x, y); at the end of a row a hook that says: goes on below."""
    if wraps:
        axes.text(x - 0.05, y, "↵", ha="center", va="center", fontsize=13, color=GRAY)
    else:
        axes.annotate("", (x + 0.09, y), (x - 0.09, y), arrowprops={"arrowstyle": "->", "color": GRAY})
