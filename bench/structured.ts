/**
 * What structured output costs: milliseconds to compile a schema, and to mask the logits of one step, at the vocabulary of SmolLM2. Beside
 * them stands a decode step of that model's shape, which takes 20 to 25 ms on two quiet cores.
 *
 * Run: `npm run build && node dist/bench/structured.js [folder with a tokenizer.json]`
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '#test/support/seeded-random.js';
import { argmax } from '#engine/sampling/argmax.js';
import { compileStructure, type Structure } from '#structured/index.js';
import { vocabularyOf } from '#structured/vocabulary.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { SMOLLM2_135M, writeRandomLlama } from './support/random-model.js';
import { median, quantile } from './support/statistics.js';

const SEQUENCES = 8;
const MAX_TOKENS = 200;
const STOP = 1;

const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    born: { type: 'string', format: 'date' },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    tags: { type: 'array', items: { type: 'string', maxLength: 20 }, maxItems: 5 },
    address: {
      type: 'object',
      properties: { city: { type: 'string' }, zip: { type: 'string', pattern: '^\\d{5}$' } },
      required: ['city'],
      additionalProperties: false,
    },
  },
  required: ['name', 'age', 'tags', 'address'],
  additionalProperties: false,
};

const STRUCTURES: readonly (readonly [name: string, structure: Structure])[] = [
  ['json_object', { kind: 'object' }],
  ['person', { kind: 'schema', schema: person }],
  ['list of persons', { kind: 'schema', schema: { type: 'array', items: person, minItems: 3 } }],
  [
    'tree',
    {
      kind: 'schema',
      schema: {
        type: 'object',
        properties: { value: { type: 'number' }, children: { type: 'array', items: { $ref: '#' } } },
        required: ['value', 'children'],
        additionalProperties: false,
      },
    },
  ],
  ['string to 4000', { kind: 'schema', schema: { type: 'string', maxLength: 4000 } }],
  ['regex', { kind: 'regex', pattern: '[A-Z][a-z]+ \\d{1,3}(?:\\.\\d+)?' }],
];

const folder =
  process.argv[2] ?? (await writeRandomLlama(join(tmpdir(), 'kvasir-bench', 'smollm2-135m'), SMOLLM2_135M));
const tokenizer = await loadTokenizer(folder);
let began = performance.now();
vocabularyOf(tokenizer);
console.log(`vocabulary of ${tokenizer.vocabularySize}: ${(performance.now() - began).toFixed(0)} ms, once`);
console.log('structure          compile ms   mask ms: median      p99      max   steps');
for (const [name, structure] of STRUCTURES) {
  began = performance.now();
  const make = compileStructure(structure, tokenizer);
  const compile = performance.now() - began;
  const random = seededRandom(1);
  const times: number[] = [];
  const logits = new Float32Array(tokenizer.vocabularySize);
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    const constraint = make();
    for (let step = 0; step < MAX_TOKENS && !constraint.complete; step++) {
      for (let id = 0; id < logits.length; id++) logits[id] = random();
      began = performance.now();
      constraint.mask(logits, new Set([STOP]), 100 * MAX_TOKENS);
      times.push(performance.now() - began);
      // The best of random logits is one of the allowed tokens, each as likely as the others.
      const id = argmax(logits);
      if (id === STOP) break;
      began = performance.now();
      constraint.accept(id);
      times[times.length - 1]! += performance.now() - began;
    }
  }
  const columns = [median(times), quantile(times, 0.99), Math.max(...times)];
  console.log(
    `${name.padEnd(18)} ${compile.toFixed(1).padStart(10)} ${columns
      .map(value => value.toFixed(3).padStart(8))
      .join(' ')
      .padStart(33)} ${String(times.length).padStart(7)}`,
  );
}
