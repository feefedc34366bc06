import type { FastifyRequest } from 'fastify';

const attachments = new WeakMap<FastifyRequest, Map<string, Uint8Array>>();

/** Keeps a file that came beside the fields of a request's body. @param name by which the body refers to it. */
export function attach(request: FastifyRequest, name: string, file: Uint8Array): void {
  const own = attachments.get(request) ?? new Map<string, Uint8Array>();
  attachments.set(request, own.set(name, file));
}

/** The file of a name; undefined where there is none. */
export function attachmentOf(request: FastifyRequest, name: string): Uint8Array | undefined {
  return attachments.get(request)?.get(name);
}
