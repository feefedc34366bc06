/** @typedef {{ name: string, labels: Readonly<Record<string, string>>, value: number }} Sample */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+([+-]?Inf|NaN|[+-]?[\d.][\d.e+-]*)(?:\s+-?\d+)?$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPED = /** @type {Readonly<Record<string, string>>} */ ({ n: '\n', '\\': '\\', '"': '"' });

/**
 * Reads Prometheus' text format. Comments, types included, are left out, and so are lines that are no samples.
 *
 * @param {string} text
 * @returns {Sample[]}
 */
export function parseMetrics(text) {
  return text.split('\n').flatMap(line => {
    const [, name, labels = '', value] = LINE.exec(line.trim()) ?? [];
    if (name === undefined || value === undefined) return [];
    return [{ name, labels: parseLabels(labels), value: parseValue(value) }];
  });
}

/** @param {string} text */
function parseLabels(text) {
  return Object.fromEntries(
    [...text.matchAll(LABEL)].map(([, name, value = '']) => [
      name,
      value.replace(/\\(.)/g, (_, character) => ESCAPED[character] ?? character),
    ]),
  );
}

/** @param {string} text */
function parseValue(text) {
  if (text === '+Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}

/**
 * @param {readonly Sample[]} samples
 * @param {string} name
 * @param {string} [model] only this one's.
 * @returns the sum; 0 where there are none.
 */
export function total(samples, name, model) {
  return samples.reduce(
    (sum, sample) =>
      sample.name === name && (model === undefined || sample.labels.model_name === model)
        ? sum + sample.value
        : sum,
    0,
  );
}

/**
 * Estimates a quantile of what a histogram has counted between two moments, as Prometheus' `histogram_quantile` does: evenly spread within
 * a bucket.
 *
 * @param {readonly Sample[]} before
 * @param {readonly Sample[]} after
 * @param {string} name of the histogram.
 * @param {number} share such as 0.5 for the median.
 * @returns {number | undefined} undefined where nothing was counted.
 */
export function quantile(before, after, name, share) {
  const earlier = buckets(before, name);
  const counts = [...buckets(after, name)]
    .map(([bound, count]) => ({ bound, count: count - (earlier.get(bound) ?? 0) }))
    .sort((a, b) => a.bound - b.bound);
  const all = counts.at(-1)?.count ?? 0;
  if (all <= 0) return undefined;
  const rank = share * all;
  const index = counts.findIndex(({ count }) => count >= rank);
  const upper = counts[index];
  const lower = counts[index - 1] ?? { bound: 0, count: 0 };
  if (upper === undefined || upper.bound === Infinity) return lower.bound;
  return lower.bound + ((upper.bound - lower.bound) * (rank - lower.count)) / (upper.count - lower.count);
}

/**
 * Cumulative counts by upper bound, of all models together.
 *
 * @param {readonly Sample[]} samples
 * @param {string} name
 */
function buckets(samples, name) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const sample of samples) {
    if (sample.name !== `${name}_bucket`) continue;
    const bound = parseValue(sample.labels.le ?? '');
    counts.set(bound, (counts.get(bound) ?? 0) + sample.value);
  }
  return counts;
}
