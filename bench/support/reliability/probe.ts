import { Worker } from 'node:worker_threads';

/** Asks a server's `/health/live` all the time, from a thread of its own, and says how long the longest answer took. */
export class Probe {
  readonly #worker: Worker;

  constructor(url: string) {
    this.#worker = new Worker(SOURCE, { eval: true, workerData: url });
  }

  /** Milliseconds of the longest answer since the last call; infinite where one failed. */
  async longest(): Promise<number> {
    const answer = new Promise<number>(resolve => this.#worker.once('message', resolve));
    this.#worker.postMessage('longest');
    return answer;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

const SOURCE = `
const http = require('node:http');
const { parentPort, workerData: url } = require('node:worker_threads');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let longest = 0;
let asked = 0;
function ask() {
  const started = performance.now();
  const end = time => { longest = Math.max(longest, time); asked++; setTimeout(ask, 10); };
  http
    .get(url + '/health/live', { agent }, response => {
      response.resume();
      response.once('end', () => end(response.statusCode === 200 ? performance.now() - started : Infinity));
    })
    .once('error', () => end(Infinity));
}
ask();
parentPort.on('message', () => {
  // An answer that is under way counts as well.
  const wanted = asked + 2;
  const wait = () => asked < wanted ? setTimeout(wait, 5) : (parentPort.postMessage(longest), longest = 0);
  wait();
});
`;
