// The random numbers of NumPy's default_rng(seed), number for number, so that seed 7 shows here what
// `python -m dcgan_tf sample RUN --seed 7` draws: SeedSequence and PCG64 (O'Neill 2014), and the ziggurat of
// Marsaglia and Tsang (2000) with 256 layers for normal numbers.

"use strict";

const latentUnits = (() => {
  const MASK_64 = (1n << 64n) - 1n;
  const MASK_128 = (1n << 128n) - 1n;
  const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

  // --- SeedSequence: a whole number spread over 256 bits -------------------------------------------------

  function seedWords(seed, count) {
    const entropy = [];
    for (let rest = BigInt(seed); rest > 0n || entropy.length === 0; rest >>= 32n) entropy.push(Number(rest & 0xffffffffn));

    let constant = 0x43b0d7e5;
    const hash = (value) => {
      value ^= constant;
      constant = Math.imul(constant, 0x931e8875);
      value = Math.imul(value, constant);
      return value ^ (value >>> 16);
    };
    const mix = (x, y) => {
      const value = Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y) | 0;
      return value ^ (value >>> 16);
    };
    const pool = [0, 1, 2, 3].map((index) => hash(entropy[index] ?? 0));
    for (let from = 0; from < 4; from++)
      for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
    for (const word of entropy.slice(4)) for (let to = 0; to < 4; to++) pool[to] = mix(pool[to], hash(word));

    constant = 0x8b51f9dd;
    return Array.from({ length: count }, (_, index) => {
      let value = pool[index % 4] ^ constant;
      constant = Math.imul(constant, 0x58f38ded);
      value = Math.imul(value, constant);
      return (value ^ (value >>> 16)) >>> 0;
    });
  }

  // --- PCG64: 64 random bits at a time --------------------------------------------------------------------

  function generator(seed) {
    const words = seedWords(seed, 8).map(BigInt);
    const long = (index) => words[2 * index] | (words[2 * index + 1] << 32n);
    const increment = ((((long(2) << 64n) | long(3)) << 1n) | 1n) & MASK_128;
    let state = 0n;
    const step = () => (state = (state * MULTIPLIER + increment) & MASK_128);
    step();
    state += (long(0) << 64n) | long(1);
    step();
    return () => {
      step();
      const turn = state >> 122n;
      const value = (state >> 64n) ^ (state & MASK_64);
      return ((value >> turn) | (value << (64n - turn))) & MASK_64;
    };
  }

  const unitInterval = (next) => Number(next() >> 11n) / 2 ** 53;

  // --- the ziggurat -----------------------------------------------------------------------------------------

  const TAIL = 3.6541528853610088; // where the lowest layer ends
  const AREA = 0.004928673233974658; // of each layer
  const [edge, width, height] = (() => {
    const density = (x) => Math.exp(-0.5 * x * x);
    const edges = new Float64Array(256);
    const widths = new Float64Array(256);
    const heights = new Float64Array(256);
    const lowest = AREA / density(TAIL);
    edges[0] = Math.floor((TAIL / lowest) * 2 ** 52);
    widths[0] = lowest / 2 ** 52;
    heights[0] = 1;
    widths[255] = TAIL / 2 ** 52;
    heights[255] = density(TAIL);
    let x = TAIL;
    for (let layer = 254; layer >= 1; layer--) {
      const inner = Math.sqrt(-2 * Math.log(AREA / x + density(x)));
      edges[layer + 1] = Math.floor((inner / x) * 2 ** 52);
      widths[layer] = inner / 2 ** 52;
      heights[layer] = density(inner);
      x = inner;
    }
    edges[1] = 0;
    return [edges, widths, heights];
  })();

  function normal(next) {
    for (;;) {
      const bits = next();
      const layer = Number(bits & 0xffn);
      const negative = (bits >> 8n) & 1n;
      const whole = Number((bits >> 9n) & 0xfffffffffffffn);
      const x = (negative ? -whole : whole) * width[layer];
      if (whole < edge[layer]) return x;
      if (layer === 0) {
        for (;;) {
          const beyond = -Math.log1p(-unitInterval(next)) / TAIL;
          const chance = -Math.log1p(-unitInterval(next));
          if (2 * chance > beyond * beyond) return (bits >> 17n) & 1n ? -(TAIL + beyond) : TAIL + beyond;
        }
      }
      if ((height[layer - 1] - height[layer]) * unitInterval(next) + height[layer] < Math.exp(-0.5 * x * x)) return x;
    }
  }

  // --- latents ------------------------------------------------------------------------------------------------

  const kept = new Map(); // seed and distribution -> { next, rows }: rows are drawn in order, and once

  /** Row `index` of what Python draws for `seed`, before mean and std: a Float64Array of `dim` numbers. */
  return function latentUnits(seed, index, dim, distribution) {
    const name = `${seed} ${distribution}`;
    if (!kept.has(name)) {
      if (kept.size > 20) kept.delete(kept.keys().next().value);
      kept.set(name, { next: generator(seed), rows: [] });
    }
    const { next, rows } = kept.get(name);
    const draw = distribution === "uniform" ? () => 2 * unitInterval(next) - 1 : () => normal(next);
    while (rows.length <= index) rows.push(Float64Array.from({ length: dim }, draw));
    return rows[index];
  };
})();
