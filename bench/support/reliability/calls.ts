import { Agent, request } from 'node:http';

export interface Answer {
  /** 0: none came. */
  readonly status: number;
  readonly text: string;
  /** Milliseconds until it was there whole. */
  readonly time: number;
}

export interface CallOptions {
  /** Who asks; without it, the server must have no keys. */
  readonly key?: string;
  /** A local address to ask from. */
  readonly from?: string;
  /** Longest time to wait, in milliseconds. */
  readonly patience?: number;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Milliseconds after which a server is taken for dead. */
const PATIENCE = 120_000;

const agent = new Agent({ keepAlive: false });

/** Sends a body, on a connection of its own. */
export function post(url: string, body: string | Buffer, options: CallOptions = {}): Promise<Answer> {
  const { key, from, patience = PATIENCE, type = 'application/json', headers = {} } = options;
  const started = performance.now();
  return new Promise(resolve => {
    const end = (status: number, text: string): void =>
      resolve({ status, text, time: performance.now() - started });
    const call = request(
      url,
      {
        method: 'POST',
        agent,
        ...(from !== undefined && { localAddress: from }),
        signal: AbortSignal.timeout(patience),
        headers: {
          'content-type': type,
          'content-length': Buffer.byteLength(body),
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
          ...headers,
        },
      },
      response => {
        const chunks: Buffer[] = [];
        response
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('error', error => end(0, error.message))
          .on('end', () => end(response.statusCode!, Buffer.concat(chunks).toString()));
      },
    );
    call.on('error', error => end(0, error.message));
    call.end(body);
  });
}

/** Sends a value as JSON. */
export function postJson(url: string, body: unknown, options?: CallOptions): Promise<Answer> {
  return post(url, JSON.stringify(body), options);
}

export const pause = (time: number): Promise<void> => new Promise(resolve => setTimeout(resolve, time));
