import { mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { showBuild, showModelBuild } from '#cli/build-progress.js';
import { writeModel } from '#test/support/check-decoder.js';
import { startCommand, type Command } from '#test/support/command.js';
import { encoderConfig, encoderShapes } from '#test/support/encoder-models.js';
import { exportLlama } from '#test/support/exported-llama.js';
import { eventually } from '#test/support/eventually.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { randomLlama } from '#test/support/random-llama.js';
import { linearGraph } from '#test/support/raw-models.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { BYTE_LEVEL, WORD_PIECE } from '#test/support/tiny-tokenizers.js';

t.test('builds what serve takes', async t => {
  const folder = await randomLlama(t);
  const build = async (...args: string[]): Promise<Command> => {
    const command = startCommand(t, ['build', folder, ...args]);
    t.equal(await command.exit, 0);
    return command;
  };
  const first = await build('--precision', 'int4');
  t.match(first.stderr(), /^tensor 0 of \d+, 0 bytes of \d+ kB\n/);
  t.match(first.stderr(), /\nbuilt as int4: \d+ kB in \d+ s\n$/);
  const graph = first.stdout().trim();
  t.equal(path.dirname(path.dirname(graph)), path.join(folder, '.kvasir'));
  const { mtimeMs } = await stat(graph);

  const refused = startCommand(t, ['build', folder, '--kv-cache', 'paged']);
  const [again, other, paged] = await Promise.all([
    build('--precision', 'int4', '--device', 'cpu'),
    build('--precision', 'f16'),
    build('--device', 'cuda', '--kv-cache', 'paged'),
  ]);
  t.match(paged.stdout(), /decoder-f16-paged-[0-9a-f]+/);
  t.equal(await refused.exit, 1);
  t.match(refused.stderr(), /^kvasir: a paged KV cache is for --device cuda only\n$/);
  t.match(again.stderr(), /^built before as int4: \d+ kB\n$/);
  t.equal(again.stdout(), first.stdout());
  t.equal((await stat(graph)).mtimeMs, mtimeMs);
  t.match(other.stderr(), /built as f16/);

  const served = startCommand(t, ['serve', folder, '--precision', 'int4', '--port', '0', '--slots', '1']);
  await eventually(() => served.stdout().includes('serves') || served.process.exitCode !== null);
  t.match(served.stdout(), /serves tiny-llama/);
  t.equal((await readdir(path.join(folder, '.kvasir'))).length, 3, 'serve built nothing more');
});

t.test('encoders, and what is ready-made', async t => {
  const encoder = t.testdir();
  const config = encoderConfig('bert');
  await writeModel(encoder, { config, tensors: randomTensors(encoderShapes(config)) });
  await writeFile(path.join(encoder, 'tokenizer.json'), JSON.stringify(WORD_PIECE));
  const ready = path.join(encoder, 'ready');
  await writeModel(ready, { config: { ...LLAMA }, tensors: {} });
  await rename(path.join(ready, 'model.safetensors'), path.join(ready, 'unused'));
  await writeFile(path.join(ready, 'tokenizer.json'), JSON.stringify(BYTE_LEVEL));
  const form = { attention: 'primitive', positions: 'input' } as const;
  await exportLlama(path.join(ready, 'model.onnx'), LLAMA, randomTensors(llamaShapes(LLAMA)), form);

  const raw = path.join(encoder, 'raw');
  await mkdir(raw);
  await linearGraph().save(path.join(raw, 'model.onnx'));

  const [built, refused, there, tensors] = [
    startCommand(t, ['build', encoder, '--precision', 'int8']),
    startCommand(t, ['build', encoder, '--precision', 'f16']),
    startCommand(t, ['build', ready]),
    startCommand(t, ['build', raw]),
  ];
  t.equal(await built.exit, 0);
  t.match(built.stderr(), /built as int8/);
  t.match(built.stdout(), /encoder\.onnx\n$/);
  t.equal(await refused.exit, 1);
  t.match(
    refused.stderr(),
    /^kvasir: .* cannot be built in f16, only in f32, int8, int4, stored; w8a8 and int8 are the same for an encoder/,
  );
  t.equal(await there.exit, 0);
  t.match(there.stderr(), /^nothing to build: model\.onnx, exported for Hugging Face/);
  t.equal(there.stdout(), `${path.join(ready, 'model.onnx')}\n`);
  t.equal(await tensors.exit, 0);
  t.match(tensors.stderr(), /^nothing to build: model\.onnx, without a tokenizer/);
  t.equal(tensors.stdout(), `${path.join(raw, 'model.onnx')}\n`);
});

t.test('an interrupted build leaves nothing', async t => {
  const folder = await randomLlama(t, { hidden_size: 256, intermediate_size: 1024, num_hidden_layers: 12 });
  const command = startCommand(t, ['build', folder, '--precision', 'int4']);
  await eventually(() => command.stderr().includes('tensor 0'));
  command.process.kill('SIGINT');
  t.equal(await command.exit, 1);
  t.match(command.stderr(), /kvasir: interrupted; nothing is left of the build\n$/);
  t.equal(command.stdout(), '');
  t.strictSame(await readdir(path.join(folder, '.kvasir')), []);
});

t.test('a build that a server makes is told of when it takes long', async t => {
  const lines: unknown[][] = [];
  const logger = { info: (...line: unknown[]) => void lines.push(line) };
  const begin = { tensors: 0, allTensors: 4, bytes: 0, allBytes: 4000 };
  const later = { tensors: 2, allTensors: 4, bytes: 1000, allBytes: 4000 };
  const quick = showModelBuild(new PassThrough(), logger, 'tiny', 60_000);
  quick.show(begin);
  quick.end();
  t.strictSame(lines, []);
  const slow = showModelBuild(new PassThrough(), logger, 'tiny', 0);
  slow.show(begin);
  slow.show(later);
  slow.end();
  t.strictSame(lines, [[{ model: 'tiny' }, 'building its graph: tensor 0 of 4, 0 bytes of 4 kB']]);
  const output = new PassThrough();
  const write = (): boolean => true;
  const terminal = Object.assign(output, { isTTY: true, columns: 200, clearLine: write, cursorTo: write });
  const bar = showModelBuild(terminal, logger, 'tiny', 0);
  bar.show(begin);
  bar.show(later);
  bar.end();
  t.match(String(output.read()), /25% \| tensor 2 of 4/);
  t.equal(lines.length, 1);
});

t.test('progress on a terminal', async t => {
  const output = new PassThrough();
  const write = (): boolean => true;
  const terminal = Object.assign(output, { isTTY: true, columns: 200, clearLine: write, cursorTo: write });
  const progress = showBuild(terminal);
  progress.show({ tensors: 0, allTensors: 4, bytes: 0, allBytes: 4000 });
  progress.show({ tensors: 2, allTensors: 4, bytes: 1000, allBytes: 4000 });
  progress.end();
  t.match(String(output.read()), /25% \| tensor 2 of 4, 1 kB of 4 kB \| \d+ s left/);
});
