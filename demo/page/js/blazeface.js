// BlazeFace (Bazarevsky et al. 2019, MediaPipe): from the net's raw rows to faces. The same
// arithmetic, step by step, as fer_utils/faces/blazeface.py, whose text explains it.

import { resizeRgb } from "./arithmetic.js";

export const MIN_SCORE = 0.6;
const MAX_OVERLAP = 0.3; // intersection over union above which two rows are one face
const GRIDS = [[16, 2], [8, 6]]; // cells in a row, rows of the output in a cell
const ROW = 16; // center x, y, width, height, then x, y of six landmarks

const ANCHORS = GRIDS.flatMap(([cells, each]) => {
  const grid = [];
  for (let y = 0; y < cells; y++) {
    for (let x = 0; x < cells; x++) {
      for (let n = 0; n < each; n++) grid.push([(x + 0.5) / cells, (y + 0.5) / cells]);
    }
  }
  return grid;
});

/** The net's input of `image`: the picture in a black square, (1, size, size, 3) in -1 to 1. */
export function toInput(image, size) {
  const side = Math.max(image.width, image.height);
  const box = { x: (image.width - side) / 2, y: (image.height - side) / 2, width: side, height: side };
  const pixels = resizeRgb(image, box, size);
  const input = new Float32Array(pixels.length); // Float32Array.from() would take twice the time
  for (let n = 0; n < pixels.length; n++) input[n] = pixels[n] / 127.5 - 1;
  return input;
}

/**
 * Faces {x, y, width, height, score, landmarks} in pixels of `image`, best first.
 * outputs: the four arrays of the net, two of scores and two of boxes.
 */
export function toFaces(outputs, image, size, minScore = MIN_SCORE) {
  const side = Math.max(image.width, image.height);
  const left = (image.width - side) / 2, top = (image.height - side) / 2;
  return suppress(decode(outputs, size, minScore)).map(({ score, box }) => {
    const at = box.map((value, n) => (n % 2 ? top : left) + value * side);
    const landmarks = [];
    for (let n = 4; n < ROW; n += 2) landmarks.push([at[n], at[n + 1]]);
    return { x: at[0], y: at[1], width: at[2] - at[0], height: at[3] - at[1], score, landmarks };
  });
}

function decode([scores1, scores2, boxes1, boxes2], size, minScore) {
  const rows = [];
  ANCHORS.forEach(([anchorX, anchorY], n) => {
    const second = n >= scores1.length;
    const raw = second ? scores2[n - scores1.length] : scores1[n];
    const score = 1 / (1 + Math.exp(-Math.min(Math.max(raw, -100), 100)));
    if (score < minScore) return;
    const start = ROW * (second ? n - scores1.length : n);
    const values = Array.from((second ? boxes2 : boxes1).subarray(start, start + ROW), (v) => v / size);
    if (!(values[2] > 0 && values[3] > 0)) return; // a box has an area
    const x = anchorX + values[0], y = anchorY + values[1];
    const box = [x - values[2] / 2, y - values[3] / 2, x + values[2] / 2, y + values[3] / 2];
    for (let k = 4; k < ROW; k++) box.push((k % 2 ? anchorY : anchorX) + values[k]);
    rows.push({ score, box });
  });
  return rows;
}

/** One row for each face: rows that overlap with the best one are averaged, by their scores. */
function suppress(rows) {
  let left = [...rows].sort((a, b) => b.score - a.score); // stable, as Python's
  const faces = [];
  while (left.length) {
    const best = left[0];
    const same = left.filter((row) => row === best || overlap(best.box, row.box) > MAX_OVERLAP);
    const total = same.reduce((sum, row) => sum + row.score, 0);
    const box = best.box.map((_, n) => same.reduce((sum, row) => sum + row.score * row.box[n], 0) / total);
    faces.push({ score: best.score, box });
    left = left.filter((row) => !same.includes(row));
  }
  return faces;
}

/** Intersection over union of two boxes [left, top, right, bottom, ...]. */
export function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const common = Math.max(width, 0) * Math.max(height, 0);
  const union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common;
  return union > 0 ? common / union : 0;
}
