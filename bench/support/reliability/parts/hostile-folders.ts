import { execFileSync } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { postJson, type Answer } from '../calls.js';
import { milliseconds, seconds, type Checks } from '../checks.js';
import { DAMAGES } from '../damaged-folders.js';
import { TEMPLATES } from '../hostile-templates.js';
import { TOKENIZERS, type TokenizerJson } from '../hostile-tokenizers.js';
import { shipped } from '../models.js';
import type { Options } from '../options.js';
import { Probe } from '../probe.js';
import { ENTRY, ServedProcess } from '../served-process.js';

/** The model whose copies are changed. */
const ORIGINAL = 'kvasir-stories-3m';

/** Milliseconds that others may wait. */
const LIMIT = 100;

/** Milliseconds within which a request to a hostile model is answered. */
const LONGEST = 15_000;

/** A busy machine holds up anybody now and then: what passes the limit is sent again, and the least counts. */
const TRIES = 3;

/** A folder that is served beside sound ones, and what is asked of it. */
interface Hostile {
  readonly what: string;
  readonly folder: string;
  readonly path: string;
  readonly body: object;
  /** What the answer must name, where it is no success. */
  readonly named: RegExp;
}

/** Folders that somebody made to do harm, and such as a disk or a broken download leaves behind. */
export async function hostileFolders(checks: Checks, { only }: Options, home: string): Promise<void> {
  const pristine = path.join(home, 'pristine');
  await cp(shipped(ORIGINAL), pristine, {
    recursive: true,
    filter: source => path.basename(source) !== '.kvasir',
  });
  const hostile = [...(await templates(home, pristine)), ...(await tokenizers(home, pristine))].filter(
    ({ what }) => only.test(what),
  );
  if (hostile.length > 0) await serveHostile(checks, hostile);
  await serveDamaged(checks, home, pristine, only);
}

function copy(home: string, pristine: string, name: string): Promise<string> {
  const folder = path.join(home, name);
  return cp(pristine, folder, { recursive: true }).then(() => folder);
}

function templates(home: string, pristine: string): Promise<Hostile[]> {
  return Promise.all(
    Object.entries(TEMPLATES).map(async ([what, template], i) => {
      const folder = await copy(home, pristine, `template-${i}`);
      await writeFile(path.join(folder, 'chat_template.jinja'), template);
      const body = { messages: [{ role: 'user', content: 'a' }], max_tokens: 8 };
      return { what, folder, path: '/v1/chat/completions', body, named: /template/ };
    }),
  );
}

function tokenizers(home: string, pristine: string): Promise<Hostile[]> {
  return Promise.all(
    Object.entries(TOKENIZERS).map(async ([what, { change, prompt }], i) => {
      const folder = await copy(home, pristine, `tokenizer-${i}`);
      const file = path.join(folder, 'tokenizer.json');
      const tokenizer = JSON.parse(await readFile(file, 'utf8')) as TokenizerJson;
      await writeFile(file, JSON.stringify({ ...tokenizer, ...change(tokenizer) }));
      const body = { prompt, max_tokens: 100, ignore_eos: true };
      return { what, folder, path: '/v1/completions', body, named: /tokenizer|context/ };
    }),
  );
}

/** A server with all of them: each is asked, and then whether the others answer. */
async function serveHostile(checks: Checks, hostile: readonly Hostile[]): Promise<void> {
  const server = await ServedProcess.start([
    shipped(ORIGINAL),
    ...hostile.map(({ folder }) => folder),
    '--log-level',
    'error',
  ]);
  const probe = new Probe(server.url);
  for (const { what, folder, path: route, body, named } of hostile) {
    const model = path.basename(folder);
    let [answer, waited]: [Answer | undefined, number] = [undefined, Infinity];
    for (let attempt = 0; attempt < TRIES && waited > LIMIT; attempt++) {
      await probe.longest();
      answer = await postJson(server.url + route, { model, ...body }, { patience: 2 * LONGEST });
      waited = Math.min(waited, await probe.longest());
    }
    const { status, time, text } = answer!;
    const other = await write(server, ORIGINAL);
    const said = status === 200 || named.test(text) || named.test(server.log);
    checks.add(
      what,
      `others ${milliseconds(LIMIT)}, an answer in ${seconds(LONGEST)} that names it`,
      `others ${milliseconds(waited)}, ${status} in ${seconds(time)}${other.status === 200 ? '' : '; no other model answers'}`,
      waited <= LIMIT && status > 0 && time <= LONGEST && said && other.status === 200,
    );
    if (status !== 200) console.log(`        ${text.slice(0, 300)}`);
  }
  await probe.stop();
  await server.end();
}

const write = (server: ServedProcess, model: string): Promise<Answer> =>
  postJson(`${server.url}/v1/completions`, { model, prompt: 'Once', max_tokens: 4 });

/** A server with all damaged folders: the sound ones are served, and the log names the others. */
async function serveDamaged(checks: Checks, home: string, pristine: string, only: RegExp): Promise<void> {
  const built = await copy(home, pristine, 'built');
  execFileSync(process.execPath, [ENTRY, 'build', built], { stdio: 'ignore' });
  const damaged = await Promise.all(
    Object.entries(DAMAGES)
      .filter(([what]) => only.test(what))
      .map(async ([what, damage], i) => {
        const folder = await copy(home, damage.built ? built : pristine, `damaged-${i}`);
        await damage.damage(folder);
        return { what, folder, ...damage };
      }),
  );
  if (damaged.length === 0) return;
  const server = await ServedProcess.start([
    shipped(ORIGINAL),
    ...damaged.map(({ folder }) => folder),
    '--log-level',
    'warn',
  ]);
  for (const { what, folder, named } of damaged) {
    const model = path.basename(folder);
    const { status } = await write(server, model);
    const line =
      server.log.split('\n').find(text => text.includes(folder) || text.includes(`"${model}"`)) ?? '';
    if (named === undefined) {
      checks.add(what, 'built again, 200', String(status), status === 200);
      continue;
    }
    const inspected = inspect(folder);
    checks.add(
      what,
      'refused, and named by serve and by inspect',
      `${status}; ${named.test(line) ? 'named' : 'not named'}, ${named.test(inspected) ? 'named' : 'not named'}`,
      status !== 200 && status > 0 && named.test(line) && named.test(inspected),
    );
    console.log(`        ${line.slice(0, 400)}\n        ${inspected.trim().slice(0, 300)}`);
  }
  const { status } = await write(server, ORIGINAL);
  checks.add('the sound model beside them', '200', String(status), status === 200);
  await server.end();
}

/** What `kvasir inspect` says of a folder. */
function inspect(folder: string): string {
  try {
    return execFileSync(process.execPath, [ENTRY, 'inspect', folder], {
      encoding: 'utf8',
      stdio: 'pipe',
      timeout: LONGEST,
    });
  } catch (error) {
    const { stderr, stdout } = error as { stderr?: string; stdout?: string };
    return `${stdout}${stderr}`;
  }
}
