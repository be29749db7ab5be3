// Canvases get their images from the worker: one job at a time, the large image first, and of each canvas only
// the newest wish. RUNTIME (runtime.js) is what the worker runs.

"use strict";

const worker = new Worker(URL.createObjectURL(new Blob([RUNTIME.ort, "\n", RUNTIME.worker], { type: "text/javascript" })));
const wishes = new Map(); // canvas -> { latents, told, urgency }
let underWay = null;
let ready = false;
let milliseconds = 5; // per image, learned as it goes

function wish(canvas, latents, urgency) {
  wishes.set(canvas, { latents, told: state.told, urgency });
  if (ready) work();
}

function work() {
  if (underWay) return;
  if (!wishes.size) {
    setState("ready");
    return;
  }
  setState("busy");
  const urgency = Math.min(...[...wishes.values()].map((one) => one.urgency));
  const most = Math.max(1, Math.min(8, Math.floor(24 / milliseconds))); // the large image may be wanted meanwhile
  const canvases = [...wishes].filter(([, one]) => one.urgency === urgency).slice(0, most).map(([canvas]) => canvas);
  const latents = new Float32Array(canvases.length * DIM);
  const labels = new Float32Array(canvases.length * LABEL_COUNT);
  canvases.forEach((canvas, index) => {
    latents.set(wishes.get(canvas).latents, index * DIM);
    labels.set(wishes.get(canvas).told, index * LABEL_COUNT);
  });
  canvases.forEach((canvas) => wishes.delete(canvas));
  underWay = canvases;
  worker.postMessage({ latents, labels, count: canvases.length }, [latents.buffer, labels.buffer]);
}

worker.onmessage = ({ data }) => {
  if (data.failed) return fail(data.failed);
  if (data.ready) {
    ready = true;
    $("status").hidden = true;
    return work();
  }
  const size = WIDTH * HEIGHT * 4;
  underWay.forEach((canvas, index) => {
    if (canvas.width !== WIDTH || canvas.height !== HEIGHT) [canvas.width, canvas.height] = [WIDTH, HEIGHT];
    canvas.getContext("2d").putImageData(new ImageData(data.pixels.subarray(index * size, (index + 1) * size), WIDTH, HEIGHT), 0, 0);
    canvas.classList.add("drawn");
  });
  milliseconds = 0.7 * milliseconds + (0.3 * data.ms) / underWay.length;
  $("speed").textContent = `An image takes ${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms here.`;
  underWay = null;
  work();
};
worker.onerror = (event) => fail(event.message || "its worker did not start");

function fail(reason) {
  setState("failed");
  $("status").hidden = false;
  $("status").textContent = `The generator does not run in this browser (${reason}). It needs one of 2023 or later, and undamaged files.`;
}

function setState(name) {
  document.body.dataset.state = name;
}

function startPainting() {
  worker.postMessage({ runtime: { loader: RUNTIME.loader, wasm: RUNTIME.wasm }, model: GENERATOR.model });
}
