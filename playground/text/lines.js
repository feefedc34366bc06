/**
 * The lines of a text that have something in them.
 *
 * @param {string} text
 */
export function linesOf(text) {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
}
