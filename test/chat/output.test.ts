import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { CallListReader } from '#chat/calls/forced.js';
import { CallReader, type OutputReader } from '#chat/output.js';
import type { ToolFormat } from '#chat/tool-format.js';
import { readPieces, type ReadOutput } from '#test/support/read-pieces.js';
import { runs } from '#test/support/property-runs.js';

const f = { name: 'f', arguments: '{"a": [1, "}"]}' };
const g = { name: 'g', arguments: '{}' };
const call = (name: string, text: string): ReadOutput['calls'][number] => ({ name, arguments: text });

type Case = readonly [format: ToolFormat | 'list', output: string, text: string, calls: ReadOutput['calls']];
/** An output without a call. */
const same = (format: ToolFormat, output: string): Case => [format, output, output, []];
const CASES: readonly Case[] = [
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

  ['hermes', '<tool_call>\n{"name": "g"}\n{"name": "g"}\n</tool_call> {}', ' {}', [g, g]],
  ['hermes', 'x <tool_call> y', 'x <tool_call> y', []],
  [
    'hermes',
    '<tool_call>{"name": "f", "arguments": "{\\"a\\": 1}"}</tool_call>',
    '',
    [call('f', '{"a": 1}')],
  ],
  ['hermes', '<tool_call>{"name": "g", "arguments": null}</tool_call>', '', [g]],
  ['hermes', '<tool_call>{"name": "g", "arguments": ""}</tool_call>', '', [g]],
  ...['[1]', '1', 'true', '"x"', '"[1]"'].map((value): Case =>
    same('hermes', `<tool_call>{"name": "g", "arguments": ${value}}</tool_call>`),
  ),
  same('hermes', 'a <tool_call>{"name": "f", "arguments": {"a": "hello wor'),
  same('hermes', '<tool_call>{"a": 1}</tool_call>'),
  same('hermes', '<tool_call>{"name": "f", "arguments": {"__proto__": 1}}</tool_call>'),
  same('hermes', `<tool_call>{"name": "${'f'.repeat(129)}", "arguments": {}}</tool_call>`),
  [
    'hermes',
    '<tool_call>{"a": 1}</tool_call> <tool_call>{"name": "g"}</tool_call>',
    '<tool_call>{"a": 1}</tool_call> ',
    [g],
  ],
  [
    'hermes',
    '<tool_call>\n{"function": {"name": "f", "arguments": {"a": 1}}}\n</tool_call>',
    '',
    [call('f', '{"a": 1}')],
  ],
  [
    'hermes',
    "<tool_call>{'name': 'f', 'arguments': {'a': True}}</tool_call>",
    '',
    [call('f', '{"a": true}')],
  ],
  ['hermes', '<tool_call>{"name": "f", "arguments": {"a": "b\nc"}}', '', [call('f', '{"a": "b\\nc"}')]],
  [
    'qwen3-coder',
    'So:\n<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n<parameter=b c>\n</parameter>\n</function>\n</tool_call>',
    'So:\n<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n<parameter=b c>\n</parameter>\n</function>\n</tool_call>',
    [],
  ],
  [
    'qwen3-coder',
    'So:\n<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n<parameter=b>\n</parameter>\n\n</parameter>\n</function>\n</tool_call>\n<function=g>\n</function>',
    'So:\n',
    [call('f', '{"a": 1, "b": "</parameter>\\n"}'), g],
  ],
  ['mistral', '[TOOL_CALLS]f[ARGS]{"a": 1}', '', [call('f', '{"a": 1}')]],
  [
    'mistral',
    'x[TOOL_CALLS]f[CALL_ID]123456789[ARGS]{"a": 1}[TOOL_CALLS]g[ARGS]{}',
    'x',
    [call('f', '{"a": 1}'), g],
  ],
  ['mistral', '[TOOL_CALLS]g{}', '', [g]],
  ['mistral', '[TOOL_CALLS] [{"name": "g", "arguments": {}, "id": "123456789"}]', '', [g]],
  same('mistral', '[TOOL_CALLS] is the marker of [TOOL_CALLS]'),
  [
    'llama3',
    '[{"name": "f", "parameters": {"a": 1}}, {"name": "g", "parameters": {}}]',
    '',
    [call('f', '{"a": 1}'), g],
  ],
  ['llama3', '[f(a=1), g()]', '', [call('f', '{"a": 1}'), g]],
  same('llama3', '[1, 2]'),
  same('llama3', '[see: a] and {b}'),
  [
    'pythonic',
    '[f(a=[1, -2.5, None], b={"c": \'d"\'})]\n',
    '',
    [call('f', '{"a": [1, -2.5, null], "b": {"c": "d\\""}}')],
  ],
  ['pythonic', '<|python_start|>[g()]<|python_end|>', '', [g]],
  ['granite', '<|tool_call|>[{"name": "g", "arguments": {}}]', '', [g]],
  ['phi4', '<|tool_call|>[{"name": "g", "arguments": {}}]<|/tool_call|>', '', [g]],
  ['phi4', 'functools[{"name": "g", "arguments": {}}]', '', [g]],
  [
    'gemma',
    "<start_function_call>call:f{a:<escape>it's {x, <b>}<escape>,b:[1,true],c:{d:null}}<end_function_call><start_function_call>call:g{}<end_function_call>",
    '',
    [call('f', '{"a": "it\'s {x, <b>}", "b": [1, true], "c": {"d": null}}'), g],
  ],
  same('gemma', '<start_function_call>call me{}'),
  ['list', '[{"name":"f","parameters":{"a": [1, "}"]}},\n {"name":"g","parameters":{}}]', '', [f, g]],
];

const readerOf = (format: ToolFormat | 'list'): OutputReader =>
  format === 'list' ? new CallListReader(Infinity, true) : new CallReader(format);

t.test('calls and text, however the output is cut', async t => {
  for (const [format, output, text, calls] of CASES) {
    t.strictSame(readPieces(readerOf(format), [output]), { text, calls }, output);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }), lengths => {
        const pieces: string[] = [];
        for (let at = 0, i = 0; at < output.length; i++) {
          const length = lengths[i % lengths.length]!;
          pieces.push(output.slice(at, at + length));
          at += length;
        }
        assert.deepEqual(readPieces(readerOf(format), pieces), { text, calls });
      }),
      runs(300),
    );
  }
});

t.test('no more calls than allowed', async t => {
  const [, output] = CASES[2]!;
  t.strictSame(readPieces(new CallReader('hermes', { most: 1 }), [output]).calls, [f]);
});
