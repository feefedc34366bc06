import { argmax } from './argmax.js';
import { Candidates } from './candidates.js';
import type { Random } from './random.js';
import type { SamplingParameters } from '../types.js';
import { BUCKETS, BUCKETS_OF_1, bucketOf, NEGLIGIBLE, expWeight } from './fast-exp.js';

/** Size of the blocks into which a vocabulary is cut where nobody knows the largest logits of other ones. */
const BLOCK = 128;
/**
 * How often a token is proposed, in sizes of a block, before all are looked at instead: hardly ever, since
 * one in a block's size is taken at least.
 */
const PROPOSALS = 16;

/** A row of logits, and what is asked of it. */
interface Row {
  readonly logits: Float32Array;
  /** The largest logit of each of equal blocks, the last of which may be shorter. */
  readonly maxima: Float32Array;
  /** Of a block. */
  readonly size: number;
  /** The largest logit of all. */
  readonly max: number;
  /** 1 over the temperature. */
  readonly scale: number;
  /** Smaller logits are never drawn: min-p excludes them, or all of them together weigh next to nothing. */
  readonly floor: number;
}

/**
 * Draws tokens. Reads no more of a row than it must: a block whose largest logit is too small is not looked
 * at. One instance serves all sequences of an engine: its buffers are reused from call to call.
 */
export class Sampler {
  readonly #candidates: Candidates;
  /** Of rows whose blocks nobody knows. */
  readonly #maxima: Float32Array;
  /** By block: sum of all proposals' weights up to and with it. */
  #sums = new Float64Array(0);
  readonly #buckets = new Float64Array(BUCKETS);

  constructor(vocabularySize: number) {
    this.#candidates = new Candidates(vocabularySize);
    this.#maxima = new Float32Array(Math.ceil(vocabularySize / BLOCK));
  }

  /**
   * Draws one token: temperature, then min-p, then top-k, then top-p. The weights are exp((logit - max) /
   * temperature).
   *
   * Tokens whose weight relative to the best one is below e^-30 are never considered: all 2^17 of a large
   * vocabulary together weigh less than one part in 10^7.
   *
   * @param logits `[vocabulary]`, penalties already applied.
   * @param maxima the largest of each of equal blocks of `logits`, where they are known.
   */
  sample(
    logits: Float32Array,
    { temperature, topK, topP, minP }: SamplingParameters,
    random: Random,
    maxima?: Float32Array,
  ): number {
    if (temperature === 0 && maxima === undefined) return argmax(logits);
    maxima ??= this.#maximaOf(logits);
    const size = maxima === this.#maxima ? BLOCK : logits.length / maxima.length;
    const start = argmax(maxima) * size;
    const best = start + argmax(logits.subarray(start, start + size));
    const max = logits[best]!;
    if (temperature === 0 || !Number.isFinite(max)) return best;
    const floor = max - temperature * Math.min(NEGLIGIBLE, -Math.log(minP));
    const row = { logits, maxima, size, max, scale: 1 / temperature, floor };
    if (topK > 0 && topK < logits.length) return this.#drawOfBest(row, topK, topP, random());
    if (topP < 1) return this.#drawOfNucleus(row, topP, random());
    return this.#propose(row, random) ?? this.#drawOfAll(row, random());
  }

