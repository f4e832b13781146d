// The picture with its marked faces, on one canvas.

import { cropBox } from "./crop.js";

/** White text on any of these can be read; a face keeps its color while it is seen. */
const COLORS = ["#2456c9", "#b4400b", "#1f7a3d", "#8a2fa8", "#b01e55", "#0b6478"];
export const faceColor = (number) => COLORS[(number - 1) % COLORS.length];

export class Stage {
  mirrored = false;

  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
  }

  /**
   * Draw `source` (bitmap, video or canvas) of width x height pixels and the boxes of `faces`,
   * each {x, y, width, height, number, text}. map: a canvas to lay over the crop of `mapFace`.
   */
  draw(source, width, height, faces, map = null, mapFace = null) {
    const { canvas, context } = this;
    const shown = Math.min(canvas.clientWidth * devicePixelRatio, 1600) || width;
    const scale = shown / width;
    canvas.width = Math.round(shown);
    canvas.height = Math.round(height * scale);
    context.save();
    if (this.mirrored) context.transform(-1, 0, 0, 1, canvas.width, 0);
    context.imageSmoothingQuality = "high";
    context.drawImage(source, 0, 0, canvas.width, canvas.height);
    if (map) {
      const box = cropBox(mapFace);
      context.drawImage(map, box.x * scale, box.y * scale, box.width * scale, box.height * scale);
    }
    context.restore();
    for (const face of faces) this.#mark(face, width, scale);
  }

  #mark(face, width, scale) {
    const { context } = this;
    const unit = this.canvas.width / (this.canvas.clientWidth || this.canvas.width); // a CSS pixel
    const x = scale * (this.mirrored ? width - face.x - face.width : face.x), y = scale * face.y;
    const color = faceColor(face.number);
    context.lineWidth = 3 * unit;
    context.strokeStyle = color;
    context.beginPath();
    context.roundRect(x, y, scale * face.width, scale * face.height, 10 * unit);
    context.stroke();
    context.font = `600 ${15 * unit}px system-ui, sans-serif`;
    const wide = context.measureText(face.text).width + 14 * unit, high = 24 * unit;
    const left = Math.min(Math.max(x, 0), Math.max(this.canvas.width - wide, 0));
    const above = y - high - 4 * unit;
    const top = above >= 0 ? above : Math.min(y + scale * face.height + 4 * unit, this.canvas.height - high);
    context.fillStyle = color;
    context.beginPath();
    context.roundRect(left, top, wide, high, 7 * unit);
    context.fill();
    context.fillStyle = "white";
    context.textBaseline = "middle";
    context.fillText(face.text, left + 7 * unit, top + high / 2);
  }

  /** Make the canvas empty, of the given size. */
  clear(width = 640, height = 480) {
    this.canvas.width = width;
    this.canvas.height = height;
  }
}
