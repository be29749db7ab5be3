// What a conditional generator is told beside latents: the chosen labels, and the buttons and switches for them.
// state.told is a row of them, 0 or 1 each; the painter gives it to the worker with the latents of every image.

"use strict";

const LABELS = about.labels; // names, kind, shares; undefined where the generator takes no labels
const CLASSES = LABELS?.kind === "class";
const LABEL_COUNT = LABELS ? LABELS.names.length : 0;
// What no image of the training had was not learned, and `sample` cannot be asked for it either.
const OFFERED = LABELS ? [...LABELS.names.keys()].filter((number) => LABELS.shares[number] > 0) : [];
state.told = GENERATOR.told;

const toldOf = (numbers) => Array.from({ length: LABEL_COUNT }, (_, number) => Number(numbers.includes(number)));
const chosen = () => OFFERED.filter((number) => state.told[number]);

/** `class=7`, or `with=0.3` of the attributes that are on. */
const labelsInAddress = () => `${CLASSES ? "class" : "with"}=${chosen().join(".")}`;

function labelsOfAddress(given) {
  const text = LABELS ? given.get(CLASSES ? "class" : "with") : null;
  if (text === null) return GENERATOR.told;
  const numbers = text === "" ? [] : text.split(".").map((part) => (/^\d{1,6}$/.test(part) ? Number(part) : -1));
  const makesSense = numbers.every((number) => OFFERED.includes(number)) && (!CLASSES || numbers.length === 1);
  return makesSense ? toldOf(numbers) : GENERATOR.told;
}

/** What `sample` is asked with for images of these labels: names where a shell takes them as they are, else numbers. */
function labelsAsOptions() {
  const listed = (numbers) => numbers.map((number) => (/^[\w.]+$/.test(LABELS.names[number]) ? LABELS.names[number] : number)).join(",");
  if (!LABELS) return "";
  if (CLASSES) return ` --class ${listed(chosen())}`;
  const rest = OFFERED.filter((number) => !state.told[number]);
  return (chosen().length ? ` --with ${listed(chosen())}` : "") + (rest.length ? ` --without ${listed(rest)}` : "");
}

const labelName = (number) => LABELS.names[number].replaceAll("_", " ");
const labelControls = OFFERED.map((number) => (CLASSES ? classButton(number) : attributeSwitch(number)));

function classButton(number) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: labelName(number) });
  button.onclick = () => set({ told: toldOf([number]) });
  $("label-choices").append(button);
  return button;
}

function attributeSwitch(number) {
  const label = Object.assign(document.createElement("label"), { className: "choice" });
  const input = Object.assign(document.createElement("input"), { type: "checkbox" });
  input.onchange = () => set({ told: state.told.map((old, place) => (place === number ? Number(input.checked) : old)) });
  label.append(input, labelName(number));
  $("label-choices").append(label);
  return input;
}

function showLabels() {
  OFFERED.forEach((number, place) => {
    if (CLASSES) labelControls[place].setAttribute("aria-pressed", Boolean(state.told[number]));
    else labelControls[place].checked = Boolean(state.told[number]);
  });
  $("asked").textContent = labelsAsOptions();
}

$("labels").hidden = !LABELS;
$("labels-heading").textContent = CLASSES ? "Class" : "Attributes";
