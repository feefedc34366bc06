import t from 'tap';
import { Watchdog } from '#registry/watchdog.js';
import { FakeEngine } from '#test/support/fake-engine.js';
import { fakeModel } from '#test/support/http-server.js';

/** A model whose counts the test sets. */
function model() {
  const counts = { running: 0, waiting: 0, generatedTokens: 0 };
  const engine = Object.assign(new FakeEngine(), {
    stats: () => ({ ...new FakeEngine().stats(), ...counts }),
  });
  return { counts, model: fakeModel('letters', engine) };
}

t.test('a model that has nothing to do, or gets on, is well', async t => {
  const { counts, model: letters } = model();
  const watchdog = new Watchdog({ loaded: () => [letters] }, 100);
  t.equal(watchdog.fault(0), undefined);
  t.equal(watchdog.fault(1000), undefined, 'idle for long');
  counts.running = 1;
  t.equal(watchdog.fault(2000), undefined, 'just begun');
  for (let now = 2050; now < 4000; now += 50) {
    counts.generatedTokens++;
    t.equal(watchdog.fault(now), undefined);
  }
  counts.running = 0;
  t.equal(watchdog.fault(9000), undefined);
});

t.test('a run that takes too long', async t => {
  const { counts, model: letters } = model();
  const watchdog = new Watchdog({ loaded: () => [letters] }, 100);
  counts.running = 1;
  watchdog.fault(0);
  t.equal(watchdog.fault(100), undefined);
  t.match(watchdog.fault(5101), /letters has not got anywhere for 5 seconds/);
  counts.generatedTokens++;
  t.equal(watchdog.fault(5200), undefined, 'it came back');
});

t.test('requests that wait while none runs', async t => {
  const { counts, model: letters } = model();
  const watchdog = new Watchdog({ loaded: () => [letters] }, 100);
  counts.waiting = 2;
  watchdog.fault(0);
  t.match(watchdog.fault(101), /letters/);
});

t.test('failures in a row', async t => {
  const { model: letters } = model();
  const watchdog = new Watchdog({ loaded: () => [letters] }, 100);
  for (let i = 0; i < 16; i++) watchdog.failed(letters, 1000);
  t.equal(watchdog.fault(20_000), undefined, 'one run that failed with all its requests');
  watchdog.failed(letters, 6000);
  t.match(watchdog.fault(6000), /the last 17 requests to letters have failed/);
  watchdog.succeeded(letters, 6001);
  t.equal(watchdog.fault(6002), undefined);
  watchdog.failed(letters, 7000);
  watchdog.failed(letters, 20_000);
  t.equal(watchdog.fault(20_001), undefined, 'two are not enough');
});

t.test('numbers that are not finite', async t => {
  const { model: letters } = model();
  const watchdog = new Watchdog({ loaded: () => [letters] }, 100);
  t.equal(watchdog.broken(undefined), 'no');
  t.equal(watchdog.broken(letters), 'no');
  t.equal(watchdog.broke(letters), true);
  t.equal(watchdog.broke(letters), false, 'no news');
  t.equal(watchdog.broken(letters), 'always');
  t.equal(watchdog.fault(60_000), undefined, 'a new start would not help');
  watchdog.succeeded(letters, 1);
  t.equal(watchdog.broken(letters), 'no');
  t.equal(watchdog.broke(letters), true);
  t.equal(watchdog.broken(letters), 'sometimes', 'one text is not the whole model');
});
