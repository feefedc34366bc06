import { quote } from './curl.js';

/**
 * A request with pictures as a command for a shell: a form, since the files themselves would fill pages.
 *
 * @param {string} url
 * @param {object} body with the names of the pictures as `files`.
 * @param {{ readonly key: boolean }} options whether the server wants a key.
 */
export function curlPicturesCommand(url, body, { key }) {
  const { files, ...fields } = /** @type {{ files: readonly string[] }} */ (body);
  const parts = Object.entries(fields).flatMap(([name, value]) =>
    [value].flat().map(one => `--form-string ${quote(`${name}${Array.isArray(value) ? '[]' : ''}=${one}`)}`),
  );
  return [
    `curl ${quote(url)}`,
    ...(key ? ['-H "authorization: Bearer $KVASIR_API_KEY"'] : []),
    ...parts,
    // Quotes keep a semicolon or a comma within the name.
    ...files.map(name => `-F ${quote(`image=@"${name.replaceAll(/["\\]/g, String.raw`\$&`)}"`)}`),
  ].join(' \\\n  ');
}
