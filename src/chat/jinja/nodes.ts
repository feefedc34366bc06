import type { Value } from './values.js';

/** An expression of a template. */
export type Expression =
  | { readonly kind: 'constant'; readonly value: Value }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list' | 'tuple' | 'concat'; readonly items: readonly Expression[] }
  | { readonly kind: 'dict'; readonly pairs: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: 'unary'; readonly operator: '-' | '+' | 'not'; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator | 'and' | 'or';
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'compare';
      readonly first: Expression;
      readonly rest: readonly (readonly [Comparison, Expression])[];
    }
  /** `then if test else otherwise`. */
  | {
      readonly kind: 'conditional';
      readonly test: Expression;
      readonly then: Expression;
      readonly otherwise: Expression | undefined;
    }
  | { readonly kind: 'attribute'; readonly object: Expression; readonly name: string }
  | { readonly kind: 'item'; readonly object: Expression; readonly index: Expression }
  | Slice
  | Call
  | Filter
  | Test;

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

/** `start:stop:step`, within brackets only. */
export interface Slice {
  readonly kind: 'slice';
  readonly start: Expression | undefined;
  readonly stop: Expression | undefined;
  readonly step: Expression | undefined;
}

/** The arguments of a call. */
export interface Arguments {
  readonly positional: readonly Expression[];
  readonly keywords: readonly (readonly [string, Expression])[];
  /** `*list`. */
  readonly rest: Expression | undefined;
  /** `**dict`. */
  readonly keywordRest: Expression | undefined;
}

export interface Call {
  readonly kind: 'call';
  readonly callee: Expression;
  readonly args: Arguments;
}

export interface Filter {
  readonly kind: 'filter';
  readonly name: string;
  /** Undefined: the text of a block. */
  readonly operand: Expression | undefined;
  readonly args: Arguments;
}

export interface Test {
  readonly kind: 'test';
  readonly name: string;
  readonly operand: Expression;
  readonly args: Arguments;
}

/** Where a value is stored. */
export type Target =
  | { readonly kind: 'name'; readonly name: string }
  /** An attribute of a namespace. */
  | { readonly kind: 'member'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'tuple'; readonly items: readonly Target[] };

/** The parameters of a macro, or of a call block. */
export interface Signature {
  readonly names: readonly string[];
  /** Of the last parameters. */
  readonly defaults: readonly Expression[];
}

export type Body = readonly Statement[];

/** A statement of a template, or text. */
export type Statement =
  | { readonly kind: 'data'; readonly text: string }
  | { readonly kind: 'output'; readonly value: Expression }
  | {
      readonly kind: 'if';
      readonly branches: readonly { readonly test: Expression; readonly body: Body }[];
      readonly otherwise: Body;
    }
  | {
      readonly kind: 'for';
      readonly target: Target;
      readonly iterable: Expression;
      readonly test: Expression | undefined;
      readonly recursive: boolean;
      readonly body: Body;
      readonly otherwise: Body;
    }
  | { readonly kind: 'break' | 'continue' }
  | { readonly kind: 'set'; readonly target: Target; readonly value: Expression }
  | {
      readonly kind: 'set-block';
      readonly target: Target;
      readonly filter: Filter | undefined;
      readonly body: Body;
    }
  | {
      readonly kind: 'with';
      readonly targets: readonly Target[];
      readonly values: readonly Expression[];
      readonly body: Body;
    }
  | { readonly kind: 'macro'; readonly name: string; readonly signature: Signature; readonly body: Body }
  | { readonly kind: 'call-block'; readonly call: Call; readonly signature: Signature; readonly body: Body }
  | { readonly kind: 'filter-block'; readonly filter: Filter; readonly body: Body }
  | { readonly kind: 'block'; readonly name: string; readonly scoped: boolean; readonly body: Body }
  | { readonly kind: 'autoescape'; readonly value: Expression; readonly body: Body }
  /** Marks what the assistant wrote, for training; its variables are its own. */
  | { readonly kind: 'generation'; readonly body: Body }
  /** `include`, `import`, `from`, `extends`: chat templates have nothing to load. */
  | { readonly kind: 'load' };
