import { resolve } from 'node:path';
import t from 'tap';
import { isPulled, modelPlans } from '#config/models.js';
import { readSettings } from '#config/read.js';

const settings = await readSettings({
  commandLine: {},
  environment: { KVASIR_SLOTS: '3', KVASIR_PRECISION: 'int8' },
});

t.test('models that come along, where none is named', async t => {
  const plans = modelPlans(settings, ['/models/a', '/models/b']);
  t.match(plans, [
    { id: 'a', aliases: [], folder: '/models/a', slots: 3, precision: 'int8', load: 'start' },
    { id: 'b', aliases: [], folder: '/models/b' },
  ]);
});

t.test("a model's own settings come before the server's", async t => {
  const models = [
    'x=./some/folder',
    'plain',
    { folder: '/c/d', aliases: ['e'], slots: 1, load: 'demand' as const },
  ];
  const plans = modelPlans({ ...settings, models }, ['/models/a']);
  t.match(plans, [
    { id: 'x', folder: resolve('some/folder'), slots: 3 },
    { id: 'plain', folder: resolve('plain'), slots: 3 },
    { id: 'd', aliases: ['e'], folder: '/c/d', slots: 1, precision: 'int8', load: 'demand' },
  ]);
});

t.test('names with slashes, and folders with an equals sign', async t => {
  const folder = t.testdir({ owner: { 'x=y': {} }, 'a=b': {} });
  const here = process.cwd();
  t.teardown(() => process.chdir(here));
  process.chdir(folder);
  const models = ['owner/name=some/folder', 'owner/x=y', 'a=b', './c=d', '/e/f=g', 'me/mine=org/chat@v2'];
  t.match(modelPlans({ ...settings, models }, []), [
    { id: 'owner/name', folder: 'some/folder' },
    { id: 'x=y', folder: resolve('owner/x=y') },
    { id: 'a=b', folder: resolve('a=b') },
    { id: 'c=d', folder: resolve('c=d') },
    { id: 'f=g', folder: '/e/f=g' },
    { id: 'me/mine', folder: 'org/chat@v2' },
  ]);
});

t.test('what is no folder but looks like owner/name is pulled from a hub', async t => {
  const models = ['org/chat', 'mine=org/chat@v2', 'test', './org/chat', 'org/chat:Q4_K_M'];
  const plans = modelPlans({ ...settings, models }, []);
  t.match(plans, [
    { id: 'org/chat', folder: 'org/chat' },
    { id: 'mine', folder: 'org/chat@v2' },
    { id: 'test', folder: resolve('test') },
    { id: 'chat', folder: resolve('org/chat') },
    { id: 'org/chat:Q4_K_M', folder: 'org/chat:Q4_K_M' },
  ]);
  t.strictSame(plans.map(isPulled), [true, true, false, false, true]);
});

t.test('GGUF files, and what Ollama has pulled', async t => {
  const models = ['x/M-Q8_0-00001-of-00002.gguf', 'chat=M.gguf', 'ollama:qwen3:0.6b', 'q=ollama:qwen3'];
  const plans = modelPlans({ ...settings, models }, []);
  t.match(plans, [
    { id: 'M-Q8_0', folder: resolve('x/M-Q8_0-00001-of-00002.gguf') },
    { id: 'chat', folder: resolve('M.gguf') },
    { id: 'qwen3:0.6b', folder: 'ollama:qwen3:0.6b' },
    { id: 'q', folder: 'ollama:qwen3' },
  ]);
  t.notOk(plans.some(isPulled));
});
