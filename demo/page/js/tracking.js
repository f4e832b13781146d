// Faces from frame to frame: who is who, and bars that do not jump.

import { overlap } from "./blazeface.js";

const SAME = 0.3; // intersection over union from which on two boxes are one face
const SECONDS = 0.25; // after which two thirds of what is shown is new

const corners = (face) => [face.x, face.y, face.x + face.width, face.y + face.height];

/** For each of `faces` the one of `old` at its place, each at most once, or undefined. */
export function matches(faces, old) {
  const left = [...old];
  return faces.map((face) => {
    const fits = left.map((other) => overlap(corners(face), corners(other)));
    const best = fits.indexOf(Math.max(...fits));
    return best >= 0 && fits[best] >= SAME ? left.splice(best, 1)[0] : undefined;
  });
}

export class Tracker {
  #faces = [];
  #time = 0;
  #next = 1;

  /** Give each new face the number of the old one at its place, and smooth its probabilities. */
  update(faces, now) {
    const share = 1 - Math.exp(-(now - this.#time) / 1000 / SECONDS);
    const old = matches(faces, this.#faces);
    const found = faces.map((face, n) => {
      const before = old[n];
      if (!before) return { ...face, number: 0 };
      const probabilities = face.probabilities.map(
        (value, k) => before.probabilities[k] + share * (value - before.probabilities[k]));
      return { ...face, number: before.number, probabilities };
    });
    if (!found.some((face) => face.number)) this.#next = 1; // everybody is new
    for (const face of found) if (!face.number) face.number = this.#next++;
    this.#faces = found;
    this.#time = now;
    return found;
  }

  /** Forget everybody. */
  reset() {
    this.#faces = [];
    this.#next = 1;
  }
}
