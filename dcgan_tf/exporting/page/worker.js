// The generator at work, beside the page, so that sliders never wait for it. The page puts ONNX Runtime Web's
// own script in front of this one. Messages: { runtime, model } once, answered by { ready } or { failed };
// then { latents, labels, count } (no labels: an empty array), answered by { pixels: Uint8ClampedArray RGBA [count, height, width, 4], ms }.

"use strict";

let session;

async function unpacked(text) {
  let bytes;
  if (Uint8Array.fromBase64) {
    bytes = Uint8Array.fromBase64(text);
  } else {
    bytes = new Uint8Array((text.length / 4) * 3 - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0));
    const piece = 1 << 20; // a multiple of 4; all at once would need several times the memory
    for (let start = 0, at = 0; start < text.length; start += piece) {
      const raw = atob(text.slice(start, start + piece));
      for (let index = 0; index < raw.length; index++) bytes[at++] = raw.charCodeAt(index);
    }
  }
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
}

async function begin({ runtime, model }) {
  // One thread needs no SharedArrayBuffer, so no headers of a server; blob: addresses work from file:// too.
  ort.env.wasm.numThreads = 1;
  const wasm = new Blob([await (await unpacked(runtime.wasm)).arrayBuffer()], { type: "application/wasm" });
  const loader = new Blob([runtime.loader], { type: "text/javascript" });
  ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(loader), wasm: URL.createObjectURL(wasm) };
  const bytes = new Uint8Array(await (await unpacked(model)).arrayBuffer());
  session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
}

async function images(latents, labels, count) {
  const inputs = { latents: new ort.Tensor("float32", latents, [count, latents.length / count]) };
  if (labels.length) inputs.labels = new ort.Tensor("float32", labels, [count, labels.length / count]);
  const { images } = await session.run(inputs);
  const channels = images.dims[3];
  const pixels = new Uint8ClampedArray((images.data.length / channels) * 4).fill(255);
  const values = images.data;
  for (let from = 0, to = 0; from < values.length; from += channels, to += 4) {
    for (let channel = 0; channel < 3; channel++) {
      const value = values[from + (channels === 3 ? channel : 0)];
      // As images.to_uint8 does it: a clamped array rounds halves to even, and what is no number becomes gray.
      pixels[to + channel] = value === value ? Math.fround(Math.fround(value + 1) * 127.5) : 128;
    }
  }
  images.dispose();
  Object.values(inputs).forEach((input) => input.dispose());
  return pixels;
}

self.onmessage = async ({ data }) => {
  try {
    if (data.runtime) {
      await begin(data);
      self.postMessage({ ready: true });
      return;
    }
    const began = performance.now();
    const pixels = await images(data.latents, data.labels, data.count);
    self.postMessage({ pixels, ms: performance.now() - began }, [pixels.buffer]);
  } catch (error) {
    self.postMessage({ failed: String((error && error.message) || error) });
  }
};
