import { Agent, request } from 'node:http';
import fc from 'fast-check';
import { BodyFactory, encoderTensors, type JsonSchema } from './bodies.js';

/** As much of an OpenAPI document as is needed to call it. */
export interface OpenApiDocument {
  readonly paths: Readonly<
    Record<
      string,
      {
        readonly post?: {
          readonly requestBody?: {
            readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
          };
        };
      }
    >
  >;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface FuzzOptions {
  readonly url: string;
  readonly document: OpenApiDocument;
  /** Names of models that are served. */
  readonly models: readonly string[];
  /** Which of them can do what a path is for. */
  readonly modelOf: (path: string) => string;
  readonly requests: number;
  /** The same seed makes the same bodies. */
  readonly seed: number;
  /** Requests under way at once. */
  readonly concurrency: number;
}

export interface FuzzResult {
  readonly operations: number;
  /** How often each status came. */
  readonly statuses: ReadonlyMap<number, number>;
  /** How often each path gave what was asked for. */
  readonly successes: ReadonlyMap<string, number>;
  /** What must not be, with the request that caused it. */
  readonly faults: readonly string[];
}

/** What most models refuse, or what says again what another field does: mostly left out, so that the others are tried. */
const seldom = fc.oneof(
  { weight: 9, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
);

/** Fields whose schemas do not tell what is right, by the end of a path. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, fc.Arbitrary<unknown>>>>> = {
  '/infer': { inputs: encoderTensors, outputs: fc.constant(null) },
  '/score': {
    ...Object.fromEntries(['queries', 'documents', 'items', 'data_1', 'data_2'].map(name => [name, seldom])),
    instruction: seldom,
    prompt_name: seldom,
  },
  '/rerank': { instruction: seldom, prompt_name: seldom },
  '/embeddings': { task: seldom, prompt_name: seldom },
  '/translate': {
    source: fc.constantFrom('en', 'auto', 'xx'),
    target: fc.constantFrom('de', 'de-AT', 'xx'),
  },
};

/** Answers that a server of sound mind gives within this time, in milliseconds. */
const PATIENCE = 120_000;

/** Sends bodies to every POST operation of a document, in turn. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { url, document, models, modelOf, requests, seed, concurrency } = options;
  const operations = Object.entries(document.paths).flatMap(([path, { post }]) => {
    const schema = post?.requestBody?.content['application/json']?.schema;
    if (schema === undefined) return [];
    const kind = path.slice(path.lastIndexOf('/'));
    const factory = new BodyFactory(document.components.schemas, modelOf(path), models, FIELDS[kind]);
    return [{ path, bodies: factory.bodies(schema) }];
  });
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const statuses = new Map<number, number>();
  const successes = new Map<string, number>(operations.map(({ path }) => [path, 0]));
  const faults: string[] = [];
  const perOperation = Math.ceil(requests / operations.length);
  const pending = operations.map(({ path, bodies }, i) => ({
    path,
    bodies: fc.sample(bodies, { numRuns: perOperation, seed: seed + i }),
  }));
  const calls = Array.from({ length: perOperation }, (_, round) =>
    pending.map(({ path, bodies }) => ({ path, body: bodies[round]! })),
  ).flat();
  const worker = async (): Promise<void> => {
    for (let call = calls.pop(); call !== undefined; call = calls.pop()) {
      const { path, body } = call;
      const fault = (what: string): void => {
        faults.push(`${path} ${what} for ${body.slice(0, 500)}`);
      };
      try {
        const answer = await post(agent, url + path.replace(/\{\w+\}/g, modelOf(path)), body);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        if (answer.status === 200) successes.set(path, successes.get(path)! + 1);
        const wrong = wrongAnswer(answer);
        if (wrong !== undefined) fault(wrong);
      } catch (error) {
        fault((error as Error).message);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  agent.destroy();
  return { operations: operations.length, statuses, successes, faults };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

function post(agent: Agent, url: string, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { method: 'POST', agent, timeout: PATIENCE, headers: { 'content-type': 'application/json' } },
      response => {
        let text = '';
        response
          .setEncoding('utf8')
          .on('data', (chunk: string) => (text += chunk))
          .on('error', reject)
          .on('end', () =>
            resolve({ status: response.statusCode!, type: response.headers['content-type'] ?? '', text }),
          );
      },
    );
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', reject);
    call.end(body);
  });
}

/** What no request may cause: a failure of the server, or an answer that is not what it says it is. */
function wrongAnswer({ status, type, text }: Answer): string | undefined {
  if (status >= 500) return `${status} ${text.slice(0, 300)}`;
  try {
    if (type.startsWith('application/json')) JSON.parse(text);
    else if (type.startsWith('text/event-stream')) return wrongStream(text);
  } catch {
    return `no JSON: ${text.slice(0, 300)}`;
  }
  return undefined;
}

function wrongStream(text: string): string | undefined {
  for (const event of text.split('\n\n').filter(part => part !== '')) {
    const data = event
      .split('\n')
      .filter(line => line.startsWith('data: '))
      .map(line => line.slice(6))
      .join('\n');
    if (data === '[DONE]') continue;
    const { error, type } = JSON.parse(data) as { error?: { type?: string } | null; type?: string };
    if (error?.type === 'server_error' || type === 'error') return `in mid-stream: ${data.slice(0, 300)}`;
  }
  return undefined;
}
