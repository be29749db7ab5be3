// Which latents an image is made of: the same arithmetic as dcgan_tf/latent/formulas.py and space.py.

"use strict";

/** The way from one latent to another at t in [0, 1]: about `centre` where both lie on a shell, else straight. */
function between(start, end, t, round) {
  if (t <= 0) return start;
  if (t >= 1) return end;
  const straight = () => start.map((value, index) => (1 - t) * value + t * end[index]);
  if (!round) return straight();
  const length = (vector) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  const [one, other] = [length(start), length(end)];
  if (one === 0 || other === 0) return straight();
  const apart = length(start.map((value, index) => value / one - end[index] / other));
  const together = length(start.map((value, index) => value / one + end[index] / other));
  const angle = 2 * Math.atan2(apart, together); // exact near 0 and near pi
  if (angle < 1e-6 || Math.PI - angle < 1e-6) return straight();
  const [first, second] = [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  return start.map((value, index) => first * value + second * end[index]);
}

/** Latents, float32: units (see random.js) spread about the mean, then moved along directions, in deviations. */
function placed(units, spread, moves, { distribution, mean, std }) {
  const uniform = distribution === "uniform";
  const deviation = uniform ? std / Math.sqrt(3) : std;
  const latents = Float64Array.from(units, (unit) => mean + std * spread * unit);
  for (const [vector, amount] of moves)
    if (amount) for (let index = 0; index < latents.length; index++) latents[index] += deviation * amount * vector[index];
  if (uniform && moves.some(([, amount]) => amount)) {
    const edge = std * Math.max(1, spread); // out of its box the generator was never trained
    for (let index = 0; index < latents.length; index++)
      latents[index] = Math.min(mean + edge, Math.max(mean - edge, latents[index]));
  }
  return Float32Array.from(latents);
}
