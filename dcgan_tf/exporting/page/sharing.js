// What a person takes along: images as PNG, and texts on the clipboard.

"use strict";

/** Download canvases side by side as one PNG, each pixel enlarged `scale` times, or smoothed if so shown. */
function save(canvases, across, scale, suffix) {
  const columns = Math.min(across, canvases.length);
  const [width, height] = [WIDTH * scale, HEIGHT * scale];
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [columns * width, Math.ceil(canvases.length / columns) * height];
  const context = sheet.getContext("2d");
  context.imageSmoothingEnabled = state.smooth;
  context.imageSmoothingQuality = "high";
  canvases.forEach((canvas, index) => context.drawImage(canvas, (index % columns) * width, Math.floor(index / columns) * height, width, height));
  sheet.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${about.name.replace(/[^\w.=+-]+/g, "_")}-seed${state.seed}${suffix}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
}

async function copy(text, button) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.dataset.said ??= button.textContent;
  button.textContent = done ? "Copied" : "Not allowed here";
  setTimeout(() => (button.textContent = button.dataset.said), 1500);
}
