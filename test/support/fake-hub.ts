import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a repository holds, by path. Files of 1000 bytes or more are kept as LFS files, as the hub does with weights. */
export type RepoFiles = Readonly<Record<string, Uint8Array | string>>;

interface FakeRepo {
  readonly files: RepoFiles;
  /** Commit by branch or tag. */
  readonly refs: Readonly<Record<string, string>>;
  readonly gated?: boolean;
  /** Only for this token. */
  readonly token?: string;
}

/** How the storage server behaves for a file; each is used up by one request. */
export type Fault =
  /** Ends the connection after so many bytes of the answer. */
  | { readonly kind: 'break'; readonly after: number }
  /** Sends so many bytes, and then nothing. */
  | { readonly kind: 'stall'; readonly after: number }
  /** Sends other bytes of the same length. */
  | { readonly kind: 'damage' }
  /** Sends all of it, whatever range was asked for. */
  | { readonly kind: 'ignore range' }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: number };

interface Content {
  readonly bytes: Buffer;
  readonly oid: string;
  readonly lfs: string | undefined;
}

const LFS_FROM = 1000;
const PAGE = 3;

/**
 * A server that speaks as much of the Hugging Face hub's HTTP interface as a download needs, with a second one, of another origin, for the
 * storage that the hub redirects large files to.
 */
export class FakeHub {
  readonly #repos = new Map<string, FakeRepo>();
  readonly #contents = new Map<string, Content>();
  readonly #faults = new Map<string, Fault[]>();
  readonly #hub: Server;
  readonly #storage: Server;
  /** One line per request, such as `GET /api/models/a/b/revision/main`; storage requests as `storage model.safetensors 100-`. */
  readonly log: string[] = [];
  /** Tokens that came with requests to the storage: must stay empty. */
  readonly leaked: string[] = [];
  /** Milliseconds between the pieces of large files, to catch a download in the middle. */
  delay = 0;
  #endpoint = '';

  private constructor() {
    this.#hub = createServer((request, response) => this.#answer(request, response));
    this.#storage = createServer((request, response) => void this.#store(request, response));
  }

