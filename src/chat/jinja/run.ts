import { TemplateTooLarge } from './errors.js';

/** How much a template may do. */
export interface TemplateBounds {
  /** Statements, calls, and items that are visited or made. */
  readonly steps: number;
  /** Milliseconds, since one step, such as a filter of a long text, may be as much work as thousands. */
  readonly time: number;
  /** Characters of a text, and items of a list. */
  readonly size: number;
}

export const UNBOUNDED: TemplateBounds = { steps: Infinity, time: Infinity, size: Infinity };

/** The clock is looked at every so many steps. */
const STEPS_BETWEEN_LOOKS = 16;

/** Deepest calls of macros and recursive loops, about as many as Python allows. */
const DEEPEST_CALL = 200;

/** One rendering of a template: what it has written, and what it may still do. */
export class Run {
  /** What has been written. */
  output = '';
  /** Whether what is printed is escaped as HTML. */
  autoescape = false;
  /** The time of the rendering. */
  readonly now: Date;
  readonly #bounds: TemplateBounds;
  readonly #end: number;
  #steps = 0;
  #next = STEPS_BETWEEN_LOOKS;
  #depth = 0;

  constructor(bounds: TemplateBounds, now: Date) {
    this.now = now;
    this.#bounds = bounds;
    this.#end = bounds.time === Infinity ? Infinity : performance.now() + bounds.time;
  }

  /** @throws TemplateTooLarge */
  step(count = 1): void {
    this.#steps += count;
    if (this.#steps < this.#next) return;
    if (this.#steps > this.#bounds.steps) throw new TemplateTooLarge('takes too many steps');
    if (this.#end !== Infinity && performance.now() > this.#end) throw new TemplateTooLarge('takes too long');
    this.#next = Math.min(this.#steps + STEPS_BETWEEN_LOOKS, this.#bounds.steps + 1);
  }

  /** Counts work that goes over a text's characters. @throws TemplateTooLarge */
  pass(text: string): void {
    this.step(1 + (text.length >> 8));
  }

  /**
   * Asks before a text or a list is made.
   *
   * @param size its characters or items.
   * @throws TemplateTooLarge
   */
  room(size: number): void {
    if (size > this.#bounds.size) throw new TemplateTooLarge('makes too large a value');
  }

  /** @returns the text, if it is not too long. @throws TemplateTooLarge */
  text(text: string): string {
    if (text.length > this.#bounds.size) throw new TemplateTooLarge('makes too large a value');
    return text;
  }

  /** @throws TemplateTooLarge */
  write(text: string): void {
    this.output += text;
    if (this.output.length > this.#bounds.size) throw new TemplateTooLarge('makes too large a value');
  }

  /** What an action writes, instead of writing it. */
  capture(action: () => void): string {
    const before = this.output;
    this.output = '';
    action();
    const text = this.output;
    this.output = before;
    return text;
  }

  /** Runs a macro. @throws TemplateTooLarge where it calls itself without end */
  enter<T>(action: () => T): T {
    if (++this.#depth > DEEPEST_CALL)
      throw new TemplateTooLarge('has macros that call one another too deeply');
    const result = action();
    this.#depth--;
    return result;
  }
}
