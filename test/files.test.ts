import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t, { type Test } from 'tap';
import { ifThere, openRegularFile, readJsonObject, readTextFile } from '#files.js';
import { readCard } from '#registry/read-card.js';
import { inspectModel } from '#model/inspect.js';
import { readOnnxFile } from '#model/onnx-file.js';
import { startCommand } from './support/command.js';
import { eventually } from './support/eventually.js';
import { randomLlama } from './support/random-llama.js';

const skip = process.platform === 'win32';

/** What may stand in a file's place, with what errors call it. */
const PLACES: Readonly<Record<string, (t: Test, file: string) => unknown>> = {
  'a pipe': (_, file) => execFileSync('mkfifo', [file]),
  'a folder': (_, file) => mkdir(file),
  'a device': (_, file) => symlink('/dev/zero', file),
  'a socket': async (t, file) => {
    // Behind a link, since the address of a socket has room for some hundred characters.
    const folder = await mkdtemp(path.join(tmpdir(), 'kvasir-'));
    const server = createServer().listen(path.join(folder, 'socket'));
    await once(server, 'listening');
    t.teardown(async () => {
      server.close();
      await rm(folder, { recursive: true });
    });
    await symlink(path.join(folder, 'socket'), file);
  },
};

t.test('numbers as Python writes them', async t => {
  const read = (text: string) => {
    const folder = t.testdir({ 'a.json': text });
    return readJsonObject(path.join(folder, 'a.json'));
  };
  t.strictSame(await read('{"a": [0.0, Infinity], "b": -Infinity, "c": "Infinity \\" NaN", "d": NaN}'), {
    a: [0, Infinity],
    b: -Infinity,
    c: 'Infinity " NaN',
    d: 'NaN',
  });
  t.strictSame(await read('{"a": {"__float__": "Infinity"}, "b": [{"__float__": "-Infinity"}]}'), {
    a: Infinity,
    b: [-Infinity],
  });
  for (const text of ['{"a": Infinit}', '{"a": +Infinity}', '{Infinity: 1}', '{"a": NaNa}'])
    await t.rejects(read(text), { code: 'invalid_model', message: /is not valid JSON/ });
});

t.test('only regular files are opened, and links to them', { skip }, async t => {
  const folder = t.testdir({ 'real.txt': 'text' });
  for (const [kind, place] of Object.entries(PLACES)) {
    const file = path.join(folder, kind.slice(2));
    await place(t, file);
    const refusal = { code: 'invalid_model', message: `${file} is ${kind}, not a regular file` };
    await t.rejects(openRegularFile(file), refusal);
    await t.rejects(readTextFile(file), refusal);
    await t.rejects(readJsonObject(file), refusal);
    await t.rejects(readOnnxFile(file), refusal);
  }
  await symlink(path.join(folder, 'real.txt'), path.join(folder, 'link'));
  t.equal(await readTextFile(path.join(folder, 'link')), 'text');
});

t.test('every file of a model folder', { skip }, async t => {
  const files = [
    'model.safetensors',
    'config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'generation_config.json',
    'chat_template.jinja',
    'chat_template.json',
  ];
  for (const name of files)
    for (const [kind, place] of Object.entries(PLACES)) {
      const folder = await randomLlama(t);
      const file = path.join(folder, name);
      await rm(file, { force: true });
      await place(t, file);
      await t.rejects(
        readCard(folder),
        { code: 'invalid_model', message: `${file} is ${kind}` },
        `${name}, ${kind}`,
      );
    }
});

t.test('what is not there', async t => {
  const file = path.join(t.testdir(), 'none');
  t.equal(await ifThere(readTextFile(file)), undefined);
  await t.rejects(readTextFile(file), { code: 'invalid_model', message: /none cannot be opened: ENOENT/ });
});

t.test('errors quote nothing of what a link leads to', { skip }, async t => {
  const secrets = ['SECRET=hunter2', 'hunter2:x:0:0', '{"hunter2', '["hunter2"]', '"hunter2"', 'h', '{'];
  for (const [i, secret] of secrets.entries()) {
    const folder = await randomLlama(t);
    const target = path.join(t.testdir(), `${i}`);
    await writeFile(target, secret.padEnd(64, ' '));
    for (const name of ['config.json', 'model.safetensors', 'model.onnx']) {
      const copy = `${folder}-${i}`;
      await mkdir(copy);
      for (const other of ['config.json', 'tokenizer.json', 'model.safetensors'])
        if (other !== name) await copyFile(path.join(folder, other), path.join(copy, other));
      await symlink(target, path.join(copy, name));
      const format = name === 'model.onnx' ? 'onnx' : undefined;
      const error = await inspectModel(copy, { slots: 1, format }).then(
        () => new Error('it was taken'),
        (error: Error) => error,
      );
      t.match(error.message, name);
      t.notMatch(error.message, /hunter|SECRET/);
      // The first bytes as numbers, of either order and of any length.
      for (const size of [4, 8])
        for (const order of ['BE', 'LE'] as const)
          t.notMatch(error.message, `${numberOf(Buffer.from(secret.padEnd(64, ' ')), size, order)}`);
      await rm(copy, { recursive: true });
    }
  }
});

t.test('a build ends at SIGTERM, and refuses a pipe', { skip }, async t => {
  const folder = await randomLlama(t);
  await rm(path.join(folder, 'model.safetensors'));
  execFileSync('mkfifo', [path.join(folder, 'model.safetensors')]);
  for (const name of ['inspect', 'build', 'serve']) {
    const command = startCommand(t, [name, folder]);
    t.equal(await command.exit, 1, name);
    t.match(command.stderr(), /^kvasir: \S+model\.safetensors is a pipe, not a regular file\n$/);
  }
  const large = await randomLlama(t, { hidden_size: 256, intermediate_size: 1024, num_hidden_layers: 12 });
  const building = startCommand(t, ['build', large, '--precision', 'int4']);
  await eventually(() => building.stderr().includes('tensor 0'));
  building.process.kill('SIGTERM');
  t.equal(await building.exit, 1);
  t.match(building.stderr(), /kvasir: interrupted; nothing is left of the build\n$/);
});

function numberOf(bytes: Buffer, size: number, order: 'BE' | 'LE'): bigint | number {
  if (size === 8) return order === 'BE' ? bytes.readBigUInt64BE() : bytes.readBigUInt64LE();
  return order === 'BE' ? bytes.readUInt32BE() : bytes.readUInt32LE();
}
