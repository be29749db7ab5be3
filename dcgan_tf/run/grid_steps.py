"""After which steps a training draws its grids, and what their files are called: the one place that knows.

Nothing of it depends on a clock, so a training that was killed and resumed draws the grids of one that was not.
"""

# Before the first regular grid: the noise that every generator begins with, then at about equal ratios, 1, 2, 3, 6, 10,
# 20, 30, 60, 100 ..., so that the longest first epoch has pictures from its first step.
_LEADING = (1, 2, 3, 6)
# So many epochs have a grid each; then every second has one, from twice as many on every fourth, and so on: 10,000
# epochs leave 756 pictures.
_EACH = 200


class GridRule:
    """When a run draws grids: some early ones, then one every `interval` steps.

    config: its config.json. The interval is as the recipe says (`grid_every`), however many that are; or an epoch,
    and of the later epochs ever fewer have one.
    """

    def __init__(self, config: dict):
        every = config["recipe"].get("grid_every")
        self.by_step, self.steps_per_epoch = bool(every), config["steps_per_epoch"]
        self.interval = every or self.steps_per_epoch
        at_equal_ratios = (lead * 10**power for power in range(len(str(self.interval))) for lead in _LEADING)
        self._early = [0, *(step for step in at_equal_ratios if step < self.interval)]

    def is_regular(self, step: int) -> bool:
        """Whether it ends an interval; of a long run, not every one of them has a grid."""
        return step % self.interval == 0 and step > 0

    def is_early(self, step: int) -> bool:
        return step in self._early

    def is_due(self, step: int) -> bool:
        """Whether a grid is drawn after `step` steps, however long the training goes on."""
        return self.is_early(step) or (self.is_regular(step) and self._is_kept(step // self.interval))

    def _is_kept(self, number):
        return number % self._apart(number) == 0

    def _apart(self, number):
        """From one grid to the next, in intervals, around this one."""
        return 1 if self.by_step else 1 << ((number - 1) // _EACH).bit_length()

    def next_after(self, step: int) -> int:
        """The next step after `step` at which a grid is due."""
        number = step // self.interval + 1
        while not self._is_kept(number):
            number += self._apart(number) - number % self._apart(number)
        return min([early for early in self._early if early > step], default=number * self.interval)

    def up_to(self, last: int) -> list[int]:
        """The steps of all grids that a training may have which has come to `last` and drew one there, too."""
        early = [step for step in self._early if step <= last]
        regular = list(range(self.interval, last + 1, self.interval))
        return [*early, *regular, *([] if last in early or self.is_regular(last) else [last])]

    def name(self, step: int) -> str:
        """step_000100, or epoch_0003: a regular grid by the epoch that is over, one where the training
        stopped by the epoch under way; early ones, and all of a recipe with `grid_every`, by their step."""
        if self.by_step or self.is_early(step):
            return f"step_{step:06d}"
        return f"epoch_{-(-step // self.steps_per_epoch):04d}"
