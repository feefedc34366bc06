import { once } from 'node:events';
import { copyFile, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { getPriority } from 'node:os';
import { basename, join } from 'node:path';
import t from 'tap';
import { resolveLibrary } from '#runtime/index.js';
import { startCommand, type Command } from '#test/support/command.js';
import { exportLlama } from '#test/support/exported-llama.js';
import { FakeHub } from '#test/support/fake-hub.js';
import { eventData } from '#test/support/event-data.js';
import { eventually } from '#test/support/eventually.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { randomLlama, TINY_LLAMA } from '#test/support/random-llama.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { writeSafetensors, type TestTensors } from '#test/support/safetensors.js';

/** A Llama as onnxruntime's tools export it. */
const EXPORTED = { ...LLAMA, ...TINY_LLAMA, hidden_size: 64 };
const GROUPED = { attention: 'grouped', positions: 'in operator' } as const;

/** Where a started server listens, from the line that it prints. */
async function address(command: Command): Promise<string> {
  await eventually(() => command.stdout().includes('\n') || command.process.exitCode !== null);
  const [, url] = /on (http:\S+)/.exec(command.stdout()) ?? [];
  if (url === undefined) throw new Error(`it did not start: ${command.stderr()}`);
  return url;
}

/** Each thread of a process, and how nice it is; see proc_pid_stat(5). */
async function threadNiceness(pid: number): Promise<[thread: number, nice: number][]> {
  const folder = `/proc/${pid}/task`;
  return Promise.all(
    (await readdir(folder)).map(async thread => {
      const stat = await readFile(join(folder, thread, 'stat'), 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [Number(thread), Number(fields[16])];
    }),
  );
}

function complete(url: string, fields: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', prompt: 'abc', temperature: 0, ignore_eos: true, ...fields }),
    ...(signal && { signal }),
  });
}

t.test('serves as the environment says: a line at the start, answers, an orderly end', async t => {
  const folder = await randomLlama(t);
  const settings = { KVASIR_PORT: '0', KVASIR_SLOTS: '3' };
  const command = startCommand(t, ['serve', `tiny=${folder}`, '--log-level', 'warn'], settings);
  const url = await address(command);
  t.match(
    command.stdout(),
    /^Kvasir \S+ serves tiny \(cpu, 3 slots of 96 tokens\) on http:\/\/127\.0\.0\.1:\d+\n$/,
  );

  if (process.platform === 'linux') {
    const { pid } = command.process;
    const nicer = (await threadNiceness(pid!)).filter(([, nice]) => nice > getPriority());
    t.ok(nicer.length > 16, 'the pool and those that compute give way');
    t.notOk(
      nicer.some(([thread]) => thread === pid),
      'to the event loop',
    );
  }

  const plain = (await (await complete(url, { max_tokens: 12 })).json()) as {
    choices: [{ text: string; finish_reason: string }];
    usage: object;
  };
  t.equal(plain.choices[0].finish_reason, 'length');
  t.match(plain.usage, { prompt_tokens: 3, completion_tokens: 12, total_tokens: 15 });

  const events = eventData(await (await complete(url, { max_tokens: 12, stream: true })).text());
  t.equal(events.pop(), '[DONE]');
  const pieces = events.map(data => (JSON.parse(data) as { choices: [{ text: string }] }).choices[0].text);
  t.equal(pieces.join(''), plain.choices[0].text, 'a stream says the same');

  command.process.kill('SIGTERM');
  t.equal(await command.exit, 0);
  t.equal(command.stderr(), '');
});

const isLoaded = (line: string): boolean => line.includes('"model loaded"');

t.test('without API keys it answers to names of this machine, and to those that it is told of', async t => {
  const folder = await randomLlama(t);
  const args = ['serve', `tiny=${folder}`, '--port', '0', '--log-level', 'error'];
  const status = async (url: string, host: string): Promise<number | undefined> => {
    const [response] = (await once(get(`${url}/v1/models`, { headers: { host } }), 'response')) as [
      IncomingMessage,
    ];
    response.resume();
    return response.statusCode;
  };
  const url = await address(startCommand(t, args));
  t.equal(await status(url, 'localhost:1234'), 200);
  t.equal(await status(url, 'page.example'), 403);
  const open = await address(startCommand(t, [...args, '--allowed-hosts', 'kvasir.example,page.example']));
  t.equal(await status(open, 'page.example'), 200);
});

