import fc from 'fast-check';
import t from 'tap';
import { eventData } from '../../playground/api/events.js';
import { runs } from '#test/support/property-runs.js';

async function read(pieces: readonly string[]): Promise<string[]> {
  const events: string[] = [];
  for await (const data of eventData(
    (async function* () {
      yield* pieces;
    })(),
  ))
    events.push(data);
  return events;
}

t.test('what an event may look like', async t => {
  t.strictSame(await read(['data: {"a":1}\n\n: comment\n\nevent: x\ndata:one\ndata: two\n\ndata: cut']), [
    '{"a":1}',
    'one\ntwo',
  ]);
  t.strictSame(await read(['data: a\r\n\r\ndata: b\r\n\r\n']), ['a', 'b']);
});

t.test('wherever the stream is cut', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ minLength: 1 }).map(text => JSON.stringify(text))),
      fc.array(fc.nat(200)),
      async (events, cuts) => {
        const stream = events.map(data => `data: ${data}\n\n`).join('');
        const places = [0, ...cuts.filter(cut => cut < stream.length).sort((a, b) => a - b), stream.length];
        const pieces = places.slice(1).map((end, i) => stream.slice(places[i], end));
        t.strictSame(await read(pieces), events);
      },
    ),
    runs(50),
  );
});
