/**
 * A request as a command for a shell. It has no key, but the name of a variable that has one.
 *
 * @param {string} url
 * @param {object} body
 * @param {{ readonly key: boolean }} options whether the server wants a key.
 */
export function curlCommand(url, body, { key }) {
  const streams = 'stream' in body && body.stream === true;
  return [
    `curl ${streams ? '-N ' : ''}${quote(url)}`,
    ...(key ? ['-H "authorization: Bearer $KVASIR_API_KEY"'] : []),
    "-H 'content-type: application/json'",
    `-d ${quote(JSON.stringify(body, null, 2))}`,
  ].join(' \\\n  ');
}

/**
 * A form as a command for a shell.
 *
 * @param {string} url
 * @param {object} fields with the name of a file as `file`.
 * @param {{ readonly key: boolean }} options whether the server wants a key.
 */
export function curlFormCommand(url, fields, { key }) {
  return [
    `curl -N ${quote(url)}`,
    ...(key ? ['-H "authorization: Bearer $KVASIR_API_KEY"'] : []),
    ...Object.entries(fields).map(([name, value]) =>
      // A text that begins with @ or < would be read as the name of a file, and in names ; and , mean something.
      name === 'file'
        ? `-F ${quote(`file=@"${String(value).replace(/["\\]/g, String.raw`\$&`)}"`)}`
        : `--form-string ${quote(`${name}=${value}`)}`,
    ),
  ].join(' \\\n  ');
}

/**
 * As one word of a POSIX shell.
 *
 * @param {string} text
 */
export function quote(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
