import { choice, oneOf, repeat, sequence, type Expression } from './expression.js';
import { byte, closedBy, GAP, mark } from './json-text.js';
import { call, COUNT } from './symbols.js';

/** Most named members of a set: each is a bit of a count. */
export const MOST_MEMBERS = 30;

/** A member of an object, and the rule that writes it with its key. */
export interface NamedMember {
  readonly rule: number;
  readonly required: boolean;
}

/**
 * What a rule for the members of an object in several orders counts: the set of named members that are there,
 * a bit for each.
 */
export interface MemberSet {
  readonly kind: 'members';
  /** Their bits count up from the lowest. */
  readonly members: readonly NamedMember[];
  /** The bits of members without which the object must not end. */
  readonly required: number;
  /** The rule of members that have no name of their own; undefined: there are none. */
  readonly further: number | undefined;
}

/**
 * An object whose required members come in their order, and optional ones anywhere among them; members
 * without a name of their own after all that are required. Those must be written in any case, so that their
 * order leaves nothing out; and it is the one that OpenAI's API promises.
 *
 * @param members at most {@link MOST_MEMBERS}
 */
export function membersInSeveralOrders(
  members: readonly NamedMember[],
  further: number | undefined,
): { readonly expression: Expression; readonly counter: MemberSet } {
  const required = members.reduce((bits, member, index) => bits | (member.required ? 1 << index : 0), 0);
  const rules = new Set(members.map(({ rule }) => rule).concat(further ?? []));
  const member = oneOf([...rules].map(call));
  const rest = sequence(GAP, member, repeat(sequence(mark(',', COUNT), GAP, member), 0), closedBy('}'));
  return {
    expression: sequence(byte('{'), required === 0 ? choice(byte('}'), rest) : rest),
    counter: { kind: 'members', members, required, further },
  };
}

/** For each rule of a member: the bit that a call adds to the set, and those that must be there before. */
export function bitsOf({
  members,
  required,
  further,
}: MemberSet): ReadonlyMap<number, { readonly bit: number; readonly after: number }> {
  const result = new Map(
    members.map((member, index) => {
      const bit = 1 << index;
      return [member.rule, { bit, after: member.required ? required & (bit - 1) : 0 }];
    }),
  );
  return further === undefined ? result : result.set(further, { bit: 0, after: required });
}
