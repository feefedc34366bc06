import type { FastifyInstance } from 'fastify';
import { isIPv4 } from 'node:net';
import { invalidRequest, KvasirError } from '#errors.js';
import { isLoopback } from './addresses.js';

/**
 * Refuses requests without a `Host` header, which HTTP/1.1 requires. To be used with Node's own check off:
 * that one answers with no body.
 */
export function requireHost(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw: { httpVersion, headers } }) => {
    if (httpVersion === '1.1' && headers.host === undefined)
      throw invalidRequest('host', 'the request has no Host header');
  });
}

/**
 * Of requests on a loopback address, refuses those that were sent to another host: a web page's, whose name
 * was made to resolve to this machine (DNS rebinding), so that the browser takes the server for that page's
 * own.
 *
 * @param allowed names beside those of this machine; `*` is all.
 */
export function checkHosts(app: FastifyInstance, allowed: readonly string[]): void {
  if (allowed.includes('*')) return;
  const names = new Set(allowed.map(name => name.toLowerCase()));
  app.addHook('onRequest', async ({ raw: { socket, headers } }) => {
    if (headers.host === undefined || !isLoopback(socket.localAddress ?? '')) return;
    const name = hostName(headers.host);
    if (isOwn(name) || names.has(name)) return;
    throw new KvasirError(
      'host_not_allowed',
      'the server does not answer to this Host; name it in the setting allowed_hosts, or require API keys',
      { param: 'host' },
    );
  });
}

/** Without the port, and the dot that a full name may end with. */
function hostName(host: string): string {
  return host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
}

function isOwn(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || (isIPv4(name) && isLoopback(name));
}
