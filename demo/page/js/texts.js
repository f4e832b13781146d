// Every text that a visitor reads, but for the page's title and the one shown without scripts.

/** How good the net is, as far as its facts (model.json) say it. */
function describeNet({ title, variants: [file], test, checked_on, checked_images }) {
  const right = (accuracy, images, where) =>
    `${title}: right on ${(100 * accuracy).toFixed(1)} % of ${images.toLocaleString("en")} ${where}.`;
  // rather of the file that answers here than of the net that it was made from
  if (file.accuracy) return right(file.accuracy, checked_images, `images (${checked_on})`);
  if (test.accuracy && test.images) return right(test.accuracy, test.images, "test images");
  return `${title}.`;
}

export const TEXTS = {
  name: "Expressions",
  tagline: "What a small neural net reads in a face",
  private: "Nothing leaves your device",
  privateMore: "Pictures are looked at here, in this browser. None is sent anywhere, and none is kept unless you record it yourself.",
  modes: "What to look at",
  camera: "Camera",
  photo: "Photo",
  record: "Record",

  loading: "Loading the nets …",
  loadFailed: "The nets could not be loaded. Check the connection and reload the page.",
  start: "Start the camera",
  stop: "Stop",
  flip: "Mirror",
  turn: "Other camera",
  explain: "Explain",
  explainOff: "Go on",
  choosePhoto: "Choose a photo",
  dropPhoto: "or drop or paste one here",
  cameraIdle: "Your camera picture will appear here. You will be asked for permission first.",
  photoIdle: "Choose a photo with one or more faces.",

  cameraRefused: "The camera was refused. Allow it in the browser's site settings, or choose a photo instead.",
  cameraMissing: "No camera was found. You can choose a photo instead.",
  cameraBusy: "The camera could not be started. Another program may be using it.",
  cameraLost: "The camera is gone: it was unplugged or taken away. You can start it again.",
  cameraInsecure: "Browsers give a camera only to pages on https or localhost.",
  notPicture: "This file is no picture that the browser can read.",
  lookFailed: "This photo could not be looked at. Check the connection, or try a smaller one.",
  watchFailed: "Something went wrong with the camera's picture. You can start the camera again.",

  noFace: "No face found. Look straight at the camera, and come closer.",
  noFacePhoto: "No face found in this photo.",
  looking: "Looking for faces …",
  dark: "It is dark. More light on the face helps.",
  stageEmpty: "No picture yet",
  stagePicture: (summary) => `Picture with marked faces. ${summary}`,
  oneFace: (label, percent) => `One face: ${label}, ${percent} %.`,
  manyFaces: (count, labels) => `${count} faces: ${labels}.`,
  face: (number) => `Face ${number}`,
  timing: (detection, classification) => `Found in ${detection} ms, read in ${classification} ms, on this device`,
  explainFailed: "This could not be explained.",
  explainLegend: (label) => `Orange: covering this makes “${label}” less likely. Blue: more likely.`,

  recordIntro: "Make a small data set of your own expressions. Choose an expression, show it, and record. The pictures stay in this browser until you download or delete them.",
  consent: "The face before the camera is mine, or its owner has agreed to be recorded.",
  recordLabel: "Expression to record",
  recordStart: "Record",
  recordStop: "Stop recording",
  recordStarted: "Recording.",
  recordStopped: "Recording has stopped.",
  recordNeedsConsent: "Tick the box above first.",
  recordNeedsCamera: "Start the camera first.",
  recordFailed: "The browser's storage does not work or is full. Nothing is being recorded.",
  recorded: (count) => count === 1 ? "1 picture recorded" : `${count} pictures recorded`,
  download: "Download zip",
  remove: "Delete all",
  removeAsk: (count) => `Delete ${count} pictures for good?`,
  removeYes: "Delete",
  removeNo: "Keep",
  removed: "All pictures are deleted.",

  about: "About",
  aboutText: "An expression is not an emotion, and the net is often wrong: its training labels are the words that found a picture by image search, only checked by people, and nobody has measured it by age, skin or gender. For learning and curiosity; do not judge people by it.",
  aboutNet: describeNet,
  card: "Model card",
  offlineReady: "Saved on this device: it works without a network.",
  install: "Install",
};

/** Fill every element that has data-text="key" (and data-label="key" for an ARIA label). */
export function fillTexts(root = document) {
  for (const element of root.querySelectorAll("[data-text]")) {
    element.textContent = TEXTS[element.dataset.text];
  }
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", TEXTS[element.dataset.label]);
  }
}