  static async start(t: { teardown(close: () => void): void }): Promise<FakeHub> {
    const hub = new FakeHub();
    for (const server of [hub.#hub, hub.#storage])
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    hub.#endpoint = addressOf(hub.#hub);
    t.teardown(() => hub.stop());
    return hub;
  }

  /** Ends it; what connects later is refused. */
  stop(): void {
    for (const server of [this.#hub, this.#storage]) {
      server.closeAllConnections();
      server.close();
    }
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  add(name: string, repo: Partial<FakeRepo> & Pick<FakeRepo, 'files'>): void {
    this.#repos.set(name, { refs: { main: commitOf(repo.files) }, ...repo });
    for (const content of Object.values(repo.files).map(contentOf)) {
      this.#contents.set(content.oid, content);
      if (content.lfs !== undefined) this.#contents.set(content.lfs, content);
    }
  }

  /** Lets the next requests for a file, one after the other, go wrong. A path in the interface, such as `/api/`, does for all below it. */
  fail(path: string, ...faults: Fault[]): void {
    this.#faults.set(path, [...(this.#faults.get(path) ?? []), ...faults]);
  }

  /** Requests for content of large files. */
  get transfers(): string[] {
    return this.log.filter(line => line.startsWith('storage '));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, this.endpoint);
    const cursor = url.searchParams.get('cursor');
    this.log.push(`${request.method} ${url.pathname}${cursor === null ? '' : ` from ${cursor}`}`);
    const fault = [...this.#faults].find(
      ([path, faults]) => faults.length > 0 && url.pathname.startsWith(path),
    );
    const next = fault?.[1].shift();
    if (next?.kind === 'status') {
      const after = next.retryAfter === undefined ? {} : { 'retry-after': String(next.retryAfter) };
      return void response.writeHead(next.status, after).end();
    }
    const api = /^\/api\/models\/(.+?)\/(revision|tree)\/([^/]+)$/.exec(url.pathname);
    const resolve = /^\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    const [name, revision] = api ? [api[1]!, api[3]!] : [resolve?.[1] ?? '', resolve?.[2] ?? ''];
    const repo = this.#repos.get(name);
    const token = request.headers.authorization?.replace('Bearer ', '');
    const refuse = (status: number, code: string): void =>
      void response
        .writeHead(status, { 'x-error-code': code, 'content-type': 'application/json' })
        .end(JSON.stringify({ error: code }));
    if (repo === undefined) return refuse(token === undefined ? 401 : 404, 'RepoNotFound');
    if (repo.gated && resolve) return refuse(token === undefined ? 401 : 403, 'GatedRepo');
    if (repo.token !== undefined && token !== repo.token) return refuse(401, 'RepoNotFound');
    const commit = repo.refs[decodeURIComponent(revision)] ?? decodeURIComponent(revision);
    if (!Object.values(repo.refs).includes(commit)) return refuse(404, 'RevisionNotFound');
    if (api?.[2] === 'revision') return sendJson(response, { _id: '1', id: name, sha: commit });
    if (api) return this.#sendTree(response, url, repo);
    this.#sendFile(response, decodeURIComponent(resolve![3]!), repo, commit, refuse);
  }

  #sendTree(response: ServerResponse, url: URL, { files }: FakeRepo): void {
    const entries = Object.entries(files).map(([path, data]) => {
      const { bytes, oid, lfs } = contentOf(data);
      const pointer = { oid: lfs, size: bytes.length, pointerSize: 130 };
      return { type: 'file', path, oid, size: bytes.length, ...(lfs !== undefined && { lfs: pointer }) };
    });
    const all = [{ type: 'directory', path: 'folder', oid: '0'.repeat(40), size: 0 }, ...entries];
    const begin = Number(url.searchParams.get('cursor') ?? 0);
    if (begin + PAGE < all.length) {
      url.searchParams.set('cursor', String(begin + PAGE));
      response.setHeader('link', `<${url.href}>; rel="next"`);
    }
    sendJson(response, all.slice(begin, begin + PAGE));
  }

  #sendFile(
    response: ServerResponse,
    path: string,
    { files }: FakeRepo,
    commit: string,
    refuse: (status: number, code: string) => void,
  ): void {
    const data = files[path];
    if (data === undefined) return refuse(404, 'EntryNotFound');
    const { bytes, oid, lfs } = contentOf(data);
    response.setHeader('x-repo-commit', commit);
    if (lfs === undefined) return void response.setHeader('etag', `"${oid}"`).end(bytes);
    response.setHeader('x-linked-etag', `"${lfs}"`);
    response.setHeader('x-linked-size', bytes.length);
    const location = `${addressOf(this.#storage)}/${lfs}?name=${encodeURIComponent(path)}`;
    response.writeHead(302, { location }).end();
  }

  async #store(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://storage');
    const name = url.searchParams.get('name')!;
    const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
    this.log.push(`storage ${name} ${from ?? 0}-`);
    if (request.headers.authorization !== undefined) this.leaked.push(request.headers.authorization);
    const { bytes } = this.#contents.get(url.pathname.slice(1))!;
    const fault = this.#faults.get(name)?.shift();
    if (fault?.kind === 'status') return void response.writeHead(fault.status).end();
    const ranged = from !== undefined && fault?.kind !== 'ignore range';
    const start = ranged ? Number(from) : 0;
    let body = bytes.subarray(start);
    if (fault?.kind === 'damage') body = Buffer.alloc(body.length, 'x');
    response.writeHead(ranged ? 206 : 200, {
      'content-length': body.length,
      ...(ranged && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    });
    const limit = fault?.kind === 'break' || fault?.kind === 'stall' ? fault.after : body.length;
    for (let sent = 0; sent < limit && !response.destroyed;) {
      const end = Math.min(limit, sent + 65_536);
      await new Promise(resolve => response.write(body.subarray(sent, end), resolve));
      if (this.delay > 0) await new Promise(resolve => setTimeout(resolve, this.delay));
      sent = end;
    }
    if (fault?.kind === 'break') response.socket?.destroy();
    else if (fault?.kind !== 'stall') response.end();
  }
}

/** A commit's name, made up from what it holds. */
export function commitOf(files: RepoFiles): string {
  const hash = createHash('sha1');
  for (const [path, data] of Object.entries(files)) hash.update(path).update(contentOf(data).oid);
  return hash.digest('hex');
}

/** Bytes that look like nothing else, the same for the same seed. */
export function randomBytes(size: number, seed: string): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i += 64) createHash('sha512').update(`${seed} ${i}`).digest().copy(bytes, i);
  return bytes;
}

function contentOf(data: Uint8Array | string): Content {
  const bytes = Buffer.from(data);
  const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  const lfs = bytes.length < LFS_FROM ? undefined : createHash('sha256').update(bytes).digest('hex');
  return { bytes, oid, lfs };
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
}
