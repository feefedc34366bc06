import { fail } from './errors.js';
import { escapeHtml, escapeText } from './html.js';
import type { BinaryOperator, Comparison } from './nodes.js';
import { calculate, divide, float, isNumber, power, toIndex, toInteger, toNumber } from './numbers.js';
import { formatPercent } from './percent-format.js';
import { compare, contains, equal, isList, textOf, typeName } from './python.js';
import type { Run } from './run.js';
import { Markup, Tuple, Undefined, type Value } from './values.js';

/** `left operator right` for two values. @throws TemplateError where they do not go together */
export function binary(operator: BinaryOperator, left: Value, right: Value, run: Run): Value {
  if (typeof left === 'string' && typeof right === 'string' && operator === '+')
    return run.text(left + right);
  for (const value of [left, right])
    if (value instanceof Undefined && !(operator === '%' && textOf(left) !== undefined)) fail(value.message);
  if (isNumber(left) && isNumber(right)) return arithmetic(operator, left, right);
  const result =
    operator === '+'
      ? add(left, right, run)
      : operator === '*'
        ? (repeat(left, right, run) ?? repeat(right, left, run))
        : operator === '%'
          ? percent(left, right, run)
          : undefined;
  return (
    result ??
    fail(
      `unsupported operand type(s) for ${operator}${operator === '**' ? ' or pow()' : ''}: '${typeName(left)}' and '${typeName(right)}'`,
    )
  );
}

type AnyNumber = Extract<Parameters<typeof toNumber>[0], Value>;

function arithmetic(operator: BinaryOperator, left: AnyNumber, right: AnyNumber): Value {
  switch (operator) {
    case '+':
    case '-':
    case '*':
      return calculate(operator, left, right);
    case '/':
      if (toNumber(right) === 0) fail('division by zero');
      return float(toNumber(left) / toNumber(right));
    case '//':
      return (divide(left, right) ?? fail('integer division or modulo by zero')).quotient;
    case '%':
      return (divide(left, right) ?? fail('integer division or modulo by zero')).remainder;
    case '**':
      return power(left, right) ?? fail('0.0 cannot be raised to a negative power');
  }
}

function add(left: Value, right: Value, run: Run): Value | undefined {
  if (isList(left) && isList(right)) {
    run.room(left.length + right.length);
    run.step(left.length + right.length);
    return [...left, ...right];
  }
  if (left instanceof Tuple && right instanceof Tuple) {
    run.room(left.items.length + right.items.length);
    return new Tuple([...left.items, ...right.items]);
  }
  const [a, b] = [textOf(left), textOf(right)];
  if (a === undefined || b === undefined) return undefined;
  return new Markup(run.text(escapeHtml(left, run) + escapeHtml(right, run)));
}

function repeat(left: Value, right: Value, run: Run): Value | undefined {
  const integer = toIndex(right);
  if (integer === undefined) return undefined;
  const count = Math.max(0, integer);
  const text = textOf(left);
  if (text !== undefined) {
    run.room(text.length * count);
    const repeated = text === '' ? '' : text.repeat(count);
    return left instanceof Markup ? new Markup(repeated) : repeated;
  }
  const items = isList(left) ? left : left instanceof Tuple ? left.items : undefined;
  if (items === undefined) return undefined;
  run.room(items.length * count);
  run.step(items.length * count);
  const repeated = items.length === 0 ? [] : Array.from({ length: count }, () => items).flat();
  return isList(left) ? repeated : new Tuple(repeated);
}

function percent(left: Value, right: Value, run: Run): Value | undefined {
  const text = textOf(left);
  if (text === undefined) return undefined;
  if (!(left instanceof Markup)) return formatPercent(text, right, run);
  const escaped = right instanceof Tuple ? new Tuple(right.items.map(escapedText)) : escapedText(right);
  return new Markup(formatPercent(text, escaped, run));
}

function escapedText(value: Value): Value {
  return typeof value === 'string' ? escapeText(value) : value;
}

/** `-value` or `+value`. @throws TemplateError where it is no number */
export function sign(operator: '-' | '+', value: Value): Value {
  if (value instanceof Undefined) return fail(value.message);
  if (!isNumber(value)) return fail(`bad operand type for unary ${operator}: '${typeName(value)}'`);
  const integer = toInteger(value);
  if (integer === undefined) return operator === '+' ? value : float(-toNumber(value));
  return operator === '+' ? integer : calculate('-', 0, integer);
}

/** One comparison. @throws TemplateError where the values have no order */
export function compares(operator: Comparison, left: Value, right: Value, run: Run): boolean {
  switch (operator) {
    case '==':
      return equal(left, right, run);
    case '!=':
      return !equal(left, right, run);
    case 'in':
      return contains(right, left, run);
    case 'not in':
      return !contains(right, left, run);
    case '<':
      return compare(left, right, operator, run) < 0;
    case '<=':
      return compare(left, right, operator, run) <= 0;
    case '>':
      return compare(left, right, operator, run) > 0;
    case '>=':
      return compare(left, right, operator, run) >= 0;
  }
}
