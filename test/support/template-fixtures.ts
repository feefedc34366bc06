import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('../../../test/fixtures/templates/', import.meta.url);

/** What chat templates render to in Python, and what they are given: see `test/fixtures/make_templates.py`. */
export function templateFixture(name: string): string {
  return readFileSync(fileURLToPath(new URL(name, FOLDER)), 'utf8');
}

/** When the templates of the fixtures were rendered, by their own account. */
export const RENDERED_AT = new Date(2026, 2, 1, 4, 5, 6);
