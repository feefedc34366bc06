import type { CallBody } from './calls/bodies.js';
import { bodyOf, type BodyForm, type CallFormat, FORMATS, type FormatName } from './calls/format.js';
import { isSendable, type WrittenCall } from './calls/written-call.js';
import type { FunctionTool } from './tools.js';

/** A part of an assistant's output: text, or a call of a function. */
export type OutputPart =
  | { readonly type: 'text'; readonly text: string }
  /** A call begins; its arguments follow. @property index counts the calls from 0 */
  | { readonly type: 'call'; readonly index: number; readonly name: string }
  | { readonly type: 'arguments'; readonly index: number; readonly text: string };

/** Separates an output into text and calls as it arrives. */
export interface OutputReader {
  /** @param text what comes next; special tokens that belong to calls have their text in it. */
  push(text: string): OutputPart[];
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

/** Which calls are given. */
export interface CallReaderOptions {
  /** Further calls are left out; default: all are given. */
  readonly most?: number;
  /** What may be called: values without types get theirs, and without a marker only these are called. */
  readonly tools?: readonly FunctionTool[];
}

/** Long texts that were taken for calls in vain, after which the rest of the message is text. */
const MAX_ERRORS = 64;

/**
 * Reads calls as a model writes them by itself, with text around them. A call is given whole, once it is
 * certain that it is one: what turns out to be none is text, its marker included. However the text is cut
 * into pieces, the same comes out.
 */
export class CallReader implements OutputReader {
  readonly #format: CallFormat;
  readonly #most: number;
  readonly #tools: readonly FunctionTool[];
  readonly #beginnings: readonly string[];
  /** Text that is not decided yet. In a call it begins with what announced the call. */
  #held = '';
  #state: 'text' | 'call' | 'after' = 'text';
  /** Where the call itself begins in the held text. */
  #from = 0;
  #body: CallBody | undefined;
  /** Whether a list of calls is open. */
  #list = false;
  /** Whether the marker of the last call holds for what follows: nothing ended it. */
  #goesOn = false;
  /** Whether a marker announced the call. */
  #marked = false;
  /** Whether a call may begin here without a marker. */
  #bare: boolean;
  #calls = 0;
  #errors = 0;
  /** True if anything but white space was said since the last call. White space alone is layout. */
  #spoken = false;

  constructor(format: FormatName | CallFormat, { most = Infinity, tools = [] }: CallReaderOptions = {}) {
    this.#format = typeof format === 'string' ? FORMATS[format] : format;
    this.#most = most;
    this.#tools = tools;
    this.#beginnings = [...this.#format.markers, ...(this.#format.openings ?? [])];
    this.#bare = this.#format.bare ?? false;
  }

  push(text: string): OutputPart[] {
    this.#held += text;
    return this.#read();
  }

