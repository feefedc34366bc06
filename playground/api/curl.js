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
 * As one word of a POSIX shell.
 *
 * @param {string} text
 */
export function quote(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
