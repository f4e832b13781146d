// Which parts of a face its expression was read from: cover one after the other and see how far
// the probability falls (Zeiler and Fergus 2014), as fer_utils/interpretation/occlusion.py.

const PATCH = 12;
const STRIDE = 6;

/** For each pixel of `crop` how far the probability of class `label` falls when it is covered. */
export async function occlusionMap(engine, crop, label) {
  const side = engine.side;
  const gray = Math.round(crop.reduce((sum, value) => sum + value, 0) / crop.length);
  const places = starts(side).flatMap((top) => starts(side).map((left) => [top, left]));
  const covered = places.map(([top, left]) => {
    const copy = crop.slice();
    for (let y = top; y < top + PATCH; y++) copy.fill(gray, y * side + left, y * side + left + PATCH);
    return copy;
  });
  const [whole, ...parts] = await engine.classify([crop, ...covered]);
  const sums = new Float32Array(side ** 2), counts = new Float32Array(side ** 2);
  places.forEach(([top, left], n) => {
    const fall = whole[label] - parts[n][label];
    for (let y = top; y < top + PATCH; y++) {
      for (let x = left; x < left + PATCH; x++) {
        sums[y * side + x] += fall;
        counts[y * side + x] += 1;
      }
    }
  });
  return sums.map((sum, n) => sum / counts[n]);
}

function starts(side) {
  const found = [];
  for (let at = 0; at <= side - PATCH; at += STRIDE) found.push(at);
  if (found.at(-1) !== side - PATCH) found.push(side - PATCH);
  return found;
}

/** A map as a side x side canvas: orange where covering lowers the probability, blue where it raises it. */
export function mapPicture(map, side) {
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d");
  const picture = context.createImageData(side, side);
  const largest = Math.max(1e-6, ...map.map(Math.abs));
  map.forEach((value, n) => {
    const color = value > 0 ? [255, 120, 0] : [0, 110, 255];
    picture.data.set([...color, 200 * Math.abs(value) / largest], 4 * n);
  });
  context.putImageData(picture, 0, 0);
  return canvas;
}
