import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { variableName } from '#config/names.js';
import { readSettings, type SettingSources } from '#config/read.js';
import type { Setting } from '#config/setting.js';
import { SETTINGS } from '#config/settings.js';
import { KvasirError } from '#errors.js';
import { runs } from '#test/support/property-runs.js';

const read = (sources: Partial<SettingSources>) =>
  readSettings({ commandLine: {}, environment: {}, ...sources });

/** Writes a settings file into a folder of its own. */
async function settingsFile(t: Test, text: string, name = 'kvasir.yaml'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kvasir-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

t.test('defaults', async t => {
  const settings = await read({});
  t.match(settings, { port: 8080, host: '127.0.0.1', slots: 16, body_limit: 4 * 1024 * 1024, load: 'start' });
  t.notOk('kv_cache_memory' in settings, 'what has no default is left out');
  t.notOk('models' in settings);
  const withDefault = Object.entries<Setting>(SETTINGS.properties)
    .filter(([, setting]) => setting.default !== undefined)
    .map(([key]) => key);
  t.strictSame(SETTINGS.required, withDefault, 'of all others the type says that they may be absent');
});

t.test('the command line comes before the environment, and that before the file', async t => {
  const file = await settingsFile(t, 'port: 1\nslots: 1\nstall: 1\nkv_cache_memory: 1g\n');
  const environment = { KVASIR_PORT: '2', KVASIR_SLOTS: '2', KVASIR_CONFIG: file };
  t.match(await read({ commandLine: { port: '3' }, environment }), {
    port: 3,
    slots: 2,
    stall: 1,
    kv_cache_memory: 2 ** 30,
    threads: 0,
  });
  const other = await settingsFile(t, '{"port": 9}', 'kvasir.json');
  t.match(await read({ environment: { KVASIR_CONFIG: file }, file: other }), { port: 9, slots: 16 });
});

t.test('text becomes what the setting is', async t => {
  const environment = {
    KVASIR_PREFIX_REUSE: 'off',
    KVASIR_TRUST_PROXY: '2',
    KVASIR_GUARD_PUBLIC: 'TRUE',
    KVASIR_API_KEYS: ' one, two ,',
    KVASIR_BODY_LIMIT: '1.5MiB',
    KVASIR_STALL: '0.25',
    KVASIR_MODELS: 'a=/a,/b',
    KVASIR_HOST: '',
  };
  t.match(await read({ environment }), {
    prefix_reuse: false,
    trust_proxy: '2',
    guard_public: true,
    api_keys: ['one', 'two'],
    body_limit: 1.5 * 2 ** 20,
    stall: 0.25,
    models: ['a=/a', '/b'],
    host: '127.0.0.1',
  });
});

t.test('the models of a file, their folders seen from it', async t => {
  const file = await settingsFile(
    t,
    'api_key_file: keys\nmodels:\n  - models/a\n  - name: b\n    aliases: [gpt-4]\n    folder: /b\n    precision: int8\n    idle_unload: 5\n',
  );
  const folder = join(file, '..');
  const settings = await read({ file });
  t.equal(settings.api_key_file, join(folder, 'keys'));
  t.strictSame(settings.models, [
    { folder: join(folder, 'models/a') },
    { name: 'b', aliases: ['gpt-4'], folder: '/b', precision: 'int8', idle_unload: 5 },
  ]);
  t.strictSame((await read({ file, commandLine: { models: ['/c'] } })).models, ['/c']);
});

t.test('what is wrong is named as the user wrote it', async t => {
  const fails = async (sources: Partial<SettingSources>, message: RegExp): Promise<void> => {
    await t.rejects(read(sources), { code: 'invalid_configuration', message });
  };
  await fails(
    { commandLine: { port: 'many' } },
    /^--port: expected a whole number from 0 to 65535, got "many"$/,
  );
  await fails({ commandLine: { kv_cache_memory: '1x' } }, /^--kv-cache-memory: expected a number of bytes/);
  await fails({ commandLine: { stall: '0' } }, /^--stall: expected a number above 0/);
  await fails({ commandLine: { log_level: 'loud' } }, /^--log-level: expected one of trace, debug/);
  await fails({ environment: { KVASIR_PORT: 'tcp://10.0.0.1:8080' } }, /^KVASIR_PORT: /);
  await fails(
    { environment: { KVASIR_PREFIX_REUSE: 'perhaps' } },
    /^KVASIR_PREFIX_REUSE: expected true or false/,
  );
  await fails({ environment: { KVASIR_SLOTS: ' ' } }, /^KVASIR_SLOTS: /);
  await fails({ file: '/nonexistent/kvasir.yaml' }, /^--config: ENOENT/);

  const inFile = async (text: string, message: RegExp): Promise<void> =>
    fails({ file: await settingsFile(t, text) }, message);
  await inFile('prot: 1', /^kvasir\.yaml: prot: there is no such setting$/);
  await inFile('__proto__: {port: 1}', /^kvasir\.yaml: __proto__: there is no such setting$/);
  await inFile('port: "1"', /^kvasir\.yaml: port: expected a whole number/);
  await inFile('port:', /^kvasir\.yaml: port: expected a whole number from 0 to 65535, got null$/);
  await inFile('port: [', /^kvasir\.yaml: .* at line 1, column 8$/);
  await inFile('- port', /^kvasir\.yaml: expected a mapping from setting names to values$/);
  await inFile('', /^kvasir\.yaml: expected a mapping from setting names to values$/);
  await inFile('a: &a [*a]', /^kvasir\.yaml: /);
  await inFile('api_keys: [1]', /^kvasir\.yaml: api_keys: expected a list of texts$/);
  await inFile('models: {}', /^kvasir\.yaml: models: /);
  await inFile('models: [{name: a}]', /^kvasir\.yaml: models\[0\]\.folder is missing$/);
  await inFile('models: [a, {folder: b, slots: 0}]', /^kvasir\.yaml: models\[1\]\.slots: expected a whole/);
  await inFile(
    'models: [{folder: b, port: 1}]',
    /^kvasir\.yaml: models\[0\]\.port: there is no such setting$/,
  );
  await inFile('trust_proxy: true', /^kvasir\.yaml: trust_proxy: expected one of hops\|addresses, got true$/);
  await inFile('models: [1]', /^kvasir\.yaml: models\[0\]: expected a mapping/);
});

t.test('proxies, as a number or as text', async t => {
  t.equal((await read({ file: await settingsFile(t, 'trust_proxy: 1') })).trust_proxy, '1');
  for (const proxies of ['2', '10.0.0.0/8', 'loopback, ::1/128'])
    t.equal((await read({ commandLine: { trust_proxy: proxies } })).trust_proxy, proxies);
  for (const proxies of ['true', '*', 'proxy.example', '10.0.0.1,', 'face'])
    await t.rejects(
      read({ commandLine: { trust_proxy: proxies } }),
      { message: /^--trust-proxy: / },
      proxies,
    );
});

t.test('a secret is not repeated', async t => {
  const file = await settingsFile(t, 'api_keys: {secret: 1}');
  const { message } = await read({ file }).then(
    () => ({ message: '' }),
    (error: Error) => error,
  );
  t.match(message, /api_keys/);
  t.notMatch(message, /secret/);
});

t.test('any text either gives a value that fits, or an error with the name of the variable', async t => {
  const settings = Object.entries<Setting>(SETTINGS.properties);
  const property = fc.asyncProperty(
    fc.constantFrom(...settings),
    fc.oneof(
      fc.string({ minLength: 1 }),
      fc.double().map(String),
      fc.integer().map(String),
      fc.constantFrom('true', 'off', 'start', 'int8', '1e400', '0x10', '-0', 'NaN', '9g', '１'),
    ),
    async ([key, setting], text) => {
      let value: unknown;
      try {
        value = (await read({ environment: { [variableName(key)]: text } }))[key as 'port'];
      } catch (error) {
        return error instanceof KvasirError && error.message.startsWith(`${variableName(key)}: `);
      }
      const { type, minimum = -Infinity, maximum = Infinity, enum: values } = setting;
      if (type === 'integer')
        return Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum;
      if (type === 'number')
        return Number.isFinite(value) && Number(value) >= minimum && Number(value) <= maximum;
      if (type === 'boolean') return typeof value === 'boolean';
      if (type === 'array') return Array.isArray(value) && value.every(part => part !== '');
      return typeof value === 'string' && (values === undefined || values.includes(value));
    },
  );
  await t.resolves(fc.assert(property, runs(500)));
});
