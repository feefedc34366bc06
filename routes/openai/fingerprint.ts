import { createHash } from 'node:crypto';

/**
 * OpenAI's `system_fingerprint`: the same as long as the same version of the server runs the same model, so that
 * the same seed gives the same text.
 *
 * @param version of the server.
 */
export function systemFingerprint(version: string, { id, created }: { id: string; created: number }): string {
  const hash = createHash('sha256').update(JSON.stringify([version, id, created]));
  return `fp_${hash.digest('hex').slice(0, 10)}`;
}
