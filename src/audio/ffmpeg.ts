import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { KvasirError } from '#errors.js';
import type { AudioLimits } from './types.js';

/** Processes at once; each waits for who reads its sound. */
const MOST_PROCESSES = 16;

/** @returns the path of `ffmpeg`; undefined: it is not on the PATH. */
export function findFfmpeg(): string | undefined {
  const name = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter(folder => path.isAbsolute(folder))
    .map(folder => path.join(folder, name))
    .find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A process between two pipes. */
type Pipe = ChildProcessByStdio<Writable, Readable, null>;

/**
 * Turns a recording of any form into a WAV by ffmpeg, which reads no file and no address but its standard input. Since
 * phones write the index of a recording behind it, ffmpeg copies what it reads to a temporary file of its own.
 */
export class Transcoder implements AsyncIterator<Uint8Array> {
  static #running = 0;
  readonly #child: Pipe;
  readonly #output: AsyncIterator<Uint8Array>;
  readonly #file: AsyncIterator<Uint8Array>;
  readonly #patience: number;
  readonly #watch: NodeJS.Timeout;
  #failure: { readonly error: unknown } | undefined;
  /** Since when it might have done something; undefined while others are waited for. */
  #idleSince: number | undefined;
  #isReading = false;
  #isWaited = false;

  /**
   * @param program the path of ffmpeg.
   * @param patience milliseconds without a byte in or out, while there is one to take and somebody who waits for one.
   * @throws KvasirError `overloaded`
   */
  constructor(
    program: string,
    file: AsyncIterator<Uint8Array>,
    { maxSeconds }: AudioLimits,
    patience = 20_000,
  ) {
    if (Transcoder.#running >= MOST_PROCESSES)
      throw new KvasirError('overloaded', 'too many recordings are being converted');
    Transcoder.#running++;
    this.#file = file;
    this.#patience = patience;
    this.#child = spawn(program, argumentsOf(maxSeconds), {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: environment(),
    });
    this.#child.on('error', () => undefined);
    this.#child.once('close', () => Transcoder.#running--);
    // What it does not want to read any more is no failure.
    this.#child.stdin.on('error', () => undefined);
    this.#output = this.#child.stdout[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    this.#watch = setInterval(() => this.#endIdle(), patience / 4);
    void this.#feed();
  }

  /** @throws what reading the file does. */
  async next(): Promise<IteratorResult<Uint8Array>> {
    this.#isWaited = true;
    try {
      return await this.#output.next();
    } catch (error) {
      throw this.#failure === undefined ? error : this.#failure.error;
    } finally {
      this.#isWaited = false;
      this.#idleSince = undefined;
    }
  }

  /** Ends the process. */
  close(): void {
    clearInterval(this.#watch);
    this.#child.kill('SIGKILL');
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
  }

  async #feed(): Promise<void> {
    const { stdin } = this.#child;
    try {
      for (;;) {
        this.#isReading = true;
        const result = await this.#file.next();
        this.#isReading = false;
        this.#idleSince = undefined;
        if (result.done || stdin.destroyed) break;
        if (!stdin.write(result.value)) await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]);
      }
      stdin.end();
    } catch (error) {
      this.#failure = { error };
      this.#child.stdout.destroy(error as Error);
      this.#child.kill('SIGKILL');
    }
  }

  #endIdle(): void {
    if (this.#isReading || !this.#isWaited) this.#idleSince = undefined;
    else if (this.#idleSince === undefined) this.#idleSince = performance.now();
    else if (performance.now() - this.#idleSince > this.#patience) this.#child.kill('SIGKILL');
  }
}

function argumentsOf(maxSeconds: number): string[] {
  const quiet = ['-hide_banner', '-nostdin', '-loglevel', 'quiet'];
  const input = [
    '-protocol_whitelist',
    'cache,pipe',
    '-read_ahead_limit',
    '-1',
    '-threads',
    '1',
    '-i',
    'cache:pipe:0',
  ];
  const output = ['-map', '0:a:0', '-t', `${maxSeconds + 1}`, '-c:a', 'pcm_f32le', '-f', 'wav', 'pipe:1'];
  return [...quiet, ...input, ...output];
}

/** What a program needs to be found and to find its files, and nothing else that this process may know. */
function environment(): NodeJS.ProcessEnv {
  const names = ['PATH', 'LD_LIBRARY_PATH', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot'];
  return Object.fromEntries(names.map(name => [name, process.env[name]]));
}