  end(): OutputPart[] {
    const parts: OutputPart[] = [];
    // A call that is not whole is text, in which others may stand.
    while (this.#state === 'call') parts.push(...this.#reject(), ...this.#read());
    if (this.#state === 'text' || !/^[\s,;\]]*$/.test(this.#held)) parts.push(...this.#say(this.#held));
    this.#held = '';
    return parts;
  }

  #read(): OutputPart[] {
    const parts: OutputPart[] = [];
    for (let added: OutputPart[] | undefined = []; added !== undefined;) {
      parts.push(...added);
      added = this.#step();
    }
    return parts;
  }

  /** @returns undefined where nothing can be done before more text comes. */
  #step(): OutputPart[] | undefined {
    if (this.#held === '') return undefined;
    switch (this.#state) {
      case 'text':
        return this.#readText();
      case 'call':
        return this.#readCall();
      case 'after':
        return this.#readAfter();
    }
  }

  /** Reads text up to a marker. */
  #readText(): OutputPart[] | undefined {
    const held = this.#held;
    if (this.#bare) {
      const start = held.search(/\S/);
      if (start < 0) return undefined;
      if (/[{[]/.test(held[start]!)) return this.#begin(start, false);
      this.#bare = false;
    }
    const places = this.#errors < MAX_ERRORS ? this.#beginnings.map(marker => held.indexOf(marker)) : [];
    const at = Math.min(...places.filter(place => place >= 0));
    if (at < Infinity) {
      const text = held.slice(0, at);
      this.#held = held.slice(at);
      const marker = longest(this.#format.markers.filter(marker => this.#held.startsWith(marker)));
      this.#begin(marker.length, true);
      return this.#isLayout(text) ? [] : this.#say(text);
    }
    const kept = Math.max(...this.#beginnings.map(marker => unfinished(held, marker)));
    const text = held.slice(0, held.length - kept);
    // White space may turn out to stand before a call.
    if (text === '' || this.#isLayout(text)) return undefined;
    this.#held = held.slice(text.length);
    return this.#say(text);
  }

  #begin(from: number, marked: boolean): OutputPart[] {
    this.#state = 'call';
    this.#marked = marked;
    this.#from = from;
    this.#body = undefined;
    return [];
  }

  /** Reads the call that was announced, or finds that none comes. */
  #readCall(): OutputPart[] | undefined {
    const held = this.#held;
    if (this.#body === undefined) {
      this.#from += spaceAt(held, this.#from);
      const forms = this.#list ? this.#format.forms.filter(isListed) : this.#format.forms;
      if (!this.#list && held[this.#from] === '[' && this.#format.forms.some(isListed)) {
        const first = this.#from + 1 + spaceAt(held, this.#from + 1);
        if (first === held.length) return undefined;
        this.#list = true;
        this.#from = first;
        return [];
      }
      const body = bodyOf(held.slice(this.#from), forms, this.#marked, this.#tools);
      if (body === 'open') return undefined;
      if (body === 'none') return this.#reject();
      this.#body = body;
    }
    const reading = this.#body.read(held.slice(this.#from));
    if (reading === 'open') return undefined;
    if (reading === 'none' || !this.#isTaken(reading.call)) return this.#reject();
    this.#held = held.slice(this.#from + reading.end);
    this.#state = 'after';
    this.#goesOn = this.#marked && !this.#list;
    return this.#accept(reading.call);
  }

  #isTaken(call: WrittenCall): boolean {
    const known =
      this.#marked || this.#tools.length === 0 || this.#tools.some(tool => tool.function.name === call.name);
    return known && isSendable(call);
  }

  #accept({ name, arguments: text }: WrittenCall): OutputPart[] {
    this.#spoken = false;
    const index = this.#calls++;
    if (index >= this.#most) return [];
    return [
      { type: 'call', index, name },
      { type: 'arguments', index, text },
    ];
  }

  /** The held text does not begin with a call: what announced one is text. */
  #reject(): OutputPart[] {
    const held = this.#held;
    const marker = longest(this.#beginnings.filter(marker => held.startsWith(marker)));
    if (held.length - marker.length > 256) this.#errors++;
    this.#state = 'text';
    this.#bare = false;
    this.#list = false;
    this.#held = held.slice(marker.length);
    return this.#say(marker);
  }

  /** Reads what stands between calls and after them. */
  #readAfter(): OutputPart[] | undefined {
    const held = this.#held;
    const start = spaceAt(held, 0);
    if (start === held.length) return undefined;
    if (this.#list) {
      if (held[start] === ']') {
        this.#list = false;
        this.#held = held.slice(start + 1);
        return [];
      }
      if (held[start] === ',') {
        const next = start + 1 + spaceAt(held, start + 1);
        if (next === held.length) return undefined;
        return this.#begin(next, this.#marked);
      }
      this.#list = false;
    }
    const closer = longest(this.#format.closers.filter(closer => held.startsWith(closer, start)));
    if (closer !== '') {
      this.#goesOn = false;
      this.#held = held.slice(start + closer.length);
      return [];
    }
    const marker = longest(this.#format.markers.filter(marker => held.startsWith(marker, start)));
    if (marker !== '') {
      this.#held = held.slice(start);
      return this.#begin(marker.length, true);
    }
    const rest = held.slice(start);
    if ([...this.#format.closers, ...this.#beginnings].some(word => word.startsWith(rest))) return undefined;
    if (this.#goesOn && held[start] === '{') return this.#begin(start, true);
    if (this.#format.bare) {
      const next = start + (held[start] === ';' ? 1 + spaceAt(held, start + 1) : 0);
      if (next === held.length) return undefined;
      if (/[{[]/.test(held[next]!)) return this.#begin(next, false);
    }
    this.#state = 'text';
    this.#bare = false;
    return [];
  }

  #isLayout(text: string): boolean {
    return text.trim() === '' && !this.#spoken;
  }

  #say(text: string): OutputPart[] {
    if (text === '' || (this.#calls > 0 && this.#isLayout(text))) return [];
    this.#spoken ||= text.trim() !== '';
    return [{ type: 'text', text }];
  }
}

/** Whether calls of a form may be items of a list. */
function isListed({ type }: BodyForm): boolean {
  return type === 'json' || type === 'python';
}

/** The length of the white space at a place. */
function spaceAt(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return at - from;
}

function longest(words: readonly string[]): string {
  return words.reduce((best, word) => (word.length > best.length ? word : best), '');
}

/** The length of the longest end of the text with which the marker begins. */
function unfinished(text: string, marker: string): number {
  for (let length = Math.min(marker.length - 1, text.length); length > 0; length--)
    if (text.endsWith(marker.slice(0, length))) return length;
  return 0;
}
