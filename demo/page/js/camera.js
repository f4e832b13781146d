// The camera: started, stopped, turned around; what goes wrong becomes a text for the visitor.

import { TEXTS } from "./texts.js";

const SIZE = { width: { ideal: 640 }, height: { ideal: 480 } };

export class Camera {
  facing = "user";

  constructor(video) {
    this.video = video;
  }

  get running() {
    return Boolean(this.video.srcObject);
  }

  /** Start; throws an Error with a text for the visitor. */
  async start() {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error(TEXTS.cameraInsecure);
    try {
      this.video.srcObject = await navigator.mediaDevices.getUserMedia({
        video: { ...SIZE, facingMode: this.facing }, audio: false,
      });
      await this.video.play();
    } catch (error) {
      this.stop();
      throw new Error(reason(error), { cause: error });
    }
  }

  stop() {
    this.video.srcObject?.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
  }

  /** Take the camera on the device's other side. */
  async turn() {
    this.stop();
    this.facing = this.facing === "user" ? "environment" : "user";
    await this.start();
  }

  /** Whether the device has more than one; known only while one is running. */
  async several() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter((device) => device.kind === "videoinput").length > 1;
  }

  /** Resolves when the next frame is there. */
  frame() {
    return new Promise((resolve) => {
      if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(resolve);
      else requestAnimationFrame(resolve);
    });
  }
}

function reason(error) {
  if (error.name === "NotAllowedError" || error.name === "SecurityError") return TEXTS.cameraRefused;
  if (error.name === "NotFoundError" || error.name === "OverconstrainedError") return TEXTS.cameraMissing;
  return TEXTS.cameraBusy;
}
