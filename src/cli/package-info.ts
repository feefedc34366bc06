import { readFileSync } from 'node:fs';

/**
 * Root of the package, whether it runs from a checkout or installed: sources are compiled to `dist/src/cli`.
 */
export const PACKAGE_ROOT = new URL('../../../', import.meta.url);

interface PackageInfo {
  readonly version: string;
  readonly description: string;
}

export function packageInfo(): PackageInfo {
  return JSON.parse(readFileSync(new URL('package.json', PACKAGE_ROOT), 'utf8')) as PackageInfo;
}
