import { post, type Answer } from '../calls.js';
import { milliseconds, seconds, type Checks } from '../checks.js';
import { enlargedBodies } from '../enlarged-bodies.js';
import type { OpenApiDocument } from '../fuzz.js';
import { largeBodies, type LargeBody } from '../large-bodies.js';
import { modelOf, SHIPPED, shipped, writeEncoders, writeWriter } from '../models.js';
import type { Options } from '../options.js';
import { Probe } from '../probe.js';
import { ServedProcess } from '../served-process.js';

/** Milliseconds that others may wait. */
const LIMIT = 100;

/** Milliseconds within which there is an answer: as long as a worker may take for a text. */
const LONGEST = 60_000;

/** A busy machine holds up anybody now and then: what passes the limit is sent again, and the least counts. */
const TRIES = 3;

/** The largest, deepest and most laborious bodies that the server takes, one after the other, while somebody asks for its health. */
export async function largeBodiesAlone(checks: Checks, { only }: Options, home: string): Promise<void> {
  const server = await ServedProcess.start([
    ...SHIPPED.map(shipped),
    await writeWriter(home),
    ...(await writeEncoders(home)),
    '--log-level',
    'error',
  ]);
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApiDocument;
  const probe = new Probe(server.url);
  const families: readonly (readonly [string, readonly LargeBody[]])[] = [
    ['any place of any body made large or deep', enlargedBodies(document, modelOf)],
    ['laborious bodies', largeBodies()],
  ];
  for (const [family, bodies] of families) {
    const sent: Sent[] = [];
    for (const body of bodies)
      if (only.test(`${body.path} ${body.name}`)) sent.push(await send(server.url, body, probe));
    if (sent.length > 0) report(checks, family, sent);
  }
  await probe.stop();
  if (server.log !== '') console.error(server.log.slice(-4000));
  await server.end();
}

interface Sent {
  readonly body: LargeBody;
  readonly answer: Answer;
  /** Longest answer to others, in milliseconds. */
  readonly waited: number;
}

async function send(url: string, body: LargeBody, probe: Probe): Promise<Sent> {
  const { path, name, headers } = body;
  const bytes = body.body();
  let best: Sent | undefined;
  for (let attempt = 0; attempt < TRIES && !(best !== undefined && best.waited <= LIMIT); attempt++) {
    await probe.longest();
    const answer = await post(url + path, bytes, { patience: LONGEST, ...(headers && { headers }) });
    const waited = await probe.longest();
    if (best === undefined || waited < best.waited) best = { body, answer, waited };
  }
  const { answer, waited } = best!;
  const mark = isSound(best!) ? '      ' : 'NOT OK';
  console.log(
    `${mark}  ${path.padEnd(32)} ${name.padEnd(60)} ${answer.status}  ${seconds(answer.time)}  others ${milliseconds(waited)}`,
  );
  if (answer.status >= 500 || answer.status === 0) console.error(answer.text.slice(0, 500));
  return best!;
}

const isSound = ({ answer: { status, time }, waited }: Sent): boolean =>
  waited <= LIMIT && time <= LONGEST && status > 0 && status < 500;

function report(checks: Checks, family: string, sent: readonly Sent[]): void {
  const most = (value: (sent: Sent) => number): Sent => sent.reduce((a, b) => (value(b) > value(a) ? b : a));
  const place = ({ body }: Sent): string => `\`${body.path}\`, ${body.name}`;
  const slowest = most(({ waited }) => waited);
  const longest = most(({ answer }) => answer.time);
  const failed = sent.filter(({ answer: { status } }) => status === 0 || status >= 500);
  checks.add(
    `${family}, ${sent.length} of them: longest wait of others`,
    milliseconds(LIMIT),
    `${milliseconds(slowest.waited)} (${place(slowest)})`,
    slowest.waited <= LIMIT,
  );
  checks.add(
    'longest time until the answer',
    seconds(LONGEST),
    `${seconds(longest.answer.time)} (${place(longest)})`,
    longest.answer.time <= LONGEST,
  );
  checks.add(
    'answers of 500 and above, or none',
    'none',
    failed.map(({ body, answer }) => `${answer.status} for ${body.path}, ${body.name}`).join('; ') || '0',
    failed.length === 0,
  );
}
