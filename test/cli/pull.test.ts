import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { formatDuration, showPull } from '#cli/pull-progress.js';
import type { PullEvent } from '#hub/pull.js';
import { startCommand } from '#test/support/command.js';
import { FakeHub, randomBytes } from '#test/support/fake-hub.js';

const FILES = { 'config.json': '{}', 'model.safetensors': randomBytes(200_000, 'weights') };

t.test('kvasir pull', async t => {
  const hub = await FakeHub.start(t);
  hub.add('owner/model', { files: FILES, token: 'hf_secret' });
  const home = t.testdir();
  const env = { HF_HOME: home, HF_ENDPOINT: hub.endpoint, HF_TOKEN: 'hf_secret', KVASIR_OFFLINE: '' };

  const first = startCommand(t, ['pull', 'owner/model'], env);
  t.equal(await first.exit, 0);
  const folder = first.stdout().trim();
  t.ok(folder.startsWith(path.join(home, 'hub', 'models--owner--model')));
  t.ok(FILES['model.safetensors'].equals(await readFile(path.join(folder, 'model.safetensors'))));
  t.strictSame(first.stderr().split('\n').sort(), ['', 'config.json 2 bytes', 'model.safetensors 200 kB']);

  const [again, refused] = [
    startCommand(t, ['pull', '--offline', 'owner/model@main'], env),
    startCommand(t, ['pull', 'owner/other'], env),
  ];
  t.equal(await again.exit, 0);
  t.equal(again.stdout().trim(), folder);
  t.equal(again.stderr(), '');
  t.equal(await refused.exit, 1);
  t.match(refused.stderr(), /^kvasir: 127.0.0.1:\d+ has no model owner\/other\n$/);
  t.equal(refused.stdout(), '');
});

/** What is written for these events: to a terminal, or to something else. */
function shown(events: readonly PullEvent[], isTTY: boolean): string {
  const output = new PassThrough();
  const terminal = Object.assign(output, {
    isTTY,
    columns: 200,
    clearLine: () => output.write('\r'),
    cursorTo: () => output.write('\r'),
  });
  const progress = showPull(terminal);
  for (const event of events) progress.show(event);
  progress.end();
  return String(output.read() ?? '');
}

t.test('progress', async t => {
  const plan: PullEvent = {
    type: 'plan',
    commit: 'a'.repeat(40),
    files: [
      { path: 'a', size: 3000, arrived: 1000 },
      { path: 'b', size: 1000, arrived: 0 },
    ],
  };
  const events: PullEvent[] = [
    { type: 'waiting' },
    plan,
    { type: 'progress', path: 'a', bytes: 2000 },
    { type: 'retry', reason: 'the connection failed', delay: 1500 },
    { type: 'file', path: 'a', size: 3000 },
    { type: 'file', path: 'b', size: 1000 },
  ];
  t.equal(
    shown(events, false),
    'another process is downloading this model; waiting for it\nthe connection failed; trying again in 1.5 s\na 3 kB\nb 1 kB\n',
  );
  const bar = shown(events, true);
  t.match(bar, /25% \| 1 kB of 4 kB/, 'what had arrived before counts');
  t.match(bar, /100% \| 4 kB of 4 kB \| [\d.]+ [kM]?B\/s \| 0 s left \| b/);
  t.match(bar, /trying again in 1.5 s\n/);
  t.equal(shown([], true).includes('%'), false, 'no bar where nothing is to come');

  t.strictSame([0.2, 59.9, 185, 7800].map(formatDuration), ['1 s', '1 min 00 s', '3 min 05 s', '2 h 10 min']);
});
