import { readFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { startCommand, type Command } from '#test/support/command.js';
import { FakeHub } from '#test/support/fake-hub.js';
import { eventually } from '#test/support/eventually.js';
import { randomGguf } from '#test/support/random-gguf.js';

const FILE = await randomGguf();
const DIGEST = 'ab'.repeat(32);

async function outcome(command: Command): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return { code: await command.exit, stdout: command.stdout(), stderr: command.stderr() };
}

t.test('a GGUF file, wherever it is, is served like a folder', async t => {
  const hub = await FakeHub.start(t);
  const companions = { 'README.md': '', 'mmproj-F16.gguf': 'x', 'config.json': '{}' };
  hub.add('owner/several', { files: { 'M-F32.gguf': FILE, 'M-Q4_0.gguf': 'x', ...companions } });
  hub.add('owner/one', { files: { 'M-F32.gguf': FILE, ...companions } });
  const layers = [{ mediaType: 'application/vnd.ollama.image.model', digest: `sha256:${DIGEST}` }];
  const folder = t.testdir({
    here: { 'tiny-F32.gguf': FILE },
    two: { 'a.gguf': FILE, 'b.gguf': FILE },
    home: {},
    ollama: {
      blobs: { [`sha256-${DIGEST}`]: FILE },
      manifests: { 'registry.ollama.ai': { library: { tiny: { latest: JSON.stringify({ layers }) } } } },
    },
  });
  const at = (...parts: string[]): string => path.join(folder, ...parts);
  const env = {
    HF_HOME: at('home'),
    HF_ENDPOINT: hub.endpoint,
    KVASIR_OFFLINE: '',
    OLLAMA_MODELS: at('ollama'),
    XDG_CACHE_HOME: at('cache'),
  };
  const run = (...args: string[]): ReturnType<typeof outcome> => outcome(startCommand(t, args, env));

  const server = startCommand(
    t,
    [
      'serve',
      at('here'),
      at('here', 'tiny-F32.gguf'),
      'ollama:tiny',
      'owner/several:F32',
      'owner/one',
      '--port',
      '0',
    ],
    env,
  );
  await eventually(() => server.stdout().includes('\n') || server.process.exitCode !== null);
  const [, url] = /on (http:\S+)/.exec(server.stdout()) ?? [];
  if (url === undefined) throw new Error(server.stderr());
  const texts = new Set<string>();
  for (const model of ['here', 'tiny-F32', 'tiny', 'owner/several:F32', 'owner/one']) {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, prompt: 'Hello', temperature: 0, max_tokens: 8, ignore_eos: true }),
    });
    t.equal(response.status, 200, model);
    const { choices } = (await response.json()) as { choices: [{ text: string }] };
    texts.add(choices[0].text);
  }
  t.equal(texts.size, 1, 'all say the same');
  server.process.kill('SIGTERM');
  await server.exit;

  const [inspected, several, pulled, listed, missing] = await Promise.all([
    run('inspect', at('here')),
    run('inspect', at('two')),
    run('pull', 'owner/several:f32', '--offline'),
    run('pull', 'owner/several'),
    run('serve', 'ollama:other', '--port', '0'),
  ]);
  t.match(inspected, { code: 0, stdout: /^model +generation, llama\n/ });
  t.match(several, { code: 1, stderr: /two has several GGUF files: a\.gguf, b\.gguf; .*two.a\.gguf\n$/ });
  t.equal(pulled.code, 0, pulled.stderr);
  t.match(pulled.stdout, /M-F32\.gguf\n$/);
  t.ok(FILE.equals(await readFile(pulled.stdout.trim())));
  t.match(listed, {
    code: 1,
    stderr: /the repository has several GGUF files: M-F32\.gguf, M-Q4_0\.gguf; .* owner\/name:F32\n$/,
  });
  t.match(missing, { code: 1, stderr: /Ollama has no other: / });
});
