import t from 'tap';
import { History } from '../../playground/metrics/history.js';
import { parseMetrics, quantile, total } from '../../playground/metrics/prometheus.js';
import { startServer } from '#test/support/http-server.js';

t.test('samples', async t => {
  const text = [
    '# HELP a Words with {braces="and"} 3',
    '# TYPE a counter',
    'a 1',
    'vllm:b{model_name="x"} 2.5e-3',
    'c{one="1",two="a \\"b\\" \\\\ \\n, }"} +Inf 1700000000000',
    'no sample',
    '',
  ].join('\n');
  t.strictSame(parseMetrics(text), [
    { name: 'a', labels: {}, value: 1 },
    { name: 'vllm:b', labels: { model_name: 'x' }, value: 0.0025 },
    { name: 'c', labels: { one: '1', two: 'a "b" \\ \n, }' }, value: Infinity },
  ]);
});

t.test('what the server writes', async t => {
  const { url } = await startServer(t);
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  const samples = parseMetrics(text);
  t.equal(samples.length, lines.length);
  t.equal(total(samples, 'kvasir_slots', 'letters'), 4);
  t.equal(total(samples, 'kvasir_slots', 'nobody'), 0);
});

const histogram = (counts: readonly number[]) =>
  counts.map((value, i) => ({
    name: 'h_bucket',
    labels: { le: ['0.1', '0.2', '0.4', '+Inf'][i]! },
    value,
  }));

t.test('quantiles', async t => {
  const before = histogram([10, 10, 10, 10]);
  t.equal(quantile(before, before, 'h', 0.5), undefined, 'nothing new');
  t.equal(quantile([], before, 'h', 0.5), 0.05, 'in the middle of the first bucket');
  const after = histogram([10, 14, 18, 18]);
  t.ok(Math.abs(quantile(before, after, 'h', 0.5)! - 0.2) < 1e-9);
  t.ok(Math.abs(quantile(before, after, 'h', 0.75)! - 0.3) < 1e-9, 'evenly spread in a bucket');
  t.equal(quantile(before, histogram([10, 10, 10, 12]), 'h', 0.5), 0.4, 'beyond the last bound');
});

t.test('rates and values of a history', async t => {
  const history = new History(10_000);
  t.equal(history.value('n'), 0);
  t.equal(history.rate('n'), 0);
  const sample = (value: number) => [{ name: 'n', labels: { model_name: 'a' }, value }];
  history.add(0, sample(1000));
  t.equal(history.rate('n'), 0, 'one moment has no rate');
  history.add(1000, sample(1100));
  history.add(2000, sample(1300));
  t.equal(history.rate('n'), 150);
  t.equal(history.rate('n', 'b'), 0);
  t.equal(history.value('n'), 1300);
  history.add(5000, sample(1300));
  t.equal(history.rate('n'), 0, 'old moments do not count');
  history.add(6000, sample(5));
  t.equal(history.rate('n'), 0, 'a counter that begins anew');
});
