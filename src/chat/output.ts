import { CallScanner } from './call-scanner.js';
import { MARKERS, type ToolFormat } from './tool-format.js';

/** A part of an assistant's output: text, or a call of a function. */
export type OutputPart =
  | { readonly type: 'text'; readonly text: string }
  /** A call begins; its arguments follow. @property index counts the calls from 0 */
  | { readonly type: 'call'; readonly index: number; readonly name: string }
  | { readonly type: 'arguments'; readonly index: number; readonly text: string };

/** Separates an output into text and calls as it arrives. */
export interface OutputReader {
  /** @param marked whether a marker came before the text, as a special token, which has no text. */
  push(text: string, marked?: boolean): OutputPart[];
  /** @returns what was held back, when no text follows. */
  end(): OutputPart[];
}

/** Reads everything as text. */
export class TextReader implements OutputReader {
  push(text: string): OutputPart[] {
    return text === '' ? [] : [{ type: 'text', text }];
  }

  end(): OutputPart[] {
    return [];
  }
}

/** Reads everything as the arguments of one call, whose function was chosen before. */
export class ArgumentsReader implements OutputReader {
  readonly #name: string;
  #begun = false;

  constructor(name: string) {
    this.#name = name;
  }

  push(text: string): OutputPart[] {
    if (text === '') return [];
    const begin: OutputPart[] = this.#begun ? [] : [{ type: 'call', index: 0, name: this.#name }];
    this.#begun = true;
    return [...begin, { type: 'arguments', index: 0, text }];
  }

  end(): OutputPart[] {
    return [];
  }
}

/**
 * Reads calls as a model writes them by itself, with text around them; or as a list, which {@link
 * callsSchema} describes.
 */
export class CallReader implements OutputReader {
  readonly #format: ToolFormat | 'list';
  readonly #most: number;
  readonly #marker: string | undefined;
  /** Text that may be the beginning of a marker, or that stands between calls. */
  #held = '';
  #scanner: CallScanner | undefined;
  /** True once the beginning of the current call was reported. */
  #begun = false;
  #calls = 0;
  /** True where a call may begin: after a marker, or anywhere if the format needs none. */
  #expecting: boolean;
  /** True if anything but white space was said since the last call. White space alone is layout. */
  #spoken = false;

  /** @param most further calls are left out. */
  constructor(format: ToolFormat | 'list', most = Infinity) {
    this.#format = format;
    this.#most = most;
    this.#marker = format === 'list' ? undefined : MARKERS[format];
    this.#expecting = format === 'list' || format === 'llama3';
  }

  push(text: string, marked = false): OutputPart[] {
    const parts = marked ? this.#marked() : [];
    this.#held += text;
    for (let more = true; more;) {
      const before = this.#held.length;
      parts.push(...this.#step());
      more = this.#held.length > 0 && this.#held.length < before;
    }
    return parts;
  }

  end(): OutputPart[] {
    const parts: OutputPart[] = [];
    if (this.#scanner !== undefined) {
      const { text } = this.#scanner;
      // A call that broke off before its name: what is there is all that there is to say.
      if (!this.#begun) parts.push(...this.#say(text));
      this.#scanner = undefined;
    }
    const undecided = this.#format === 'llama3' && this.#calls === 0;
    if (!this.#expecting || undecided) parts.push(...this.#say(this.#held));
    this.#held = '';
    return parts;
  }

  #marked(): OutputPart[] {
    const parts = this.#expecting || this.#isLayout(this.#held) ? [] : this.#say(this.#held);
    this.#held = '';
    this.#expecting = true;
    return parts;
  }

  #step(): OutputPart[] {
    if (this.#scanner !== undefined) return this.#scan();
    if (this.#expecting) return this.#expect();
    return this.#listen();
  }

  /** Reads text up to a marker. */
  #listen(): OutputPart[] {
    const marker = this.#marker!;
    const at = this.#held.indexOf(marker);
    if (at >= 0) {
      const text = this.#held.slice(0, at);
      this.#held = this.#held.slice(at + marker.length);
      this.#expecting = true;
      return this.#isLayout(text) ? [] : this.#say(text);
    }
    const kept = unfinished(this.#held, marker);
    const text = this.#held.slice(0, this.#held.length - kept);
    this.#held = this.#held.slice(text.length);
    // White space may turn out to stand before a call.
    if (this.#isLayout(text)) {
      this.#held = text + this.#held;
      return [];
    }
    return this.#say(text);
  }

  /** Reads the beginning of a call, or finds that none comes. */
  #expect(): OutputPart[] {
    const brace = this.#held.search(/\S/);
    if (brace < 0) return [];
    const rest = this.#held.slice(brace);
    const skipped = this.#skip(rest);
    if (skipped > 0) {
      this.#held = rest.slice(skipped);
      return [];
    }
    if (rest.startsWith('{')) {
      this.#held = rest;
      this.#scanner = new CallScanner();
      this.#begun = false;
      return this.#scan();
    }
    if (this.#marker !== undefined && unfinished(rest, this.#marker) === rest.length) return [];
    if (this.#format === 'hermes' && unfinished(rest, '</tool_call>') === rest.length) return [];
    // No call after all: the text goes on.
    this.#expecting = false;
    return this.#listen();
  }

  /**
   * Measures the markers, brackets and commas around calls at the beginning of the text.
   *
   * @returns its length at the beginning of the text
   */
  #skip(text: string): number {
    if (this.#marker !== undefined && text.startsWith(this.#marker)) return this.#marker.length;
    if (this.#format === 'hermes' && text.startsWith('</tool_call>')) return '</tool_call>'.length;
    const between = this.#format === 'llama3' ? ';' : '[],';
    if (this.#format === 'llama3' && this.#calls === 0) return 0;
    return this.#format !== 'hermes' && between.includes(text[0]!) ? 1 : 0;
  }

  #scan(): OutputPart[] {
    const scanner = this.#scanner!;
    const { name, arguments: added, length } = scanner.push(this.#held);
    this.#held = this.#held.slice(length);
    const parts: OutputPart[] = [];
    const wanted = this.#calls < this.#most;
    if (name !== undefined) {
      this.#begun = true;
      if (wanted) parts.push({ type: 'call', index: this.#calls, name });
    }
    if (added !== '' && wanted) parts.push({ type: 'arguments', index: this.#calls, text: added });
    if (!scanner.complete) return parts;
    this.#scanner = undefined;
    this.#spoken = false;
    if (this.#begun) this.#calls++;
    else if (scanner.name !== undefined && this.#format !== 'llama3') {
      // A call without arguments.
      if (wanted)
        parts.push(
          { type: 'call', index: this.#calls, name: scanner.name },
          { type: 'arguments', index: this.#calls, text: '{}' },
        );
      this.#calls++;
    } else {
      parts.push(...this.#say(scanner.text));
      if (this.#format === 'llama3') this.#expecting = false;
    }
    if (this.#format === 'hermes') this.#expecting = true;
    return parts;
  }

  #isLayout(text: string): boolean {
    return text.trim() === '' && !this.#spoken;
  }

  #say(text: string): OutputPart[] {
    if (text === '' || (this.#calls > 0 && this.#isLayout(text))) return [];
    this.#spoken = true;
    return [{ type: 'text', text }];
  }
}

/** The length of the longest end of the text with which the marker begins. */
function unfinished(text: string, marker: string): number {
  for (let length = Math.min(marker.length, text.length); length > 0; length--)
    if (text.endsWith(marker.slice(0, length))) return length;
  return 0;
}
