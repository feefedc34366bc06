import { fail } from './errors.js';
import { filter, type Filter } from './filter.js';
import type { Comparison } from './nodes.js';
import { isFloat, isInt, isNumber } from './numbers.js';
import { binary, compares } from './operators.js';
import { str } from './print.js';
import { contains, equal, isList, itemsOf, same, sizeOf, textOf } from './python.js';
import { isLower, isUpper } from './text-methods.js';
import { Dict, hashOf, Markup, Stream, Thing, Tuple, Undefined, Range, type Value } from './values.js';

function test(name: string, apply: (value: Value) => boolean): readonly [string, Filter] {
  return filter(name, '', 0, apply);
}

function comparison(operator: Comparison): Filter {
  return filter('', 'other', 1, (value, [other], run) => compares(operator, value, other!, run))[1];
}

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  '==': '==',
  eq: '==',
  equalto: '==',
  '!=': '!=',
  ne: '!=',
  '>': '>',
  gt: '>',
  greaterthan: '>',
  '>=': '>=',
  ge: '>=',
  '<': '<',
  lt: '<',
  lessthan: '<',
  '<=': '<=',
  le: '<=',
};

function isSequence(value: Value): boolean {
  return (
    isList(value) ||
    textOf(value) !== undefined ||
    value instanceof Tuple ||
    value instanceof Dict ||
    value instanceof Range ||
    (value instanceof Undefined && sizeOf(value) === 0)
  );
}

/** A key, which only a text can be the name of a filter or a test. */
function nameOf(value: Value): string {
  const hash = hashOf(value);
  return typeof hash === 'string' ? hash : '';
}

/** Jinja's tests. */
export const TESTS: readonly (readonly [string, Filter])[] = [
  test('boolean', value => typeof value === 'boolean'),
  test('callable', value =>
    (value instanceof Thing && value.call !== undefined) || value instanceof Undefined),
  test('defined', value => !(value instanceof Undefined)),
  filter('divisibleby', 'num', 1, (value, [num], run) => equal(binary('%', value, num!, run), 0, run)),
  test('escaped', value => value instanceof Markup),
  filter('even', '', 0, (value, _, run) => equal(binary('%', value, 2, run), 0, run)),
  test('false', value => value === false),
  filter('filter', '', 0, (value, _, __, { filters }) => filters.has(nameOf(value))),
  test('float', isFloat),
  filter('in', 'seq', 1, (value, [seq], run) => contains(seq!, value, run)),
  test('integer', isInt),
  test('iterable', value => value instanceof Stream || itemsOf(value) !== undefined),
  filter('lower', '', 0, (value, _, run) => isLower(str(value, run))),
  test('mapping', value => value instanceof Dict),
  test('none', value => value === null),
  test('number', isNumber),
  filter('odd', '', 0, (value, _, run) => equal(binary('%', value, 2, run), 1, run)),
  filter('sameas', 'other', 1, (value, [other]) => same(value, other!)),
  test('sequence', isSequence),
  test('string', value => textOf(value) !== undefined),
  filter('test', '', 0, (value, _, __, { tests }) => tests.has(nameOf(value))),
  test('true', value => value === true),
  test('undefined', value => value instanceof Undefined),
  filter('upper', '', 0, (value, _, run) => isUpper(str(value, run))),
  ...Object.entries(COMPARISONS).map(([name, operator]) => [name, comparison(operator)] as const),
];

/** @throws TemplateError for a test that does not exist. */
export function noTest(name: string): never {
  return fail(`No test named '${name}'.`);
}
