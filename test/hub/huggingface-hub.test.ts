import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { pullModel } from '#hub/pull.js';
import { commitOf, FakeHub, randomBytes, type RepoFiles } from '#test/support/fake-hub.js';

/** `KVASIR_CHECK_PYTHON` names a Python with huggingface_hub, which then shares a cache with Kvasir. */
const PYTHON = process.env.KVASIR_CHECK_PYTHON;
const SCRIPT = fileURLToPath(new URL('../../../test/hub/huggingface-hub.py', import.meta.url));
const skip = PYTHON === undefined && 'KVASIR_CHECK_PYTHON names no Python';

const FILES: RepoFiles = {
  'config.json': '{"model_type":"llama"}',
  'tokenizer.json': randomBytes(2000, 'tokenizer'),
  'model.safetensors': randomBytes(300_000, 'weights'),
  '1_Pooling/config.json': '{"pooling_mode":"mean"}',
};
const NAMES = Object.keys(FILES);

async function setUp(t: Test) {
  const hub = await FakeHub.start(t);
  hub.add('owner/model', { files: FILES });
  const cache = t.testdir();
  const python = async (...args: string[]): Promise<unknown> => {
    const env = { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HUB_DISABLE_TELEMETRY: '1', HF_HOME: cache };
    const [command, ...names] = args;
    const { stdout } = await promisify(execFile)(PYTHON!, [SCRIPT, command!, cache, ...names], { env });
    return JSON.parse(stdout);
  };
  const pull = (offline = false): Promise<string> =>
    pullModel('owner/model', { cache, endpoint: hub.endpoint, token: '', offline });
  const contents = (): string[] => hub.log.filter(line => /^GET .*\/resolve\/|^storage /.test(line));
  return {
    hub,
    cache,
    python,
    pull,
    contents,
    folder: path.join(cache, 'models--owner--model', 'snapshots', commitOf(FILES)),
  };
}

t.test('what Kvasir has pulled is there for huggingface_hub', { skip }, async t => {
  const { hub, python, pull, contents, folder } = await setUp(t);
  t.equal(await pull(), folder);
  hub.log.length = 0;
  const files = NAMES.map(name => path.join(folder, ...name.split('/')));
  t.strictSame(await python('files', ...NAMES), files);
  t.equal(await python('snapshot'), folder);
  t.strictSame(contents(), [], 'nothing was pulled again');
  hub.log.length = 0;
  t.strictSame(await python('offline', ...NAMES), files);
  t.strictSame(hub.log, []);
  t.strictSame(await python('scan'), {
    warnings: [],
    revisions: {
      [commitOf(FILES)]: { refs: ['main'], files: NAMES.map(name => path.basename(name)).sort() },
    },
  });
});

t.test('what huggingface_hub has pulled is there for Kvasir', { skip }, async t => {
  const { hub, python, pull, contents, folder } = await setUp(t);
  t.equal(await python('snapshot'), folder);
  t.equal(contents().length > 0, true);
  hub.log.length = 0;
  t.equal(await pull(), folder);
  t.strictSame(contents(), [], 'nothing was pulled again');
  t.equal(await pull(true), folder);
});

t.test('both at once', { skip }, async t => {
  const { hub, python, pull, folder } = await setUp(t);
  hub.delay = 40;
  t.strictSame(await Promise.all([python('snapshot'), pull(), python('files', ...NAMES)]), [
    folder,
    folder,
    NAMES.map(name => path.join(folder, ...name.split('/'))),
  ]);
  t.equal(hub.transfers.filter(line => line.includes('safetensors')).length, 1, 'the weights came once');
});
