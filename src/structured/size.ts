import { LIMITS, Refusal } from './refusal.js';
import { child } from './schema-document.js';

/** A value on the way through a document, and where it is. */
interface Place {
  readonly value: unknown;
  readonly depth: number;
  readonly key: string | number;
  readonly parent: Place | undefined;
}

/**
 * Checks that a JSON value is not too large to be worked on: in characters, depth, objects, and members of
 * each. Stops at the first limit that is passed, so that it takes no longer for the largest of bodies.
 *
 * @throws Refusal with the JSON pointer of the place
 */
export function checkSize(root: unknown): void {
  const waiting: Place[] = [{ value: root, depth: 0, key: '', parent: undefined }];
  let characters = 0;
  let objects = 0;
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const { value, depth } = place;
    const add = (more: number): void => {
      characters += more;
      if (characters > LIMITS.characters)
        throw new Refusal('', `has more than ${LIMITS.characters} characters`);
    };
    if (typeof value !== 'object' || value === null) {
      add(String(value).length);
      continue;
    }
    if (depth > LIMITS.depth)
      throw new Refusal(pointerOf(place), `is nested deeper than ${LIMITS.depth} levels`);
    const keys = Array.isArray(value) ? undefined : Object.keys(value);
    const { length } = keys ?? (value as readonly unknown[]);
    if (length > LIMITS.members)
      throw new Refusal(pointerOf(place), `has ${length} members, more than ${LIMITS.members}`);
    if (keys !== undefined && ++objects > LIMITS.objects)
      throw new Refusal('', `has more than ${LIMITS.objects} objects`);
    // Brackets and commas; quotes and colons.
    add(2 + (keys === undefined ? 1 : 4) * length);
    for (let index = 0; index < length; index++) {
      const key = keys?.[index] ?? index;
      if (keys !== undefined) add(keys[index]!.length);
      waiting.push({ value: (value as Record<string, unknown>)[key], depth: depth + 1, key, parent: place });
    }
  }
}

function pointerOf(place: Place): string {
  const keys: (string | number)[] = [];
  for (let at = place; at.parent !== undefined; at = at.parent) keys.unshift(at.key);
  return child('', ...keys);
}
