import { readdir } from 'node:fs/promises';
import { extname } from 'node:path';
import t from 'tap';
import { ApiKeys } from '#http/security/api-keys.js';
import { startServer } from '#test/support/http-server.js';

const FOLDER = new URL('../../../../playground/', import.meta.url);

const TYPES: Readonly<Record<string, RegExp>> = {
  '.js': /^(text|application)\/javascript/,
  '.css': /^text\/css/,
  '.svg': /^image\/svg\+xml/,
};

/** Files of the page, seen from its folder. */
async function files(): Promise<string[]> {
  const entries = await readdir(FOLDER, { recursive: true });
  return entries.map(name => name.replaceAll('\\', '/')).filter(name => extname(name) in TYPES);
}

t.test('the page and all that it loads, without a key', async t => {
  const { url } = await startServer(t, { apiKeys: new ApiKeys(['key']), rateLimit: 1 });
  const page = await fetch(`${url}/`);
  t.equal(page.status, 200);
  t.match(page.headers.get('content-type'), /^text\/html/);
  const html = await page.text();
  const linked = [...html.matchAll(/(?:src|href)="(playground\/[^"]+)"/g)].map(([, path]) => path!);
  const paths = new Set([...linked, ...(await files()).map(name => `playground/${name}`)]);
  t.ok(paths.size > 20);
  for (const path of paths) {
    const answer = await fetch(`${url}/${path}`);
    t.equal(answer.status, 200, path);
    t.match(answer.headers.get('content-type'), TYPES[extname(path)]!, path);
    await answer.arrayBuffer();
  }
  t.equal((await fetch(`${url}/v1/models`)).status, 401, 'what the page asks for needs one');
});

t.test('the page may load and call nothing but this server, and has nothing in line', async t => {
  const { url } = await startServer(t);
  const page = await fetch(`${url}/`);
  const policy = page.headers.get('content-security-policy')!;
  t.match(policy, /default-src 'none'/);
  t.match(policy, /connect-src 'self'/);
  t.notMatch(policy, /unsafe|https?:|\*/);
  const html = await page.text();
  t.notMatch(html, /<style|\sstyle=|\son\w+=|<script(?! type="module" src)/);
  t.notMatch(html, /(?:src|href)="(?:https?:)?\/\//);
});

t.test('nothing else of the folder', async t => {
  const { url } = await startServer(t);
  for (const path of ['playground/', 'playground/tsconfig.json', 'playground/..%2fpackage.json']) {
    const answer = await fetch(`${url}/${path}`);
    t.equal(answer.status, 404, path);
    t.match(await answer.json(), { error: { code: 'unknown_url' } }, path);
  }
});

t.test('it can be left out', async t => {
  const { url } = await startServer(t, { playground: false });
  // Texts for encoders may still be posted there.
  t.equal((await fetch(url)).status, 405);
  t.equal((await fetch(`${url}/playground/main.js`)).status, 404);
});
