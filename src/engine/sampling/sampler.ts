import { argmax } from './argmax.js';
import { Candidates } from './candidates.js';
import type { Noise } from './noise.js';
import type { SamplingParameters } from '../types.js';
import { BUCKETS, BUCKETS_OF_1, bucketOf, NEGLIGIBLE, expWeight } from './fast-exp.js';

/** Size of the blocks into which a vocabulary is cut where nobody knows the largest logits of other ones. */
const BLOCK = 128;
/** Tokens of a block of the race; a power of two. */
const RACERS = 128;
/** Places of the noise that a block of the race has before the next one's begin. */
const PLACES = 4096;

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
 * Draws tokens by a race: each has an exponentially distributed time, drawn for its step and id alone, which
 * is divided by its weight; the first one wins, with the probability of its share of all weight (the
 * exponential form of the Gumbel-max trick, Maddison et al. 2014). A logit that differs in the last digit, as
 * where a part of the prompt was cached, moves all times by as little, so that a seeded text changes only
 * where two tokens arrive together.
 *
 * Reads no more of a row than it must: a block whose largest logit is too small is not looked at. One
 * instance serves all sequences of an engine: its buffers are reused from call to call.
 */
export class Sampler {
  readonly #candidates: Candidates;
  /** Of rows whose blocks nobody knows. */
  readonly #maxima: Float32Array;
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
    noise: Noise,
    maxima?: Float32Array,
  ): number {
    if (temperature === 0 && maxima === undefined) return argmax(logits);
    maxima ??= this.#maximaOf(logits);
    const size = maxima === this.#maxima ? BLOCK : logits.length / maxima.length;
    const start = argmax(maxima) * size;
    const best = start + argmax(logits.subarray(start, start + size));
    const max = logits[best]!;
    const scale = 1 / temperature;
    if (!Number.isFinite(scale) || topP === 0 || !Number.isFinite(max)) return best;
    const floor = max - temperature * Math.min(NEGLIGIBLE, -Math.log(minP));
    const row = { logits, maxima, size, max, scale, floor };
    if (topK > 0 && topK < logits.length) return this.#drawOfBest(row, topK, topP, noise);
    if (topP < 1) return this.#drawOfNucleus(row, topP, noise);
    return race(row, best, noise);
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
  #drawOfBest(row: Row, topK: number, topP: number, noise: Noise): number {
    const { maxima, floor } = row;
    const limit = topK <= maxima.length ? Float32Array.from(maxima).sort().at(-topK)! : -Infinity;
    this.#collect({ ...row, floor: Math.max(floor, limit) });
    this.#candidates.truncate(topK, topP);
    return this.#candidates.draw(noise);
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
  #drawOfNucleus(row: Row, topP: number, noise: Noise): number {
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
    return this.#candidates.draw(noise);
  }
}

/**
 * The winner of all that are not below the floor, without a look at most of them. The times of a block's
 * tokens are those at which each first comes up in a sequence of arrivals that have exponential distances and
 * any of the tokens with the same probability (a Poisson process, thinned). They are followed only as long as
 * an arrival would be early enough for the largest weight of the block.
 *
 * @param best the token of the largest logit.
 */
function race({ logits, maxima, size, max, scale, floor }: Row, best: number, noise: Noise): number {
  const home = Math.floor(best / RACERS);
  const blocks = Math.ceil(logits.length / RACERS);
  let winner = best;
  let first = Infinity;
  // The best token's block comes first, since it is likely to have the winner or one that is hardly later.
  for (let turn = -1; turn < blocks; turn++) {
    if (turn === home) continue;
    const block = turn < 0 ? home : turn;
    const begin = block * RACERS;
    let largest = -Infinity;
    const last = Math.min(begin + RACERS, logits.length) - 1;
    for (let i = Math.floor(begin / size); i <= Math.floor(last / size); i++)
      if (maxima[i]! > largest) largest = maxima[i]!;
    if (!(largest >= floor)) continue;
    const limit = expWeight((max - largest) * scale) * RACERS;
    let arrival = 0;
    for (let place = block * PLACES; ; place += 2) {
      const uniform = noise.uniform(place);
      // The logarithm is larger still: most blocks are told without it.
      if (!(arrival + 1 - uniform < first * limit)) break;
      arrival -= Math.log(uniform);
      if (!(arrival < first * limit)) break;
      const id = begin + (noise.bits(place + 1) & (RACERS - 1));
      const logit = id <= last ? logits[id]! : NaN;
      if (!(logit >= floor)) continue;
      const time = arrival / (expWeight((max - logit) * scale) * RACERS);
      if (time < first) {
        first = time;
        winner = id;
      }
    }
  }
  return winner;
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
