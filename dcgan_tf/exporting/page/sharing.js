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

/** Why a link to this page would not open elsewhere, in words; "" on a public web server. */
function staysHere({ protocol, hostname }) {
  const everyCopy = "For others, put its folder on a static web host, or send it to them: from # on, the link shows the same in every copy.";
  if (protocol === "file:") return `This page lies on your disk, so the link works on this computer only. ${everyCopy}`;
  if (!/^https?:$/.test(protocol)) return `This page is shown from within another program (${protocol}), so the link works there only. ${everyCopy}`;
  const name = hostname.replace(/^\[|\]$/g, "");
  if (/^(localhost|.+\.localhost|127\..+|0\.0\.0\.0|::1)$/.test(name))
    return `This page is served by your computer to itself (${hostname}), so the link works on this computer only. ${everyCopy}`;
  const isPrivate = /^(10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\.[\d.]+$/.test(name) || /^f[cd][0-9a-f]{2}:|^fe80:/.test(name);
  if (isPrivate || /\.(local|lan|internal|home\.arpa)$/.test(name) || !/[.:]/.test(name))
    return `${hostname} is a computer of your own network, so the link works within that network only. ${everyCopy}`;
  return "";
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
