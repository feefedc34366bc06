import { fileURLToPath } from 'node:url';

/** The repository, seen from `dist/test/docker`. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const DOCKER = fileURLToPath(new URL('../../../docker', import.meta.url));
