/** Records from the microphone, from one press of a button to the next. */
export class Recorder {
  #button;
  #label;
  #onRecorded;
  /** @type {MediaRecorder | undefined} */
  #recorder;

  /** Whether the page may ask for the microphone. */
  static get isPossible() {
    // It is missing where the page came over plain HTTP from another machine, whatever the types say.
    return 'mediaDevices' in navigator && 'MediaRecorder' in globalThis;
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {(recording: Blob) => void} onRecorded
   * @param {(error: unknown) => void} onError
   */
  constructor(button, onRecorded, onError) {
    this.#button = button;
    this.#label = button.textContent;
    this.#onRecorded = onRecorded;
    button.addEventListener('click', () => {
      if (this.#recorder === undefined) this.#start().catch(onError);
      else this.#recorder.stop();
    });
  }

  async #start() {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const recorder = new MediaRecorder(stream);
    /** @type {Blob[]} */
    const pieces = [];
    recorder.addEventListener('dataavailable', ({ data }) => pieces.push(data));
    recorder.addEventListener('stop', () => {
      for (const track of stream.getTracks()) track.stop();
      this.#show(undefined);
      this.#onRecorded(new Blob(pieces, { type: recorder.mimeType }));
    });
    this.#show(recorder);
    recorder.start();
  }

  /** @param {MediaRecorder | undefined} recorder that is at work. */
  #show(recorder) {
    this.#recorder = recorder;
    this.#button.setAttribute('aria-pressed', String(recorder !== undefined));
    this.#button.textContent = recorder === undefined ? this.#label : 'End recording';
  }
}
