import type { OutputPart, OutputReader } from '../output.js';
import { CallScanner } from './call-scanner.js';

/**
 * Reads everything as the arguments of one call, whose function was chosen before: the text is kept to their
 * schema.
 */
export class ArgumentsReader implements OutputReader {
  readonly #name: string;
  readonly #streamed: boolean;
  #held = '';
  #begun = false;

  /**
   * @param streamed whether the arguments are given as they come, which is right where they are sure to be
   * whole in the end; otherwise they are given once they are whole, or not at all.
   */
  constructor(name: string, streamed: boolean) {
    this.#name = name;
    this.#streamed = streamed;
  }

  push(text: string): OutputPart[] {
    if (this.#streamed) return this.#give(text);
    this.#held += text;
    return [];
  }

  end(): OutputPart[] {
    const text = this.#held;
    this.#held = '';
    return isJson(text) ? this.#give(text) : [];
  }

  #give(text: string): OutputPart[] {
    if (text === '') return [];
    const begin: OutputPart[] = this.#begun ? [] : [{ type: 'call', index: 0, name: this.#name }];
    this.#begun = true;
    return [...begin, { type: 'arguments', index: 0, text }];
  }
}

/** Reads everything as a list of calls, which `callsSchema` describes and to which the text is kept. */
export class CallListReader implements OutputReader {
  readonly #most: number;
  readonly #streamed: boolean;
  #scanner: CallScanner | undefined;
  #pending: OutputPart[] = [];
  #calls = 0;

  /**
   * @param most further calls are left out.
   * @param streamed see {@link ArgumentsReader}
   */
  constructor(most: number, streamed: boolean) {
    this.#most = most;
    this.#streamed = streamed;
  }

  push(text: string): OutputPart[] {
    const parts: OutputPart[] = [];
    let rest = text;
    while (rest !== '') {
      if (this.#scanner === undefined) {
        const brace = rest.indexOf('{');
        if (brace < 0) break;
        rest = rest.slice(brace);
        this.#scanner = new CallScanner();
      }
      const { name, arguments: added, length } = this.#scanner.push(rest);
      rest = rest.slice(length);
      const index = this.#calls;
      if (name !== undefined) this.#pending.push({ type: 'call', index, name });
      if (added !== '') this.#pending.push({ type: 'arguments', index, text: added });
      if (this.#streamed || this.#scanner.complete) {
        if (index < this.#most) parts.push(...this.#pending);
        this.#pending = [];
      }
      if (!this.#scanner.complete) continue;
      this.#scanner = undefined;
      this.#calls++;
    }
    return parts;
  }

  end(): OutputPart[] {
    return [];
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
