/**
 * The data of a text/event-stream's events, as they come.
 *
 * @param {AsyncIterable<string>} pieces of the stream, cut anywhere.
 * @returns {AsyncGenerator<string>}
 */
export async function* eventData(pieces) {
  let rest = '';
  for await (const piece of pieces) {
    const events = (rest + piece).split(/\r?\n\r?\n/);
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = event
        .split(/\r?\n/)
        .filter(line => line.startsWith('data:'))
        .map(line => line.slice(5).replace(/^ /, ''));
      if (data.length > 0) yield data.join('\n');
    }
  }
}
