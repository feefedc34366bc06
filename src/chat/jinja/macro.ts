import { fail } from './errors.js';
import { quote } from './print.js';
import type { Run } from './run.js';
import { Dict, Markup, Thing, Tuple, Undefined, type Keywords, type Value } from './values.js';

/** How a macro is called. */
export interface MacroShape {
  readonly name: string | undefined;
  readonly parameters: readonly string[];
  /** Whether its body uses `caller`, `kwargs` and `varargs`. */
  readonly takesCaller: boolean;
  readonly takesKeywords: boolean;
  readonly takesRest: boolean;
}

/** A macro, or the body of a call block. */
export class Macro extends Thing {
  override readonly type = 'Macro';
  readonly #shape: MacroShape;
  override readonly call: (run: Run, args: readonly Value[], keywords: Keywords) => Value;

  /** @param render gets the arguments by name; parameters that are not given are missing. */
  constructor(shape: MacroShape, render: (args: ReadonlyMap<string, Value>, run: Run) => string) {
    super();
    this.#shape = shape;
    this.call = (run, args, keywords) => {
      const text = run.enter(() => render(this.#bind(args, keywords), run));
      return run.autoescape ? new Markup(text) : text;
    };
  }

  #bind(args: readonly Value[], keywords: Keywords): Map<string, Value> {
    const { name, parameters, takesCaller, takesKeywords, takesRest } = this.#shape;
    const shown = name === undefined ? 'None' : quote(name);
    const bound = new Map<string, Value>();
    const others = new Map(keywords);
    parameters.forEach((parameter, i) => {
      const value = i < args.length ? args[i] : others.get(parameter);
      if (i >= args.length) others.delete(parameter);
      if (value !== undefined) bound.set(parameter, value);
    });
    if (takesCaller && !parameters.includes('caller')) {
      bound.set('caller', others.get('caller') || new Undefined('No caller defined'));
      others.delete('caller');
    }
    if (takesKeywords) bound.set('kwargs', new Dict(others));
    else
      for (const keyword of others.keys()) {
        if (keyword === 'caller')
          fail(`macro ${shown} was invoked with two values for the special caller argument.`);
        fail(`macro ${shown} takes no keyword argument ${quote(keyword)}`);
      }
    if (takesRest) bound.set('varargs', new Tuple(args.slice(parameters.length)));
    else if (args.length > parameters.length)
      fail(`macro ${shown} takes not more than ${parameters.length} argument(s)`);
    return bound;
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case 'name':
        return this.#shape.name ?? null;
      case 'arguments':
        return new Tuple(this.#shape.parameters);
      case 'caller':
        return this.#shape.takesCaller;
      case 'catch_kwargs':
        return this.#shape.takesKeywords;
      case 'catch_varargs':
        return this.#shape.takesRest;
    }
    return undefined;
  }

  override print(): string {
    return `<Macro ${this.#shape.name === undefined ? 'anonymous' : quote(this.#shape.name)}>`;
  }
}
