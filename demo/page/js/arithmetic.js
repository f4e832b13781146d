// Resizing by arithmetic that fer_utils/faces/resize.py repeats, number for number: canvas
// scaling differs from browser to browser, and a net notices.

/** Added before the floor, so that what is half way is rounded up everywhere. */
const ROUND = 0.5 + 1e-6;
/** ITU-R BT.601 luma of red, green and blue. */
const LUMA = [0.299, 0.587, 0.114];

/**
 * For each of `count` outputs: the first source pixel and the weights of those from there on.
 * Output k is the mean over a window about the middle of its cell, as long as the cell but at
 * least one pixel. What lies outside counts as 0, or with `edge` as the nearest pixel.
 */
export function windows(start, length, count, pixels, edge = false) {
  const step = length / count;
  const half = Math.max(step, 1) / 2;
  const found = [];
  for (let k = 0; k < count; k++) {
    const middle = start + (k + 0.5) * step;
    const begin = middle - half;
    const end = middle + half;
    const first = Math.min(Math.max(Math.floor(begin), 0), pixels - 1);
    const last = Math.min(Math.max(Math.ceil(end), first + 1), pixels);
    const weights = new Float64Array(last - first);
    for (let n = 0; n < weights.length; n++) {
      const i = first + n;
      weights[n] = Math.max(Math.min(end, i + 1) - Math.max(begin, i), 0);
    }
    if (edge) {
      weights[0] += Math.max(Math.min(end, 0) - begin, 0);
      weights[weights.length - 1] += Math.max(end - Math.max(begin, pixels), 0);
    }
    for (let n = 0; n < weights.length; n++) weights[n] /= end - begin;
    found.push({ first, weights });
  }
  return found;
}

/**
 * The rectangle `box` {x, y, width, height} of `image` (an ImageData) as size x size RGB:
 * Float64Array of 3 * size * size values in 0 to 255, black outside the picture.
 */
export function resizeRgb(image, box, size) {
  const { data, width, height } = image;
  const down = windows(box.y, box.height, size, height);
  const across = windows(box.x, box.width, size, width);
  const row = new Float64Array(3 * width);
  const result = new Float64Array(3 * size * size);
  for (let k = 0; k < size; k++) {
    row.fill(0);
    const { first, weights } = down[k];
    for (let n = 0; n < weights.length; n++) {
      const weight = weights[n];
      if (weight === 0) continue;
      let from = 4 * width * (first + n);
      for (let to = 0; to < row.length; to += 3, from += 4) {
        row[to] += weight * data[from];
        row[to + 1] += weight * data[from + 1];
        row[to + 2] += weight * data[from + 2];
      }
    }
    for (let j = 0; j < size; j++) {
      let red = 0, green = 0, blue = 0;
      const { first: left, weights: part } = across[j];
      for (let n = 0, at = 3 * left; n < part.length; n++, at += 3) {
        red += part[n] * row[at];
        green += part[n] * row[at + 1];
        blue += part[n] * row[at + 2];
      }
      const to = 3 * (k * size + j);
      result[to] = red;
      result[to + 1] = green;
      result[to + 2] = blue;
    }
  }
  return result;
}

/**
 * The rectangle `box` of `image` as size x size gray levels, Uint8Array; what lies outside the
 * picture repeats its edge.
 */
export function resizeGray(image, box, size) {
  const { data, width, height } = image;
  const down = windows(box.y, box.height, size, height, true);
  const across = windows(box.x, box.width, size, width, true);
  const left = across[0].first;
  const right = across[size - 1].first + across[size - 1].weights.length;
  const row = new Float64Array(width);
  const result = new Uint8Array(size * size);
  for (let k = 0; k < size; k++) {
    row.fill(0);
    const { first, weights } = down[k];
    for (let n = 0; n < weights.length; n++) {
      let from = 4 * (width * (first + n) + left);
      for (let j = left; j < right; j++, from += 4) {
        row[j] += weights[n] *
          (data[from] * LUMA[0] + data[from + 1] * LUMA[1] + data[from + 2] * LUMA[2]);
      }
    }
    for (let j = 0; j < size; j++) {
      const { first: start, weights: part } = across[j];
      let sum = 0;
      for (let n = 0; n < part.length; n++) sum += part[n] * row[start + n];
      result[k * size + j] = Math.min(Math.max(Math.floor(sum + ROUND), 0), 255);
    }
  }
  return result;
}

/** Mean gray level, 0 to 255, of every `step`-th pixel of `image` in both directions. */
export function brightness(image, step = 8) {
  let sum = 0, count = 0;
  for (let y = 0; y < image.height; y += step) {
    for (let x = 0; x < image.width; x += step, count++) {
      const at = 4 * (y * image.width + x);
      sum += image.data[at] * LUMA[0] + image.data[at + 1] * LUMA[1] + image.data[at + 2] * LUMA[2];
    }
  }
  return sum / count;
}
