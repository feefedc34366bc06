import { execFileSync } from 'node:child_process';
import t from 'tap';
import { curlCommand, curlFormCommand } from '../../playground/api/curl.js';

/** The arguments that a shell gives to curl. */
function argumentsOf(command: string): string[] {
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  const env = { PATH: process.env.PATH, KVASIR_API_KEY: 'secret' };
  return execFileSync('sh', ['-c', script], { encoding: 'utf8', env }).split('\0').slice(0, -1);
}

const skip = process.platform === 'win32' && 'there is no POSIX shell';

t.test('a shell reads what was meant', { skip }, async t => {
  const body = { prompt: `It's "$HOME" \`id\` \\n\n'end'`, n: 1 };
  const [url, ...rest] = argumentsOf(curlCommand('http://h:1/v1/completions', body, { key: false }));
  t.equal(url, 'http://h:1/v1/completions');
  t.strictSame(rest.slice(0, 3), ['-H', 'content-type: application/json', '-d']);
  t.strictSame(JSON.parse(rest[3]!), body);
});

t.test('streams are not held back, and a key comes from the environment', { skip }, async t => {
  const command = curlCommand('http://h/v1/x', { stream: true }, { key: true });
  t.notMatch(command, /secret/);
  t.strictSame(argumentsOf(command).slice(0, 4), [
    '-N',
    'http://h/v1/x',
    '-H',
    'authorization: Bearer secret',
  ]);
});

t.test('forms', { skip }, async t => {
  const fields = { file: `It's "a"; b.wav`, prompt: "@home, it's <this>" };
  const [, url, ...rest] = argumentsOf(curlFormCommand('http://h/v1/x', fields, { key: true }));
  t.equal(url, 'http://h/v1/x');
  t.strictSame(rest, [
    '-H',
    'authorization: Bearer secret',
    '-F',
    `file=@"It's \\"a\\"; b.wav"`,
    '--form-string',
    "prompt=@home, it's <this>",
  ]);
});
