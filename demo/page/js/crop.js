// Which square about a found face the net sees: FER2013's frame about BlazeFace's box, as in
// fer_utils/faces/crops.py, where it says how the two numbers were measured.

export const FRAME = { scale: 1.17, shift: -0.1 };

/** The square {x, y, width, height} that is cut out for `face`, in pixels of the picture. */
export function cropBox(face) {
  const boxSide = Math.sqrt(face.width * face.height);
  const side = FRAME.scale * boxSide;
  return {
    x: face.x + face.width / 2 - side / 2,
    y: face.y + face.height / 2 + FRAME.shift * boxSide - side / 2,
    width: side,
    height: side,
  };
}
