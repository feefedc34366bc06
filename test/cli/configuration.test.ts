import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { flagName, variableName } from '#config/names.js';
import type { Setting } from '#config/setting.js';
import { SETTINGS } from '#config/settings.js';
import { startCommand, type Command } from '#test/support/command.js';
import { eventData } from '#test/support/event-data.js';
import { eventually } from '#test/support/eventually.js';
import { randomLlama } from '#test/support/random-llama.js';

/** Where a started server listens, from the line that it prints. */
async function address(command: Command): Promise<string> {
  await eventually(() => command.stdout().includes('\n') || command.process.exitCode !== null);
  const [, url] = /on (http:\S+)/.exec(command.stdout()) ?? [];
  if (url === undefined) throw new Error(`it did not start: ${command.stderr()}`);
  return url;
}

/** Starts a server from a settings file. */
async function startFrom(t: Test, settings: object): Promise<Command> {
  const folder = await mkdtemp(join(tmpdir(), 'kvasir-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'kvasir.json');
  await writeFile(file, JSON.stringify(settings));
  return startCommand(t, ['serve', '--config', file, '--port', '0']);
}

const complete = (url: string, fields: object, key = 'none'): Promise<Response> =>
  fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ prompt: 'abc', temperature: 0, ignore_eos: true, ...fields }),
  });

t.test('the help shows every setting, its unit, default and variable', async t => {
  const command = startCommand(t, ['serve', '--help'], { COLUMNS: '200' });
  t.equal(await command.exit, 0);
  const help = command.stdout();
  for (const [key, setting] of Object.entries<Setting>(SETTINGS.properties)) {
    t.ok(help.includes(variableName(key)), variableName(key));
    const flag = setting.default === true ? flagName(key).replace('--', '--no-') : flagName(key);
    if (key !== 'models' && !setting.secret) t.ok(help.includes(`${flag} `), flag);
  }
  t.match(
    help,
    /--kv-cache-memory <bytes> +.*default: all slots full, as far as the memory allows; KVASIR_KV_CACHE_MEMORY/,
  );
  t.match(help, /--drain-timeout <seconds> +.*default: 25; KVASIR_DRAIN_TIMEOUT/);
});

t.test(
  'a file with models of their own settings, one of them loaded on demand and unloaded again',
  async t => {
    const folder = await randomLlama(t);
    const command = await startFrom(t, {
      port: 1,
      slots: 2,
      log_level: 'info',
      api_keys: ['secret'],
      models: [
        { name: 'first', folder, slots: 3, max_tokens: 5 },
        { name: 'second', folder, aliases: ['other'], load: 'demand', idle_unload: 0.02, context_length: 32 },
      ],
    });
    const url = await address(command);
    t.match(command.stdout(), /serves first \(cpu, 3 slots of 96 tokens\), second \(on demand\) on/);
    t.equal((await complete(url, { model: 'first' })).status, 401);
    const first = await complete(url, { model: 'first', max_tokens: 50 }, 'secret');
    t.match(await first.json(), { usage: { completion_tokens: 5 }, choices: [{ finish_reason: 'length' }] });

    const state = async (): Promise<unknown> => {
      const response = await fetch(`${url}/v1/models/other`, { headers: { authorization: 'Bearer secret' } });
      return ((await response.json()) as { state: string }).state;
    };
    for (let round = 0; round < 2; round++) {
      t.equal(await state(), 'unloaded');
      const answers = await Promise.all([
        complete(url, { model: 'second', max_tokens: 4 }, 'secret'),
        complete(url, { model: 'other', max_tokens: 4 }, 'secret'),
      ]);
      for (const answer of answers)
        t.match(await answer.json(), { model: 'second', usage: { completion_tokens: 4 } });
      await eventually(async () => (await state()) === 'unloaded');
    }
    // The log comes by another way than the answers do.
    await eventually(() => command.stderr().split('"msg":"model unloaded"').length > 2);
    const log = command.stderr();
    t.equal(log.split('"msg":"model loaded"').length - 1, 3, 'the first, and twice the second');
    t.equal(log.split('"msg":"model unloaded"').length - 1, 2);
    t.match(log, /"model":"first","generation":"cmpl-.*"generated_tokens":5,"prompt_tokens":3,/);
    t.notMatch(log, /Bearer/);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    t.match(metrics, /^vllm:generation_tokens_total\{model_name="second"\} 16$/m);
    t.match(metrics, /^process_resident_memory_bytes \d+$/m);
  },
);

t.test('a setting that is wrong is one line with its name, and exit code 1', async t => {
  const fails = async (settings: object, message: RegExp): Promise<void> => {
    const command = await startFrom(t, settings);
    t.equal(await command.exit, 1);
    t.match(command.stderr(), message);
    t.equal(command.stderr().trim().split('\n').length, 1);
    t.equal(command.stdout(), '');
  };
  await fails({ slots: 0 }, /^kvasir: kvasir\.json: slots: expected a whole number from 1 to 4096, got 0$/m);
  await fails(
    { models: [{ folder: '/x', slot: 1 }] },
    /^kvasir: kvasir\.json: models\[0\]\.slot: there is no such/,
  );
  await fails({ api_key_file: 'missing' }, /^kvasir: api_key_file: ENOENT/);
  await fails({ models: [{ folder: '/nowhere' }] }, /^kvasir: .*\/nowhere/);
});

t.test('SIGTERM lets what runs come to its end; a second one does not', async t => {
  const folder = await randomLlama(t, { max_position_embeddings: 32_768 });
  for (const signals of [1, 2]) {
    const command = startCommand(t, ['serve', `tiny=${folder}`, '--port', '0', '--log-level', 'silent']);
    const url = await address(command);
    const stream = await complete(url, {
      model: 'tiny',
      max_tokens: signals === 1 ? 300 : 32_000,
      stream: true,
    });
    const text = stream.text();
    command.process.kill('SIGTERM');
    let ready = 0;
    for (let i = 0; i < 500 && ready !== 503; i++)
      ready = await fetch(`${url}/health/ready`).then(
        ({ status }) => status,
        () => 503,
      );
    t.equal(ready, 503);
    if (signals === 2) command.process.kill('SIGTERM');
    const data = eventData(await text);
    t.equal(data.pop(), '[DONE]');
    const last = JSON.parse(data.pop()!) as {
      error?: { code: string };
      choices?: [{ finish_reason: string }];
    };
    if (signals === 1) t.equal(last.choices?.[0].finish_reason, 'length');
    else t.equal(last.error?.code, 'shutting_down');
    t.equal(await command.exit, 0);
  }
});
