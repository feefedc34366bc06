import fc from 'fast-check';
import t from 'tap';
import { Detokenizer } from '#text/detokenizer.js';
import { OutputText } from '#text/output-text.js';
import type { Tokenizer } from '#text/types.js';
import { byteFallbackTokenizer, byteLevelTokenizer } from '#test/support/tiny-tokenizers.js';
import { runs } from '#test/support/property-runs.js';

const tokenizer = byteFallbackTokenizer();
const the = tokenizer.id('▁the')!;
const a = tokenizer.id('a')!;
const b = tokenizer.id('b')!;
const BUG = Array.from(Buffer.from('🐛'), byte => tokenizer.id(`<0x${byte.toString(16).toUpperCase()}>`)!);

t.test('tokens count as shown when all their text is', async t => {
  const output = new OutputText(tokenizer, [], ['aab'], false);
  t.strictSame(output.push(the), { text: 'the', stopped: false, tokens: 1 });
  t.strictSame(output.push(a), { text: '', stopped: false, tokens: 0 });
  t.strictSame(output.push(2), { text: '', stopped: false, tokens: 0 }, 'a token without text waits in line');
  t.strictSame(output.push(a), { text: '', stopped: false, tokens: 0 });
  t.strictSame(output.push(a), { text: 'a', stopped: false, tokens: 2 });
  t.strictSame(output.push(the), { text: 'aa the', stopped: false, tokens: 3 });
});

t.test('the tokens of a character count when it is whole', async t => {
  const output = new OutputText(tokenizer, [], [], false);
  t.strictSame(
    BUG.map(id => output.push(id).tokens),
    [0, 0, 0, 4],
  );
});

t.test('a stop string counts all tokens, those that it takes back too', async t => {
  const output = new OutputText(tokenizer, [], ['aab'], false);
  const pieces = [the, a, a, b].map(id => output.push(id));
  t.strictSame(pieces.at(-1), { text: '', stopped: true, tokens: 3 });
  t.equal(pieces.map(({ text }) => text).join(''), 'the');
});

t.test('the end gives what was held back', async t => {
  const output = new OutputText(tokenizer, [], ['aab'], false);
  [the, a, a, BUG[0]!].forEach(id => output.push(id));
  t.equal(output.flush(), 'aa\ufffd');
});

t.test('a stop string is found in what the end gives', async t => {
  const output = new OutputText(tokenizer, [], ['a\ufffd'], false);
  const shown = [a, a, BUG[0]!].map(id => output.push(id).text);
  t.equal(shown.join('') + output.flush(), 'a');
});

/** Streams a sequence and throws where something is shown too early, too late, or counted wrongly. */
function checkOutput(
  tokenizer: Tokenizer,
  prompt: number[],
  ids: number[],
  stops: string[],
  include: boolean,
): void {
  const fail = (fault: string): never => {
    throw new Error(`${fault}: ${JSON.stringify({ prompt, ids, stops, include })}`);
  };
  // The text without stop strings, and how much of it each token completes.
  const detokenizer = new Detokenizer(tokenizer, prompt);
  let text = '';
  const certain = ids.map(id => (text += detokenizer.push(id)).length);
  const unfinished = ids.map((_, i) => {
    const shorter = new Detokenizer(tokenizer, prompt);
    ids.slice(0, i + 1).forEach(id => shorter.push(id));
    return shorter.flush() !== '';
  });
  let end: { start: number; end: number } | undefined;
  for (let at = 1; at <= text.length && end === undefined; at++) {
    const found = stops.filter(stop => stop !== '' && text.slice(0, at).endsWith(stop));
    if (found.length > 0) end = { start: at - Math.max(...found.map(stop => stop.length)), end: at };
  }

  const output = new OutputText(tokenizer, prompt, stops, include);
  let shown = '';
  let counted = 0;
  for (const [i, id] of ids.entries()) {
    const piece = output.push(id);
    shown += piece.text;
    counted += piece.tokens;
    if (/\p{Surrogate}/u.test(piece.text)) fail('half a character');
    if (piece.stopped !== (end !== undefined && end.end <= certain[i]!)) fail(`stopped after ${i}`);
    if (piece.stopped) {
      if (shown !== text.slice(0, include ? end!.end : end!.start))
        fail('not the text up to the stop string');
      if (counted !== i + 1) fail('a stop string counts all tokens');
      return;
    }
    if (!text.startsWith(shown) || (end !== undefined && shown.length > end.start)) fail('shown too early');
    const held = text.slice(shown.length, certain[i]);
    if (held !== '' && !stops.some(stop => stop.startsWith(held))) fail('shown too late');
    // Tokens are counted in order, as far as the text is shown that they complete.
    let complete = 0;
    while (complete <= i && certain[complete]! + (unfinished[complete] ? 1 : 0) <= shown.length) complete++;
    if (counted !== complete) fail(`${counted} tokens counted after ${i}, not ${complete}`);
  }
  if (shown + output.flush() !== text + detokenizer.flush() && !stops.some(stop => stop.includes('\ufffd')))
    fail('the end is missing');
}

for (const [name, tokenizer] of [
  ['byte fallback', byteFallbackTokenizer()],
  ['byte-level BPE', byteLevelTokenizer()],
] as const) {
  t.test(`${name}: random tokens and stop strings`, async t => {
    const unit = fc.constantFrom('a', 'b', ' ', 'the', 'é', '🐛');
    const encoded = fc
      .string({ unit, maxLength: 4 })
      .map(text => tokenizer.encode(text, { addSpecialTokens: false }));
    const random = fc.array(fc.integer({ min: 0, max: tokenizer.vocabularySize }), { maxLength: 4 });
    const ids = fc.array(fc.oneof(encoded, encoded, random), { maxLength: 8 }).map(parts => parts.flat());
    const stops = fc.array(fc.string({ unit, maxLength: 4 }), { maxLength: 3 });
    const property = fc.property(ids, ids, stops, fc.boolean(), (prompt, output, stops, include) =>
      checkOutput(tokenizer, prompt, output, stops, include),
    );
    t.doesNotThrow(() => fc.assert(property, runs(400)));
  });
}
