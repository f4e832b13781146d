// Faces from frame to frame: who is who, and bars that do not jump.

import { overlap } from "./blazeface.js";

const SAME = 0.3; // intersection over union from which on two boxes are one face
const SECONDS = 0.25; // after which two thirds of what is shown is new

const corners = (face) => [face.x, face.y, face.x + face.width, face.y + face.height];

export class Tracker {
  #faces = [];
  #time = 0;
  #next = 1;

  /** Give each new face the number of the old one at its place, and smooth its probabilities. */
  update(faces, now) {
    const share = 1 - Math.exp(-(now - this.#time) / 1000 / SECONDS);
    const old = [...this.#faces];
    const found = faces.map((face) => {
      const fits = old.map((other) => overlap(corners(face), corners(other)));
      const best = fits.indexOf(Math.max(...fits));
      if (best < 0 || fits[best] < SAME) return { ...face, number: 0 };
      const [before] = old.splice(best, 1);
      const probabilities = face.probabilities.map(
        (value, n) => before.probabilities[n] + share * (value - before.probabilities[n]));
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