t.test('a line of the log says how each model runs, and why', async t => {
  const hub = await FakeHub.start(t);
  const folder = await randomLlama(t, { hidden_size: 64 });
  const tensors = randomTensors(llamaShapes(EXPORTED));
  await exportLlama(join(folder, 'model.onnx'), EXPORTED, tensors, GROUPED);
  const names = await readdir(folder);
  const files = await Promise.all(
    names.map(async name => [`cpu/${name}`, await readFile(join(folder, name))] as const),
  );
  hub.add('owner/model', { files: Object.fromEntries(files) });
  const env = { HF_HOME: t.testdir(), HF_ENDPOINT: hub.endpoint, HF_TOKEN: '', KVASIR_OFFLINE: '' };
  const command = startCommand(
    t,
    ['serve', 'tiny=owner/model', '--subfolder', 'cpu', '--format', 'onnx', '--port', '0', '--slots', '2'],
    env,
  );
  const exported = await address(command);
  t.equal((await complete(exported, { max_tokens: 2 })).status, 200);
  const own = startCommand(t, ['serve', folder, '--precision', 'int8', '--port', '0', '--slots', '3']);
  await address(own);
  const loaded = async ({ stderr }: Command): Promise<unknown> => {
    // The log comes by another way than the address does.
    const find = (): string | undefined => stderr().split('\n').slice(0, -1).find(isLoaded);
    await eventually(() => find() !== undefined);
    return JSON.parse(find()!);
  };
  t.match(await loaded(command), {
    level: 'info',
    model: 'tiny',
    task: 'text-generation',
    slots: 2,
    context: 96,
    device: 'cpu',
    precision: 'f32',
    path: 'in-place',
    reason:
      /^model\.onnx, exported for Hugging Face: GroupQueryAttention .*; taken since ONNX was asked for$/,
    ms: Number,
  });
  t.match(await loaded(own), {
    model: 'tiny-llama',
    precision: 'int8',
    path: 'built',
    reason: /^model\.safetensors of a known architecture, 'llama'/,
  });
});

t.test('clients that leave and requests that are refused: the server goes on serving', async t => {
  const context = 16_384;
  const folder = await randomLlama(t, { max_position_embeddings: context });
  const url = await address(startCommand(t, ['serve', `tiny=${folder}`, '--port', '0', '--slots', '1']));
  for (let i = 0; i < 3; i++) {
    const controller = new AbortController();
    const stream = await complete(url, { max_tokens: context - 10, stream: true }, controller.signal);
    await stream.body!.getReader().read();
    const next = complete(url, { max_tokens: 1 });
    controller.abort();
    t.equal((await next).status, 200);
  }
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const [, generated] = /^vllm:generation_tokens_total\{model_name="tiny"\} (\d+)$/m.exec(metrics)!;
  t.ok(Number(generated) < context - 10, `${generated} tokens: none waited for the end of the one before`);

  const refused = async (fields: object, status: number, code: string, param: string): Promise<void> => {
    const response = await complete(url, fields);
    t.equal(response.status, status);
    t.match(await response.json(), { error: { code, param, message: String } });
  };
  await refused({ prompt: 'x'.repeat(context + 1) }, 400, 'context_length_exceeded', 'prompt');
  await refused({ temperature: -1 }, 400, 'invalid_request', 'temperature');
  await refused({ model: 'other' }, 404, 'model_not_found', 'model');
  await refused({ prompt: [100_000] }, 400, 'invalid_request', 'prompt');
  const broken = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model": ',
  });
  t.equal(broken.status, 400);
  t.match(await broken.json(), { error: { type: 'invalid_request_error' } });
  t.equal((await complete(url, { max_tokens: 2 })).status, 200);
});

t.test('models that cannot be served are one line on standard error and exit code 1', async t => {
  const fails = async (args: string[], message: RegExp): Promise<void> => {
    const command = startCommand(t, ['serve', '--port', '0', ...args]);
    t.equal(await command.exit, 1);
    t.match(command.stderr(), message);
    t.equal(command.stderr().trim().split('\n').length, 1, command.stderr());
    t.equal(command.stdout(), '');
  };
  const truncated = await randomLlama(t);
  await truncate(join(truncated, 'model.safetensors'), 5000);
  await fails([truncated], /model\.safetensors.*cut off/);

  const sound = await randomLlama(t);
  await fails([sound, sound], /two models are called/);

  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  t.teardown(() => blocker.close());
  const taken = String((blocker.address() as AddressInfo).port);
  await fails([sound, '--port', taken, '--log-level', 'warn'], /EADDRINUSE/);
});

