// Every text that a visitor reads, but for the page's title and the one shown without scripts.

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
  cameraInsecure: "Browsers give a camera only to pages on https or localhost.",
  notPicture: "This file is no picture that the browser can read.",

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
  explainLegend: (label) => `Orange: covering this makes “${label}” less likely. Blue: more likely.`,

  recordIntro: "Make a small data set of your own expressions. Choose an expression, show it, and record. The pictures stay in this browser until you download or delete them.",
  consent: "The face before the camera is mine, or its owner has agreed to be recorded.",
  recordLabel: "Expression to record",
  recordStart: "Record",
  recordStop: "Stop recording",
  recordNeedsConsent: "Tick the box above first.",
  recordNeedsCamera: "Start the camera first.",
  recorded: (count) => count === 1 ? "1 picture recorded" : `${count} pictures recorded`,
  download: "Download zip",
  remove: "Delete all",
  removeAsk: (count) => `Delete ${count} pictures for good?`,
  removeYes: "Delete",
  removeNo: "Keep",
  removed: "All pictures are deleted.",

  about: "About",
  aboutText: "An expression is not an emotion, and the net is often wrong: its training labels are one annotator's opinion, and nobody has measured it by age, skin or gender. For learning and curiosity; do not judge people by it.",
  // of the file that answers here, not of the net that it was made from
  aboutNet: (facts) => `${facts.title}: right on ${(100 * (facts.variants[0].accuracy ?? facts.test.accuracy)).toFixed(1)} % of ${facts.test.images.toLocaleString("en")} test images of FER2013.`,
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
