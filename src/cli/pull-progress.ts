import type { WriteStream } from 'node:tty';
import { SingleBar } from 'cli-progress';
import type { PullEvent } from '#hub/pull.js';
import { formatBytes } from '#bytes.js';

/** A display of a pull's progress. */
interface PullProgress {
  readonly show: (event: PullEvent) => void;
  /** Ends the display. */
  end(): void;
}

/**
 * Shows a pull's progress: on a terminal one bar for all files, with speed and time left; elsewhere a line
 * per file.
 */
export function showPull(output: WriteStream | NodeJS.WritableStream): PullProgress {
  return 'isTTY' in output && output.isTTY ? new ProgressBar(output) : new ProgressLines(output);
}

/** The line for an event that is not about a file. */
function remark(event: PullEvent): string | undefined {
  switch (event.type) {
    case 'retry':
      return `${event.reason}; trying again in ${(event.delay / 1000).toFixed(1)} s`;
    case 'waiting':
      return 'another process is downloading this model; waiting for it';
    case 'moved':
      return `files that are in ${event.folder}, where Kvasir kept models before, are taken from there; what is left of it can be deleted`;
    case 'stale':
      return `${event.reason}; taking what the cache has`;
    case 'plan':
    case 'progress':
    case 'file':
      return undefined;
  }
}

class ProgressLines implements PullProgress {
  readonly #output: NodeJS.WritableStream;

  constructor(output: NodeJS.WritableStream) {
    this.#output = output;
  }

  readonly show = (event: PullEvent): void => {
    const line = event.type === 'file' ? `${event.path} ${formatBytes(event.size)}` : remark(event);
    if (line !== undefined) this.#output.write(`${line}\n`);
  };

  end(): void {
    // Every line is written at once.
  }
}

/** Speed is taken over this long, in milliseconds: less is unsteady, more hides a change. */
const SPEED_WINDOW = 5000;

class ProgressBar implements PullProgress {
  readonly #output: WriteStream;
  readonly #bar: SingleBar;
  /** Bytes of each file that have arrived. */
  readonly #bytes = new Map<string, number>();
  readonly #sizes = new Map<string, number>();
  /** Bytes of all files at times within the window, oldest first. */
  #samples: { readonly time: number; readonly bytes: number }[] = [];

  constructor(output: WriteStream) {
    this.#output = output;
    this.#bar = new SingleBar({
      stream: output,
      format: '{bar} {percentage}% | {done} of {whole} | {speed} | {left} | {file}',
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 24,
      fps: 10,
      hideCursor: true,
      linewrap: false,
      gracefulExit: true,
    });
  }

  readonly show = (event: PullEvent): void => {
    if (event.type === 'plan') this.#begin(event);
    else if (event.type === 'progress') this.#advance(event.path, event.bytes);
    else if (event.type === 'file') this.#advance(event.path, event.size);
    else this.#say(remark(event)!);
  };

  end(): void {
    this.#bar.stop();
  }

  #begin({ files }: Extract<PullEvent, { type: 'plan' }>): void {
    for (const { path, size, arrived } of files) {
      this.#sizes.set(path, size);
      this.#bytes.set(path, arrived);
    }
    const whole = sum(this.#sizes);
    this.#samples = [{ time: Date.now(), bytes: sum(this.#bytes) }];
    if (this.#bar.isActive) this.#bar.setTotal(whole);
    else this.#bar.start(whole, sum(this.#bytes), this.#payload(''));
  }

  #advance(path: string, bytes: number): void {
    this.#bytes.set(path, bytes);
    const time = Date.now();
    this.#samples.push({ time, bytes: sum(this.#bytes) });
    while (this.#samples.length > 2 && this.#samples[0]!.time < time - SPEED_WINDOW) this.#samples.shift();
    this.#bar.update(sum(this.#bytes), this.#payload(path));
  }

  #payload(file: string): Record<string, string> {
    const [first, last] = [this.#samples[0]!, this.#samples.at(-1)!];
    const whole = sum(this.#sizes);
    const speed = ((last.bytes - first.bytes) / Math.max(last.time - first.time, 1)) * 1000;
    return {
      done: formatBytes(last.bytes),
      whole: formatBytes(whole),
      speed: `${formatBytes(Math.max(Math.round(speed), 0))}/s`,
      left: speed > 0 ? `${formatDuration((whole - last.bytes) / speed)} left` : 'stalled',
      file,
    };
  }

  /** Prints a line above the bar. */
  #say(line: string): void {
    this.#output.clearLine(0);
    this.#output.cursorTo(0);
    this.#output.write(`${line}\n`);
  }
}

function sum(values: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const value of values.values()) total += value;
  return total;
}

/** Formats seconds for people: `42 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
