import { lookup as resolveName, type LookupAddress } from 'node:dns';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { invalidRequest, KvasirError } from '#errors.js';
import { isPublicAddress } from './public-address.js';

export interface AddressReaderOptions {
  /**
   * Hosts that are asked: `example.com`, `example.com:8443` where the port is not the scheme's own, or
   * `*.example.com` for all names below it.
   */
  readonly hosts: readonly string[];
  readonly maxBytes: number;
  /** Milliseconds for an address, from its name to its last byte. */
  readonly timeLimit: number;
  /** Whether an address that a name stands for may be asked; public ones by default. */
  readonly mayAsk?: ((address: string) => boolean) | undefined;
}

/** A host may be asked on its scheme's own port, or on another that is named. */
const HOST = /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/;

/**
 * Reads pictures from addresses of hosts that the operator lists. What a client writes decides nothing else: no
 * redirect is followed, and no address of a private network asked, whatever a name stands for. The address that
 * was checked is the one that is connected to.
 */
export class AddressReader {
  readonly #hosts: ReadonlySet<string>;
  readonly #options: AddressReaderOptions;
  readonly #mayAsk: (address: string) => boolean;

  /** @throws KvasirError `invalid_configuration` where a host is none */
  constructor(options: AddressReaderOptions) {
    const hosts = options.hosts.map(host => host.toLowerCase());
    const wrong = hosts.find(host => !HOST.test(host));
    if (wrong !== undefined)
      throw new KvasirError(
        'invalid_configuration',
        `pictures cannot be read from ${wrong}: this is no host`,
      );
    this.#hosts = new Set(hosts);
    this.#options = options;
    this.#mayAsk = options.mayAsk ?? isPublicAddress;
  }

  /**
   * @param param the request's field, for errors.
   * @throws KvasirError `invalid_request` where the host is not listed or private, or does not give a file within
   * the limits; `cancelled`
   */
  async read(address: string, param: string, signal?: AbortSignal): Promise<Buffer> {
    const url = this.#check(address, param);
    const limit = AbortSignal.timeout(this.#options.timeLimit);
    const either = signal === undefined ? limit : AbortSignal.any([limit, signal]);
    try {
      return await this.#get(url, param, either);
    } catch (error) {
      if (error instanceof KvasirError) throw error;
      if (signal?.aborted === true) throw new KvasirError('cancelled', 'the request was cancelled');
      const why = limit.aborted
        ? `takes more than ${this.#options.timeLimit / 1000} seconds`
        : `cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'the connection broke'}`;
      throw invalidRequest(param, `${url.host} ${why}`);
    }
  }

  #check(address: string, param: string): URL {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol))
      throw invalidRequest(param, 'this is no http, https or data: address');
    if (url.username !== '' || url.password !== '')
      throw invalidRequest(param, 'an address with a name or a password is not read');
    if (!this.#isListed(url))
      throw invalidRequest(
        param,
        this.#hosts.size === 0
          ? 'pictures are not read from other hosts here: send a data: address with the file in base64'
          : `pictures are not read from ${url.host}`,
      );
    return url;
  }

  #isListed({ hostname, host }: URL): boolean {
    // `host` has the port where it is not the scheme's own.
    const port = host.slice(hostname.length);
    if (this.#hosts.has(host)) return true;
    const labels = hostname.split('.');
    return labels.some((_, i) => i > 0 && this.#hosts.has(`*.${labels.slice(i).join('.')}${port}`));
  }

  async #get(url: URL, param: string, signal: AbortSignal): Promise<Buffer> {
    const refusePrivate = (address: string): void => {
      if (!this.#mayAsk(address))
        throw invalidRequest(param, `${url.host} is an address of a private network`);
    };
    const literal = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) !== 0) refusePrivate(literal);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(
        url,
        {
          agent: false,
          signal,
          lookup: lookupOf(refusePrivate),
          headers: { accept: 'image/*', 'accept-encoding': 'identity' },
        },
        resolve,
      );
      request.on('error', reject);
      request.end();
    });
    try {
      return await this.#body(response, url, param);
    } finally {
      response.destroy();
    }
  }

  async #body(response: IncomingMessage, { host }: URL, param: string): Promise<Buffer> {
    const { maxBytes } = this.#options;
    const { statusCode = 0, headers } = response;
    if (statusCode >= 300 && statusCode < 400)
      throw invalidRequest(param, `${host} sends on to another address, which is not followed`);
    if (statusCode !== 200) throw invalidRequest(param, `${host} answers with status ${statusCode}`);
    if ((headers['content-encoding'] ?? 'identity') !== 'identity')
      throw invalidRequest(param, `${host} packs its answer, though it was asked not to`);
    const tooLong = (): KvasirError =>
      invalidRequest(param, `${host} gives more than ${maxBytes} bytes, which are not read`);
    if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLong();
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of response as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > maxBytes) throw tooLong();
      parts.push(part);
    }
    return Buffer.concat(parts, length);
  }
}

/** Resolves a name, and gives addresses only where none of them is refused: they are connected to as they are. */
function lookupOf(refuse: (address: string) => void): LookupFunction {
  return (hostname, options, callback) => {
    resolveName(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      try {
        if (error !== null) throw error;
        for (const { address } of addresses) refuse(address);
      } catch (cause) {
        callback(cause as NodeJS.ErrnoException, [], 0);
        return;
      }
      const [{ address, family }] = addresses as [LookupAddress];
      if (options.all === true) callback(null, addresses);
      else callback(null, address, family);
    });
  };
}
