// The camera: started, stopped, turned around; what goes wrong becomes a text for the visitor.

import { TEXTS } from "./texts.js";
import { Turns } from "./turns.js";

const SIZE = { width: { ideal: 640 }, height: { ideal: 480 } };
const LATE = 500; // ms after which a frame is no longer waited for

export class Camera {
  facing = "user";
  /** Called when the running camera is gone: unplugged, or taken away. */
  onlost = () => {};
  #requests = new Turns();

  constructor(video) {
    this.video = video;
  }

  /** What is running, or null. */
  get stream() {
    return this.video.srcObject;
  }

  /**
   * Start; resolves with the stream, or null where it was stopped or started anew meanwhile.
   * Throws an Error with a text for the visitor.
   */
  async start() {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error(TEXTS.cameraInsecure);
    this.stop();
    const current = this.#requests.take();
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { ...SIZE, facingMode: this.facing }, audio: false,
      });
      if (!current()) {
        end(stream);
        return null;
      }
      this.video.srcObject = stream;
      for (const track of stream.getTracks()) {
        track.addEventListener("ended", () => { if (current()) this.onlost(); });
      }
      await this.video.play();
      return current() ? stream : null;
    } catch (error) {
      if (!current()) return null; // it was not playing yet when it was stopped
      this.stop();
      throw new Error(reason(error), { cause: error });
    }
  }

  /** Stop what is running, and what has been asked for. */
  stop() {
    this.#requests.take();
    if (this.stream) end(this.stream);
    this.video.srcObject = null;
  }

  /** Take the camera on the device's other side; as `start`. */
  turn() {
    this.facing = this.facing === "user" ? "environment" : "user";
    return this.start();
  }

  /** Whether the device has more than one; known only while one is running. */
  async several() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter((device) => device.kind === "videoinput").length > 1;
  }

  /** Resolves when the next frame is there, or when it is late: not every browser always tells. */
  frame() {
    return new Promise((resolve) => {
      const late = setTimeout(resolve, LATE);
      const arrived = () => {
        clearTimeout(late);
        resolve();
      };
      if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(arrived);
      else requestAnimationFrame(arrived);
    });
  }
}

function end(stream) {
  stream.getTracks().forEach((track) => track.stop());
}

function reason(error) {
  if (error.name === "NotAllowedError" || error.name === "SecurityError") return TEXTS.cameraRefused;
  if (error.name === "NotFoundError" || error.name === "OverconstrainedError") return TEXTS.cameraMissing;
  return TEXTS.cameraBusy;
}
