// Pictures and video frames as pixels.

const MAX_PIXELS = 4096 ** 2; // of a canvas in Safari; larger photos are shrunk first
const canvas = document.createElement("canvas");
const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });

/** The pixels of an ImageBitmap or a playing video, as ImageData; transparent parts are white. */
export function toPixels(source) {
  const width = source.videoWidth ?? source.width, height = source.videoHeight ?? source.height;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(source, 0, 0);
  return context.getImageData(0, 0, width, height);
}

/** The photo in a file, upright, its colors as stored; throws where it is none. */
export async function readPhoto(file) {
  const options = { colorSpaceConversion: "none", imageOrientation: "from-image" };
  const bitmap = await createImageBitmap(file, options);
  const pixels = bitmap.width * bitmap.height;
  if (pixels <= MAX_PIXELS) return bitmap;
  const shrink = Math.sqrt(MAX_PIXELS / pixels);
  const resizeWidth = Math.floor(bitmap.width * shrink), resizeHeight = Math.floor(bitmap.height * shrink);
  try {
    return await createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "high" });
  } finally {
    bitmap.close();
  }
}

/** `side` x `side` gray levels as the bytes of a PNG file. */
export async function grayPng(levels, side) {
  const small = new OffscreenCanvas(side, side);
  const picture = new ImageData(side, side);
  levels.forEach((level, n) => picture.data.set([level, level, level, 255], 4 * n));
  small.getContext("2d").putImageData(picture, 0, 0);
  return new Uint8Array(await (await small.convertToBlob({ type: "image/png" })).arrayBuffer());
}
