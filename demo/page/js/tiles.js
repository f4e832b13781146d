// Small faces in large photos: the detector looks at overlapping parts as well. The same rules
// as fer_utils/faces/tiles.py.

const LEVELS = [[1 / 2, 600], [1 / 4, 1200]]; // part of the longer side, from which side on
const OVERLAP = 0.25; // of tiles at least, in sides
export const TILE_SCORE = 0.7; // there are many tiles in which to see things
const TILE_TILT = 30; // degrees: most of what is no face looks like a face on its side
const SAME = 0.3; // intersection over union above which two boxes are one face
const INSIDE = 0.6; // part of the smaller box inside the other above which they are one
const RIM = 2 / 256; // a box so near to a tile's edge, in sides, is cut off by it

/** {x, y, width, height} of every tile, the largest first; sizes are cut at the picture's edge. */
export function tiles(width, height) {
  const found = [];
  for (const [part, smallest] of LEVELS) {
    if (Math.max(width, height) < smallest) break;
    const side = roundEven(Math.max(width, height) * part);
    for (const y of starts(height, side)) {
      for (const x of starts(width, side)) {
        found.push({ x, y, side, width: Math.min(side, width - x), height: Math.min(side, height - y) });
      }
    }
  }
  return found;
}

/** `face` of a tile in pixels of the whole picture. */
export function moved(face, tile) {
  const landmarks = face.landmarks.map(([x, y]) => [x + tile.x, y + tile.y]);
  return { ...face, x: face.x + tile.x, y: face.y + tile.y, landmarks };
}

/** Whether the eyes are level enough for a face in a tile. */
export function upright({ landmarks: [[leftX, leftY], [rightX, rightY]] }) {
  return Math.abs(Math.atan2(rightY - leftY, rightX - leftX) * 180 / Math.PI) <= TILE_TILT;
}

/** Whether an edge of the tile, which is none of the picture, goes through the face. */
export function cut(face, { x, y, side }, width, height) {
  const rim = RIM * side;
  return (x > 0 && face.x < x + rim) || (y > 0 && face.y < y + rim) ||
    (x + side < width && face.x + face.width > x + side - rim) ||
    (y + side < height && face.y + face.height > y + side - rim);
}

/** Whether two boxes are about the same face. */
export function same(one, other) {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  if (width <= 0 || height <= 0) return false;
  const common = width * height;
  const areas = [one.width * one.height, other.width * other.height];
  return common > SAME * (areas[0] + areas[1] - common) || common > INSIDE * Math.min(...areas);
}

function starts(length, side) {
  if (length <= side) return [0];
  const count = Math.ceil((length - side) / ((1 - OVERLAP) * side)) + 1;
  return Array.from({ length: count }, (_, n) => roundEven(n * ((length - side) / (count - 1))));
}

/** Round as Python does: halves to the even neighbor. */
function roundEven(value) {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 ? down + 1 : down;
}