t.test('a wrong setting is named', async t => {
  const wrong = startCommand(t, ['serve', '/nowhere', '--slots', 'many']);
  t.equal(await wrong.exit, 1);
  t.match(wrong.stderr(), /--slots.*whole number/);
});

t.test("device 'auto' where CUDA cannot be used: one line says why, and the processor serves", async t => {
  const folder = await randomLlama(t);
  // A copy of the library has no provider beside it, whatever this machine has.
  const library = join(t.testdir(), basename(resolveLibrary()));
  await copyFile(resolveLibrary(), library);
  const environment = { KVASIR_ONNXRUNTIME: library };
  const args = ['serve', `tiny=${folder}`, `other=${folder}`, '--port', '0', '--log-level', 'warn'];
  const command = startCommand(t, [...args, '--device', 'auto'], environment);
  await address(command);
  t.match(command.stdout(), /serves tiny \(cpu, .*other \(cpu, /);
  await eventually(() => command.stderr().includes('\n'));
  const [line, ...rest] = command.stderr().trim().split('\n');
  t.match(JSON.parse(line!), { msg: /^models run on the processor, since CUDA cannot be used: / });
  t.strictSame(rest, []);

  const [refused, paged] = [
    startCommand(t, [...args, '--device', 'cuda'], environment),
    startCommand(t, [...args, '--kv-cache', 'paged']),
  ];
  t.equal(await paged.exit, 1);
  t.match(paged.stderr(), /^kvasir: .*cpu has no kernel for a paged KV cache, only CUDA has/);
  t.equal(await refused.exit, 1);
  t.match(refused.stderr(), /^kvasir: (ONNX Runtime has no CUDA provider|CUDA is supported on Linux)/);
});

/** Gives a folder of `randomLlama` other weights, some of them a test's. */
async function writeWeights(folder: string, some: TestTensors): Promise<void> {
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as typeof LLAMA;
  const tensors = randomTensors(llamaShapes({ ...LLAMA, ...config }));
  await writeSafetensors(join(folder, 'model.safetensors'), { ...tensors, ...some });
}

/** A port that nobody uses. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const isGone = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => false,
    () => true,
  );

t.test('one broken model stops neither the start nor the others, and is named', async t => {
  const sound = await randomLlama(t);
  const [cut, hollow] = [await randomLlama(t), await randomLlama(t)];
  await truncate(join(cut, 'model.safetensors'), 5000);
  const values = Array<number>(48).fill(NaN);
  await writeWeights(hollow, { 'model.norm.weight': { shape: [48], values } });
  const models = [`cut=${cut}`, `hollow=${hollow}`, `tiny=${sound}`];
  const command = startCommand(t, ['serve', ...models, '--port', '0', '--log-level', 'warn']);
  const url = await address(command);
  t.match(command.stdout(), / serves cut \(failed\), hollow \(failed\), tiny \(cpu, /);
  await eventually(() => command.stderr().split('\n').length > 2);
  const lines = command
    .stderr()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as object);
  t.match(lines, [
    { level: 'error', model: 'cut', msg: 'model failed', err: { message: /cut off/ } },
    { level: 'error', model: 'hollow', msg: 'model failed', err: { message: /model\.norm\.weight/ } },
  ]);
  t.equal(lines.length, 2);
  const ready = await fetch(`${url}/health/ready`);
  t.equal(ready.status, 200);
  t.strictSame(await ready.json(), { status: 'ready', models: ['tiny'], failed: ['cut', 'hollow'] });
  const listed = await (await fetch(`${url}/v1/models`)).text();
  t.match((JSON.parse(listed) as { data: object[] }).data, [
    { id: 'cut', state: 'failed' },
    { id: 'hollow', state: 'failed' },
    { id: 'tiny', state: 'loaded' },
  ]);
  t.notMatch(listed, cut, 'without paths');
  t.equal((await complete(url, { max_tokens: 2 })).status, 200);
  t.equal((await complete(url, { model: undefined, max_tokens: 2 })).status, 200, 'one that works is taken');
  const refused = await complete(url, { model: 'cut' });
  t.equal(refused.status, 500);
  t.notMatch(await refused.text(), cut);
  t.equal((await fetch(`${url}/v2/models/cut/ready`)).status, 503);
  t.equal((await fetch(`${url}/v2/models/tiny/ready`)).status, 200);
});

t.test('a start without any model that works fails with one line that names all', async t => {
  const folders = [await randomLlama(t), await randomLlama(t)];
  for (const folder of folders) await truncate(join(folder, 'model.safetensors'), 5000);
  const command = startCommand(t, ['serve', `a=${folders[0]}`, `b=${folders[1]}`, '--port', '0']);
  t.equal(await command.exit, 1);
  t.match(
    command.stderr(),
    /^kvasir: none of the models can be served: a: .*cut off.*; b: .*cut off[^\n]*\n$/,
  );
  t.equal(command.stdout(), '');
});

t.test('it listens before models are loaded', async t => {
  const folder = await randomLlama(t, {
    hidden_size: 256,
    intermediate_size: 1024,
    num_hidden_layers: 12,
  });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = ['serve', `tiny=${folder}`, '--precision', 'int4', '--port', String(port)];
  const command = startCommand(t, args);
  await eventually(async () => !(await isGone(`${url}/health/live`)));
  t.equal(command.stdout(), '', 'nothing is loaded yet');
  const ready = await fetch(`${url}/health/ready`);
  t.equal(ready.status, 503);
  t.match(await ready.json(), { error: { code: 'loading' } });
  t.match(await (await fetch(`${url}/v1/models`)).json(), { data: [{ id: 'tiny', state: 'loading' }] });
  const waited = await Promise.all([
    complete(url, { max_tokens: 2 }),
    complete(url, { model: undefined, max_tokens: 2 }),
  ]);
  for (const { status } of waited) t.equal(status, 200, 'a request waits for the load');
  t.equal((await fetch(`${url}/health/ready`)).status, 200);
  t.equal(await address(command), url);

  const second = startCommand(t, ['serve', `tiny=${folder}`, '--precision', 'f16', '--port', String(port)]);
  t.equal(await second.exit, 1);
  t.match(second.stderr(), /^kvasir: [^\n]*EADDRINUSE[^\n]*\n$/);
  t.strictSame(
    (await readdir(join(folder, '.kvasir'))).filter(name => name.startsWith('decoder-f16')),
    [],
    'nothing was built for it',
  );
});

t.test('SIGTERM while a model is built: it ends at once, and nothing is left', async t => {
  const folder = await randomLlama(t, { hidden_size: 256, intermediate_size: 1024, num_hidden_layers: 12 });
  const command = startCommand(t, ['serve', folder, '--precision', 'int4', '--port', '0']);
  const builds = join(folder, '.kvasir');
  await eventually(async () => (await readdir(builds).catch(() => [])).length > 0);
  command.process.kill('SIGTERM');
  t.equal(await command.exit, 0);
  t.equal(command.stdout(), '');
  t.strictSame(await readdir(builds), []);
});

t.test('a damaged graph is built again, with a line of the log', async t => {
  const folder = await randomLlama(t);
  t.equal(await startCommand(t, ['build', folder]).exit, 0);
  const [name] = await readdir(join(folder, '.kvasir'));
  const data = join(folder, '.kvasir', name!, 'decoder.onnx.data');
  const bytes = await readFile(data);
  bytes[5000]! ^= 1;
  await writeFile(data, bytes);
  const command = startCommand(t, ['serve', folder, '--port', '0', '--log-level', 'warn']);
  await address(command);
  await eventually(() => command.stderr().includes('\n'));
  t.match(JSON.parse(command.stderr()), {
    level: 'warn',
    model: 'tiny-llama',
    msg: /^the built graph in \S+ is damaged \(decoder\.onnx\.data does not have its checksum\); it is built again$/,
  });
});

const posix = process.platform === 'win32' ? 'needs a POSIX shell' : false;

t.test('too few open files are one sentence', { skip: posix }, async t => {
  const folder = await randomLlama(t);
  for (const files of [24, 64]) {
    const command = startCommand(t, ['serve', folder, '--port', '0'], {}, { openFiles: files });
    t.equal(await command.exit, 1);
    t.equal(
      command.stderr(),
      `kvasir: the process may have ${files} files open, which is too few: set ulimit -n to 1024 or more\n`,
    );
  }
});

t.test('it ends when the npx that started it has gone', { skip: posix }, async t => {
  const folder = await randomLlama(t);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/health/ready`;
  const args = ['serve', folder, '--port', String(port)];
  // As npx does: a shell that waits, and is all that a signal reaches.
  const command = startCommand(t, args, { npm_command: 'exec' }, { waitingShell: true });
  await eventually(async () => (await fetch(url).catch(() => undefined))?.status === 200);
  command.process.kill('SIGTERM');
  await eventually(() => isGone(url));
});
