"""The shapes of what a run writes: config.json, a line of metrics.jsonl, a line of alarms.jsonl.

They are checked and not converted: what is read is used as it stands in the file.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=0, le=2**53)]
Positive = Annotated[int, Field(ge=1, le=2**53)]


class _Shape(BaseModel):
    """Numbers are numbers and texts are texts; fields that are not named here may be there, too."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


class RecipePart(_Shape):
    """The fields of a recipe that others read from config.json; absent ones are younger than the run."""

    __pydantic_extra__: dict[str, bool | int | float | str | list | None]
    name: str
    batch_size: Positive = 1
    channels: Positive | None = None
    ema_images: float | None = None
    generator_learning_rate: float = 0.0
    discriminator_learning_rate: float = 0.0
    grid_every: Positive | None = None
    image_size: Positive = 1
    label_noise: float = 0.0
    latent_dim: Positive = 1
    latent_distribution: str = "normal"
    latent_mean: float = 0.0
    latent_std: Annotated[float, Field(ge=0)] = 1.0
    loss: str = "bce"
    real_label_high: float = 1.0
    real_label_low: float = 1.0


class DatasetPart(_Shape):
    name: str | None = None
    fingerprint: str | None = None
    images: Count | None = None
    image_shape: Annotated[list[Positive], Field(min_length=3, max_length=3)]
    classes: list[str | int] | str | int | None = None
    resize: bool = False
    stretch: bool = False
    all_frames: bool = False
    drop_small: bool = False


class StartPart(_Shape):
    """The run whose weights a run began with."""

    run: str
    step: Count
    weights: str


class LengthPart(_Shape):
    epochs: Positive | None = None
    steps: Positive | None = None
    max_seconds: Annotated[float, Field(gt=0)] | None = None


class Config(_Shape):
    """config.json."""

    recipe: RecipePart
    seed: Count
    dataset: DatasetPart
    start_from: StartPart | None = None
    log_every: Positive
    steps_per_epoch: Positive
    length: LengthPart
    results_step: Count | None = None
    versions: dict[str, str] = {}
    hardware: dict[str, Any] = {}
    started: str | None = None


class Value(_Shape):
    mean: float
    std: float | None = None
    values: list[float] = []


class Features(_Shape):
    description: str
    name: str = ""
    key: str = ""


class RealPart(_Shape):
    dataset: str
    split: str
    images: Count
    fingerprint: str


class Look(_Shape):
    spread: float
    neighbours: float
    copied: float


class OneLabel(_Shape):
    asked: Count
    agreement: float | None
    real: float | None
    distance: float | None = None
    images: list[Count] = []


class LabelsPart(_Shape):
    """How a conditional generator hears its labels (see evaluation/label_agreement.py)."""

    what: Literal["class", "attribute"]
    agreement: float
    real: float | None
    permuted: float
    share: float | None = None
    of_each: dict[str, OneLabel] = {}
    without_distance: list[str] = []
    fewest: Count = 0


class YardstickImages(_Shape):
    real: Annotated[list[Count], Field(min_length=2, max_length=2)]
    noise: Annotated[list[Count], Field(min_length=2, max_length=2)]


class Yardsticks(_Shape):
    """What real images and noise give, by metric, and how many there were (see evaluation/yardsticks.py)."""

    real: dict[str, float]
    noise: dict[str, float]
    images: YardstickImages


class Evaluation(_Shape):
    """A line of metrics.jsonl."""

    metrics: dict[str, Value]
    features: Features
    samples: Count
    seeds: list[Count]
    real: RealPart
    generator: str
    step: Count = 0
    epoch: Count = 0
    while_training: bool = False
    best: bool = False
    look: Look = Look(spread=1, neighbours=1, copied=0)
    labels: LabelsPart = LabelsPart(what="class", agreement=1, real=None, permuted=0)
    missing_classes: list[str] = []
    paired_images: list[Count] = []
    yardsticks: Yardsticks = Yardsticks(real={}, noise={}, images=YardstickImages(real=[0, 0], noise=[0, 0]))
    alarms: list[str] = []

    @model_validator(mode="after")
    def _has_its_step(self):
        if self.while_training and "step" not in self.model_fields_set:
            raise ValueError("an evaluation made while training has its step")
        return self


class AlarmLine(_Shape):
    """A line of alarms.jsonl."""

    step: Count
    alarm: str
    on: bool
    since: Count = 0
    seen: str = ""
    remedies: str = ""

    @model_validator(mode="after")
    def _says_what_was_seen(self):
        if self.on and not {"since", "seen", "remedies"} <= self.model_fields_set:
            raise ValueError("an alarm that begins says what was seen")
        return self
