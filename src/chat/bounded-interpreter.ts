import { Environment, Interpreter, type Statement, type Template, type Value } from './jinja.js';

/** How much a template may do. */
export interface TemplateBounds {
  /** Statements, expressions and bodies that are evaluated, and items of lists that are made. */
  readonly steps: number;
  /** Milliseconds, since one step, such as a filter of a long list, may be as much work as thousands. */
  readonly time: number;
  /** Characters and items of a value, what is nested in it included. */
  readonly size: number;
}

/** Enough for the conversations of an hour; some milliseconds of work. */
export const SMALL_TEMPLATE: TemplateBounds = { steps: 20_000, time: 20, size: 200_000 };

/** What the sandbox of Python's Jinja allows. */
const LONGEST_RANGE = 100_000;

/** The clock is looked at every so many steps. */
const STEPS_BETWEEN_LOOKS = 16;

/** Thrown by a template that does more than it may. */
export class TemplateTooLarge extends Error {
  override readonly name = 'TemplateTooLarge';
}

/**
 * Renders a template, within bounds.
 *
 * @param variables with the template's names.
 * @throws TemplateTooLarge; Error where the template refuses the variables, or is wrong
 */
export function renderWithin(
  { parsed }: Template,
  variables: Readonly<Record<string, unknown>>,
  bounds: TemplateBounds,
): string {
  const environment = new Environment();
  for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) environment.set(name, value);
  return new BoundedInterpreter(environment, bounds).run(parsed).value as string;
}

class BoundedInterpreter extends Interpreter {
  readonly #bounds: TemplateBounds;
  readonly #sizes = new WeakMap<Value, number>();
  readonly #end: number;
  #steps = 0;

  constructor(environment: Environment, bounds: TemplateBounds) {
    super(environment);
    this.#bounds = bounds;
    this.#end = performance.now() + bounds.time;
  }

  override evaluate(statement: Statement | undefined, environment: Environment): Value {
    this.#step();
    const value = super.evaluate(statement, environment);
    if (this.#sizeOf(value) > this.#bounds.size) throw new TemplateTooLarge('makes too large a value');
    return value;
  }

  override evaluateBlock(statements: readonly Statement[], environment: Environment): Value {
    this.#step();
    return super.evaluateBlock(statements, environment);
  }

  #step(): void {
    if (++this.#steps > this.#bounds.steps) throw new TemplateTooLarge('takes too many steps');
    if (this.#steps % STEPS_BETWEEN_LOOKS === 0 && performance.now() > this.#end)
      throw new TemplateTooLarge('takes too long');
  }

  /** As a text would have it: a value that is in a list twice counts twice. */
  #sizeOf(value: Value): number {
    const content: unknown = value.value;
    if (typeof content === 'string') return content.length;
    if (typeof content !== 'object' || content === null) return 1;
    const known = this.#sizes.get(value);
    if (known !== undefined) return known;
    // A list that holds itself is met again while it is measured.
    this.#sizes.set(value, 1);
    const parts = (content instanceof Map ? [...content.values()] : content) as readonly Value[];
    let size = 1;
    for (const part of parts) size += this.#sizeOf(part);
    // A namespace changes.
    if (content instanceof Map) this.#sizes.delete(value);
    else {
      this.#sizes.set(value, size);
      this.#steps += parts.length;
    }
    return size;
  }
}

/** The variables and functions that templates find, as transformers gives them. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  raise_exception: (message: string) => {
    throw new Error(message);
  },
  range: (first: number, end?: number, step = 1) => {
    const [start, stop] = end === undefined ? [0, first] : [first, end];
    if (step === 0) throw new Error('range() step must not be zero');
    const length = Math.max(0, Math.ceil((stop - start) / step));
    if (length > LONGEST_RANGE) throw new TemplateTooLarge(`has a range of more than ${LONGEST_RANGE}`);
    return Array.from({ length }, (_, i) => start + i * step);
  },
  strftime_now: (format: string) => strftime(new Date(), format),
};

/** The directives of Python's `strftime` that templates use, in English as in Python's default locale. */
function strftime(date: Date, format: string): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const name = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat('en-US', options).format(date);
  const directives: Readonly<Record<string, () => string>> = {
    Y: () => String(date.getFullYear()),
    m: () => two(date.getMonth() + 1),
    d: () => two(date.getDate()),
    b: () => name({ month: 'short' }),
    B: () => name({ month: 'long' }),
    a: () => name({ weekday: 'short' }),
    A: () => name({ weekday: 'long' }),
    H: () => two(date.getHours()),
    M: () => two(date.getMinutes()),
    S: () => two(date.getSeconds()),
    '%': () => '%',
  };
  return format.replace(/%(.)/g, (all, letter: string) => directives[letter]?.() ?? all);
}
