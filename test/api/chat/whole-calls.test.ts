import t from 'tap';
import { areAsWanted } from '#api/chat/whole-calls.js';

const TEXT = '[{"name": "f", "parameters": {"a": "ü \\" x", "b": [1, 2]}}]';

/** Where a piece of the text begins, in bytes. */
const place = (piece: string): number => Buffer.byteLength(TEXT.slice(0, TEXT.indexOf(piece)));

const bytes = (text: string): Uint8Array => Buffer.from(text);

t.test('calls are as wanted where only layout or further calls were left out', async t => {
  const CASES: readonly (readonly [place: string, wanted: string, as: boolean])[] = [
    // More white space, between values and in a text.
    [' "f"', '\n\n', true],
    [' "f"', '  ', true],
    [' \\" x', '  ', false],
    [' x"', '\n', false],
    // More of a text, of a list, of the arguments.
    ['" x"', 'a', false],
    ['x"', 'xy', false],
    ['x"', 'x', false],
    ['2]', '2, ', false],
    [']}}]', ', ', false],
    ['}}]', ', "c"', false],
    // Another call.
    [']}}]', ']}}, {', true],
    ['}]', '},', true],
  ];
  for (const [piece, wanted, as] of CASES)
    t.equal(areAsWanted(TEXT, [{ at: place(piece), wanted: bytes(wanted) }]), as, `${piece} ${wanted}`);
  t.equal(areAsWanted(TEXT, []), true);
  t.equal(
    areAsWanted(TEXT, [
      { at: place(' "f"'), wanted: bytes('\n') },
      { at: place('x"'), wanted: bytes('y') },
    ]),
    false,
  );
});
