import type { Bound } from './numbers.js';
import type { Placed, Pointers } from './conjunctions.js';
import type { Decimal } from './decimal.js';

/** A kind of value. A schema comes down to a list of shapes: a value is valid if one of them holds. */
export type Shape =
  | { readonly type: 'values'; readonly values: readonly unknown[] }
  | { readonly type: 'null' | 'boolean' }
  | NumberShape
  | StringShape
  | ArrayShape
  | ObjectShape;

export interface NumberShape {
  readonly type: 'number';
  readonly integer: boolean;
  readonly min: Bound | undefined;
  readonly max: Bound | undefined;
  readonly multipleOf: readonly Placed<Decimal>[];
}

export interface StringShape {
  readonly type: 'string';
  readonly minLength: number;
  readonly maxLength: number;
  readonly patterns: readonly Placed<string>[];
  readonly formats: readonly Placed<string>[];
}

export interface ArrayShape {
  readonly type: 'array';
  readonly prefix: readonly Pointers[];
  /** Schemas of all items after the prefix; undefined: there are none. */
  readonly items: Pointers | undefined;
  readonly minItems: number;
  readonly maxItems: number;
}

export interface ObjectShape {
  readonly type: 'object';
  /** Named properties in the order in which they are written. */
  readonly properties: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly schema: Pointers;
  }[];
  /** For keys that match exactly one of the patterns and are no property. */
  readonly patterns: readonly (Placed<string> & { readonly schema: Pointers })[];
  /** Schemas of all other keys' values; undefined: there are no other keys. */
  readonly additional: Pointers | undefined;
  /** Schemas of the keys themselves. */
  readonly names: Pointers;
  readonly minProperties: number;
  readonly maxProperties: number;
}
