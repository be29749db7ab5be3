"""After which steps a training draws its grids, and what their files are called: the one place that knows.

Nothing of it depends on a clock, so a training that was killed and resumed draws the grids of one that was not.
"""

# Before the first regular grid: from the noise that every generator begins with, at about equal ratios.
EARLY = (0, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)


class GridRule:
    """When a run draws grids: some early ones, then one every `interval` steps.

    config: its config.json. The interval is as the recipe says (`grid_every`), or an epoch.
    """

    def __init__(self, config: dict):
        every = config["recipe"].get("grid_every")
        self.by_step, self.steps_per_epoch = bool(every), config["steps_per_epoch"]
        self.interval = every or self.steps_per_epoch

    def is_regular(self, step: int) -> bool:
        return step % self.interval == 0 and step > 0

    def is_early(self, step: int) -> bool:
        return step in EARLY and step < self.interval

    def is_due(self, step: int) -> bool:
        """Whether a grid is drawn after `step` steps, however long the training goes on."""
        return self.is_early(step) or self.is_regular(step)

    def next_after(self, step: int) -> int:
        """The next step after `step` at which a grid is due."""
        regular = step - step % self.interval + self.interval
        return min([early for early in EARLY if step < early < regular and self.is_early(early)], default=regular)

    def up_to(self, last: int) -> list[int]:
        """The steps of all grids of a training that has come to `last` and drew one there, too."""
        early = [step for step in EARLY if self.is_early(step) and step <= last]
        regular = list(range(self.interval, last + 1, self.interval))
        return [*early, *regular, *([] if self.is_due(last) else [last])]

    def name(self, step: int) -> str:
        """step_000100, or epoch_0003: a regular grid by the epoch that is over, one where the training
        stopped by the epoch under way; early ones, and all of a recipe with `grid_every`, by their step."""
        if self.by_step or self.is_early(step):
            return f"step_{step:06d}"
        return f"epoch_{-(-step // self.steps_per_epoch):04d}"
