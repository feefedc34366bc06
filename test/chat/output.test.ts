import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { CallReader, type OutputPart } from '#chat/output.js';
import type { ToolFormat } from '#chat/tool-format.js';
import { runs } from '#test/support/property-runs.js';

interface Outcome {
  readonly text: string;
  readonly calls: { name: string; arguments: string }[];
}

function read(reader: CallReader, pieces: readonly string[]): Outcome {
  const parts: OutputPart[] = [...pieces.flatMap(piece => reader.push(piece)), ...reader.end()];
  const calls: Outcome['calls'] = [];
  for (const part of parts) {
    if (part.type === 'call') calls[part.index] = { name: part.name, arguments: '' };
    if (part.type === 'arguments') calls[part.index]!.arguments += part.text;
  }
  return { text: parts.map(part => (part.type === 'text' ? part.text : '')).join(''), calls };
}

const f = { name: 'f', arguments: '{"a": [1, "}"]}' };
const g = { name: 'g', arguments: '{}' };
const CASES: [format: ToolFormat | 'list', output: string, text: string, calls: Outcome['calls']][] = [
  ['hermes', 'Only text, 1 < 2.', 'Only text, 1 < 2.', []],
  ['hermes', '<tool_call>\n{"name": "f", "arguments": {"a": [1, "}"]}}\n</tool_call>', '', [f]],
  [
    'hermes',
    'Well: <tool_call>{"arguments": {"a": [1, "}"]} , "name": "f"}</tool_call>\n<tool_call>{"name": "g", "arguments": {}}</tool_call>',
    'Well: ',
    [f, g],
  ],
  ['hermes', '<tool_call>{"name": "g"}</tool_call>', '', [g]],
  ['hermes', ' \n<tool_call>{"name": "g"}</tool_call>\n', '', [g]],
  [
    'hermes',
    '<tool_call>{"name": "g"}</tool_call>\n\n<b> a  b \n\n <tool_call>{"name": "g"}</tool_call> ',
    '\n\n<b> a  b \n\n ',
    [g, g],
  ],
  ['mistral', 'Well:\n\n[TOOL_CALLS] [{"name": "g"}]', 'Well:\n\n', [g]],
  [
    'mistral',
    '[TOOL_CALLS] [{"name": "f", "arguments": {"a": [1, "}"]}}, {"name": "g", "arguments": {}}]',
    '',
    [f, g],
  ],
  ['llama3', '{"name": "f", "parameters": {"a": [1, "}"]}}', '', [f]],
  [
    'llama3',
    '<|python_tag|>{"name": "f", "parameters": {"a": [1, "}"]}}; {"name": "g", "parameters": {}}',
    '',
    [f, g],
  ],
  ['llama3', '{"name": "Bob", "age": 3}', '{"name": "Bob", "age": 3}', []],
  ['llama3', 'Hello { there', 'Hello { there', []],
  ['list', '[{"name":"f","parameters":{"a": [1, "}"]}},\n {"name":"g","parameters":{}}]', '', [f, g]],
];

t.test('calls and text, however the output is cut', async t => {
  for (const [format, output, text, calls] of CASES) {
    t.strictSame(read(new CallReader(format), [output]), { text, calls }, output);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }), lengths => {
        const pieces: string[] = [];
        for (let at = 0, i = 0; at < output.length; i++) {
          const length = lengths[i % lengths.length]!;
          pieces.push(output.slice(at, at + length));
          at += length;
        }
        assert.deepEqual(read(new CallReader(format), pieces), { text, calls });
      }),
      runs(300),
    );
  }
});

t.test('a marker that is a special token has no text', async t => {
  const reader = new CallReader('mistral');
  const parts = [...reader.push('[{"name": "g", "arguments": {}}]', true), ...reader.end()];
  t.strictSame(parts, [
    { type: 'call', index: 0, name: 'g' },
    { type: 'arguments', index: 0, text: '{}' },
  ]);
});

t.test('no more calls than allowed', async t => {
  const [, output] = CASES[2]!;
  t.strictSame(read(new CallReader('hermes', 1), [output]).calls, [f]);
});
