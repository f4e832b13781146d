// A card with bars for each face, made once and then only changed.

import { faceColor } from "./stage.js";
import { TEXTS } from "./texts.js";

export const best = (probabilities) => probabilities.indexOf(Math.max(...probabilities));
export const percent = (value) => Math.round(100 * value);

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export class Cards {
  #cards = new Map();

  constructor(root, classes) {
    this.root = root;
    this.classes = classes;
  }

  /** Show `faces`, each with a `number` and `probabilities`. */
  show(faces) {
    const seen = new Set(faces.map((face) => face.number));
    for (const [number, card] of this.#cards) {
      if (seen.has(number)) continue;
      card.root.remove();
      this.#cards.delete(number);
    }
    for (const face of [...faces].sort((a, b) => a.number - b.number)) this.#update(face);
  }

  #update({ number, probabilities }) {
    if (!this.#cards.has(number)) this.#cards.set(number, this.#make(number));
    const card = this.#cards.get(number), top = best(probabilities);
    if (card.top.textContent !== this.classes[top]) card.top.textContent = this.classes[top];
    card.rows.forEach(({ row, fill, value }, n) => {
      row.classList.toggle("best", n === top);
      fill.style.transform = `scaleX(${probabilities[n].toFixed(3)})`;
      const text = `${percent(probabilities[n])} %`;
      if (value.textContent !== text) value.textContent = text;
    });
  }

  #make(number) {
    const dot = element("span", "dot");
    dot.style.background = faceColor(number);
    const top = element("span", "top");
    const rows = this.classes.map((name) => {
      const fill = element("span", "fill"), value = element("span", "value");
      const track = element("span", "track", fill);
      track.setAttribute("aria-hidden", "true");
      return { row: element("li", "", element("span", "", name), track, value), fill, value };
    });
    const title = element("h2", "", dot, TEXTS.face(number));
    const list = element("ul", "bars", ...rows.map(({ row }) => row));
    const root = element("section", "card", element("div", "card-top", title, top), list);
    root.setAttribute("aria-label", TEXTS.face(number));
    this.root.append(root);
    return { root, top, rows };
  }
}
