import * as library from '@huggingface/jinja';

/**
 * The parts of `@huggingface/jinja` that are used here. The library's own declarations import each other
 * without file extensions, so most of them do not resolve for an ECMAScript module.
 */
interface Library {
  readonly Template: new (source: string) => Template;
  readonly Environment: new () => Environment;
  readonly Interpreter: new (environment: Environment) => Interpreter;
}

/** A parsed template. */
export interface Template {
  readonly parsed: Statement;
}

/** Variables by name. */
export interface Environment {
  set(name: string, value: unknown): void;
}

/** A value of a template: a text, a number, a list of values, a map of values, a function. */
export interface Value {
  readonly value: unknown;
}

/** A node of the parsed template. */
export type Statement = object;

export interface Interpreter {
  run(program: Statement): Value;
  evaluate(statement: Statement | undefined, environment: Environment): Value;
  /** The body of a loop, a condition or a macro; it may be empty. */
  evaluateBlock(statements: readonly Statement[], environment: Environment): Value;
}

export const { Template, Environment, Interpreter } = library as unknown as Library;
