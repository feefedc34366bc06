import { compile, type Execute } from './compile.js';
import { TemplateError, TemplateSyntaxError } from './errors.js';
import type { Environment } from './filter.js';
import { GLOBALS } from './globals.js';
import { LIST_FILTERS } from './list-filters.js';
import { NUMBER_FILTERS } from './number-filters.js';
import { parseTemplate } from './parser.js';
import { Run, UNBOUNDED, type TemplateBounds } from './run.js';
import { Scope } from './scope.js';
import { TESTS } from './tests.js';
import { TEXT_FILTERS } from './text-filters.js';
import type { Value } from './values.js';

export { TemplateError, TemplateSyntaxError, TemplateTooLarge } from './errors.js';
export { UNBOUNDED, type TemplateBounds } from './run.js';
export { valueOf } from './convert.js';
export type { Value } from './values.js';

const ENVIRONMENT: Environment = {
  filters: new Map([...TEXT_FILTERS, ...LIST_FILTERS, ...NUMBER_FILTERS]),
  tests: new Map(TESTS),
};

/**
 * A Jinja template, set up as transformers sets up chat templates: Jinja 3.1's immutable sandbox with
 * `trim_blocks`, `lstrip_blocks`, `break` and `continue`, the statement `generation`, transformers' `tojson`,
 * `raise_exception` and `strftime_now`. Values print and behave as Python's.
 *
 * Differences: nothing is loaded, so `include`, `import` and `extends` fail when they are met, as they do
 * there; `urlize`, `lipsum`, `str.encode`, complex numbers and `\N{...}` in texts are not offered.
 */
export class JinjaProgram {
  readonly #execute: Execute;

  /** @throws TemplateSyntaxError */
  constructor(source: string) {
    try {
      this.#execute = compile(parseTemplate(source), ENVIRONMENT);
    } catch (error) {
      // The stack is at its end.
      if (error instanceof RangeError) throw new TemplateSyntaxError('too deeply nested');
      throw error;
    }
  }

  /**
   * @param variables by name; they come before functions of the same name.
   * @throws TemplateError where the template refuses the variables, or is wrong; TemplateTooLarge where it
   * does more than it may
   */
  render(
    variables: Iterable<readonly [string, Value]>,
    bounds: TemplateBounds = UNBOUNDED,
    now = new Date(),
  ): string {
    const run = new Run(bounds, now);
    const context = new Scope(new Scope(undefined, new Map(GLOBALS)), new Map(variables));
    try {
      this.#execute(context.inner(), run);
    } catch (error) {
      if (error instanceof RangeError) throw new TemplateError('maximum recursion depth exceeded');
      throw error;
    }
    return run.output;
  }
}