  #maximaOf(logits: Float32Array): Float32Array {
    const maxima = this.#maxima;
    for (let block = 0, begin = 0; block < maxima.length; block++, begin += BLOCK) {
      const end = Math.min(begin + BLOCK, logits.length);
      let max = -Infinity;
      for (let id = begin; id < end; id++) if (logits[id]! > max) max = logits[id]!;
      maxima[block] = max;
    }
    return maxima;
  }

  /**
   * Of the `topK` best ones, and of those the nucleus. As many blocks' largest logits are above the limit, so
   * all of them are.
   */
  #drawOfBest(row: Row, topK: number, topP: number, uniform: number): number {
    const { maxima, floor } = row;
    const limit = topK <= maxima.length ? Float32Array.from(maxima).sort().at(-topK)! : -Infinity;
    this.#collect({ ...row, floor: Math.max(floor, limit) });
    this.#candidates.truncate(topK, topP);
    return this.#candidates.draw(uniform);
  }

  /** Takes all that are not below the floor as candidates, in the order of their ids. */
  #collect(row: Row): void {
    this.#candidates.clear();
    eachAbove(row, (id, y) => this.#candidates.add(id, expWeight(y)));
  }

  /**
   * Of the smallest set of best tokens that holds a share `topP` of all weight. Weights are summed by their
   * size, in buckets, so that only those of the bucket in which the set ends must be sorted.
   */
  #drawOfNucleus(row: Row, topP: number, uniform: number): number {
    const buckets = this.#buckets.fill(0);
    sumByBucket(row, buckets);
    const wanted = topP * buckets.reduce((sum, mass) => sum + mass, 0);
    let last = 0;
    let before = 0;
    while (last < BUCKETS - 1 && before + buckets[last]! < wanted) before += buckets[last++]!;

    const { logits, max, scale, floor } = row;
    const border: number[] = [];
    this.#candidates.clear();
    // A little lower than the bucket ends, where rounding might count a token in.
    const lowest = Math.max(floor, max - ((last + 1) / BUCKETS_OF_1 + 1e-6) / scale);
    eachAbove({ ...row, floor: lowest }, (id, y) => {
      const bucket = bucketOf(y);
      if (bucket < last) this.#candidates.add(id, expWeight(y));
      else if (bucket === last) border.push(id);
    });
    border.sort((a, b) => logits[b]! - logits[a]!);
    for (const id of border) {
      if (before >= wanted) break;
      const weightOfId = expWeight((max - logits[id]!) * scale);
      this.#candidates.add(id, weightOfId);
      before += weightOfId;
    }
    return this.#candidates.draw(uniform);
  }

  /**
   * Of all that are not below the floor, without a look at most of them (rejection sampling, von Neumann
   * 1951): a token is proposed as if all in its block weighed as much as the best one there, and taken with
   * the probability that its own weight has of that.
   *
   * @returns undefined where none was taken, which is as good as impossible with random numbers.
   */
  #propose({ logits, maxima, size, max, scale, floor }: Row, random: Random): number | undefined {
    const sums = this.#sumsOf(maxima.length);
    let total = 0;
    for (let block = 0; block < maxima.length; block++) {
      const length = Math.min(size, logits.length - block * size);
      if (maxima[block]! >= floor) total += length * expWeight((max - maxima[block]!) * scale);
      sums[block] = total;
    }
    for (let proposal = 0; proposal < PROPOSALS * size; proposal++) {
      const at = random() * total;
      const block = firstAbove(sums, at);
      const begin = block * size;
      const length = Math.min(size, logits.length - begin);
      const bound = expWeight((max - maxima[block]!) * scale);
      const rest = at - (block > 0 ? sums[block - 1]! : 0);
      const id = begin + Math.min(length - 1, Math.floor(rest / bound));
      const logit = logits[id]!;
      if (logit >= floor && random() * bound < expWeight((max - logit) * scale)) return id;
    }
    return undefined;
  }

  /** Of all that are not below the floor, by their weights' sums. */
  #drawOfAll(row: Row, uniform: number): number {
    this.#collect(row);
    return this.#candidates.draw(uniform);
  }

  #sumsOf(blocks: number): Float64Array {
    if (this.#sums.length !== blocks) this.#sums = new Float64Array(blocks);
    return this.#sums;
  }
}

/**
 * Calls for each token that is not below the floor, with how far it is below the best one, in units of the
 * temperature.
 */
function eachAbove(
  { logits, maxima, size, max, scale, floor }: Row,
  visit: (id: number, y: number) => void,
): void {
  for (let block = 0; block < maxima.length; block++) {
    if (!(maxima[block]! >= floor)) continue;
    const end = Math.min((block + 1) * size, logits.length);
    for (let id = block * size; id < end; id++) {
      const logit = logits[id]!;
      if (logit >= floor) visit(id, (max - logit) * scale);
    }
  }
}

/**
 * Adds the weights of all tokens that are not below the floor to their buckets. The one loop that reads most
 * of a vocabulary: without calls.
 */
function sumByBucket({ logits, maxima, size, max, scale, floor }: Row, buckets: Float64Array): void {
  for (let block = 0; block < maxima.length; block++) {
    if (!(maxima[block]! >= floor)) continue;
    const end = Math.min((block + 1) * size, logits.length);
    for (let id = block * size; id < end; id++) {
      const logit = logits[id]!;
      if (logit < floor || logit !== logit) continue;
      const y = (max - logit) * scale;
      buckets[bucketOf(y)]! += expWeight(y);
    }
  }
}

/** Index of the first of ascending sums that is above a value; the last one where none is. */
function firstAbove(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
