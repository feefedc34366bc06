import type { KvasirError } from '#errors.js';
import type { EntryLogits } from '#model/decoder/contract.js';
import type { Party } from '#fair-queue.js';
import { EventChannel } from '../event-channel.js';
import { commonPrefix } from '../prefix-index.js';
import { Progress } from '../progress.js';
import { logprobsOf } from '../sampling/log-probabilities.js';
import { isForcedFirst } from '../sampling/logits-rules.js';
import type { RuledSum } from '../sampling/ruled-sum.js';
import type { SequenceOptions } from '../sequence.js';
import { sourceOf, type CachedSource } from '../source.js';
import type { GeneratedToken, GenerationRequest } from '../types.js';
import { Beam, type Hypothetical } from './beam.js';
import { BeamSearch, type Child, type Continuation, type Ended } from './beam-search.js';
import { continuationsOf } from './candidates.js';
import type { BeamParameters, Hypothesis } from './types.js';

/** The text of generated tokens. */
export type TextOf = (ids: readonly number[]) => string;

/** A row's part of a step. */
interface Offer {
  readonly continuations: readonly Continuation[];
  /** The model's own logits, where they are told. */
  readonly logits: Float32Array | undefined;
}

/** A row that becomes a copy of another one: a new one, or one that shares the first `begin` positions. */
export interface BeamCopy {
  readonly from: Beam;
  readonly to: Beam;
  readonly begin: number;
}

/** What a step of a search changes in the slots. */
export interface BeamMoves {
  /** In any order: none is made from a row that another one replaces. */
  readonly copies: readonly BeamCopy[];
  /** Rows that nothing continues. */
  readonly left: ReadonlySet<Beam>;
}

/** One request's beam search in the engine: its rows, each of which has a slot, and what comes of them. */
export class BeamGroup {
  readonly request: GenerationRequest;
  readonly source: CachedSource | undefined;
  readonly maxLength: number;
  readonly reusesPrefix: boolean;
  /** See {@link SequenceOptions}. */
  readonly chunkInvariant: boolean;
  readonly party: Party;
  readonly channel: EventChannel;
  readonly progress = new Progress();
  /** Set when the reader left or the request was taken back; its rows leave at the next step. */
  cancelled: KvasirError | undefined;
  finished = false;
  /** Tokens of all hypotheses that are told, when it has ended. */
  writtenTokens = 0;
  /** What the request watches, once it is known. */
  watched: Float32Array | undefined;
  readonly #parameters: BeamParameters;
  readonly #textOf: TextOf;
  #search: BeamSearch<readonly GeneratedToken[]>;
  /** As the search counts them. */
  #beams: readonly Beam[];
  readonly #offers = new Map<Beam, Offer>();

  /**
   * @param request one with beams.
   * @param onAbandon called when the reader leaves before the end.
   */
  constructor(
    request: GenerationRequest,
    textOf: TextOf,
    { contextLength, reusesPrefix, chunkInvariant, source, party }: SequenceOptions,
    onAbandon: (group: BeamGroup) => void,
  ) {
    const { promptIds, stop, beams } = request;
    this.request = request;
    this.#parameters = beams!;
    this.#textOf = textOf;
    this.maxLength = Math.min(promptIds.length + stop.maxTokens, contextLength);
    this.source = sourceOf(request, source);
    this.reusesPrefix = reusesPrefix;
    this.chunkInvariant = chunkInvariant;
    this.party = party;
    this.channel = new EventChannel(() => onAbandon(this));
    this.#search = this.#newSearch();
    this.#beams = [new Beam(this, this.beginning())];
  }

  /** A hypothesis of the prompt alone. */
  beginning(): Hypothetical {
    const { promptIds, constraint } = this.request;
    // The request's own stays as it is, for another beginning.
    return { tokens: [...promptIds], written: [], constraint: constraint?.fork?.() };
  }

  /** The row that waits for the group's slots, while none is taken. */
  get leader(): Beam {
    return this.#beams[0]!;
  }

  /** Slots that are kept for a row: its own, and of one of them those of rows that are to come. */
  widthOf(beam: Beam): number {
    return beam === this.leader ? this.#parameters.width - this.#beams.length + 1 : 1;
  }

  /** Begins the search again from one row, which holds the prompt alone. */
  restart(beam: Beam): void {
    this.#search = this.#newSearch();
    this.#beams = [beam];
    this.#offers.clear();
  }

  /**
   * Notes what may follow a row. When this is known of all rows, they are extended by a token each, or the
   * search is over.
   *
   * @param result of the row's latest token; its logits are changed.
   * @param ruled for this call alone.
   * @returns what is to be done to the slots; undefined as long as some row's logits are missing.
   * @throws KvasirError `broken_model` where the logits are no numbers
   */
  offer(beam: Beam, result: EntryLogits, ruled: RuledSum): BeamMoves | undefined {
    const own = this.request.logprobs === undefined ? undefined : result.logits.slice();
    const continuations = continuationsOf(beam, result, this.#search.candidates, ruled);
    this.#offers.set(beam, { continuations, logits: own });
    if (this.#offers.size < this.#beams.length) return undefined;
    this.progress.gotToken();
    const { children, isOver } = this.#search.advance(
      this.#beams.map(row => this.#offers.get(row)!.continuations),
    );
    const moves = isOver ? undefined : this.#place(children);
    this.#offers.clear();
    if (isOver) this.#finish();
    return moves;
  }

  /** Ends the search by an error, unless it has ended. */
  fail(error: Error): void {
    if (this.finished) return;
    this.finished = true;
    this.channel.end(error);
  }

  #newSearch(): BeamSearch<readonly GeneratedToken[]> {
    const { promptIds, stop } = this.request;
    return new BeamSearch({
      ...this.#parameters,
      stopIds: stop.stopTokenIds,
      maxTokens: this.maxLength - promptIds.length,
      textOf: child => this.#written(child),
    });
  }

  /** A row's generated tokens with one more. */
  #written({ parent, id }: Child): GeneratedToken[] {
    const beam = this.#beams[parent]!;
    const { logits } = this.#offers.get(beam)!;
    const logprobs = logits && logprobsOf(logits, id, this.request.logprobs ?? 0);
    return [...beam.written, { id, logprobs }];
  }

  /**
   * Finds a row for each child: the first of a parent stays in the parent's, the others get those of parents
   * without children, or new ones. So no more than the last words are copied, and nothing twice.
   */
  #place(children: readonly Child[]): BeamMoves {
    const parents = new Set<Beam>();
    const next: Beam[] = [];
    const free = this.#beams.filter((_, row) => !children.some(({ parent }) => parent === row));
    const copies: BeamCopy[] = [];
    const texts = children.map(child => this.#extended(child));
    children.forEach(({ parent }, i) => {
      const from = this.#beams[parent]!;
      const text = texts[i]!;
      if (!parents.has(from)) {
        parents.add(from);
        next.push(from);
        return;
      }
      const to = free.shift();
      const copy = to ?? new Beam(this, text);
      copies.push({ from, to: copy, begin: to === undefined ? 0 : commonPrefix(to, from) });
      if (to !== undefined) Object.assign(to, text);
      next.push(copy);
    });
    children.forEach(({ id }, i) => {
      const beam = next[i]!;
      if (!parents.has(beam)) return;
      // The slot knows its tokens by this list.
      beam.tokens.push(id);
      const { written, constraint } = texts[i]!;
      Object.assign(beam, { written, constraint });
    });
    this.#beams = next;
    return { copies, left: new Set(free) };
  }

  /** What a row has written, with one more token. */
  #extended(child: Child): Hypothetical {
    const { parent, id } = child;
    const { tokens, constraint: before } = this.#beams[parent]!;
    // Other children of the row begin with the same state.
    const constraint = before?.fork?.();
    if (!isForcedFirst(this.request.sampling, tokens.length)) constraint?.accept(id);
    return { tokens: [...tokens, id], written: this.#written(child), constraint };
  }

  #finish(): void {
    this.finished = true;
    const hypotheses = this.#search.results.map(ended => this.#hypothesis(ended));
    this.writtenTokens = hypotheses.reduce((sum, hypothesis) => sum + hypothesis.tokens.length, 0);
    const { text, tokens, finishReason, stopReason } = hypotheses[0]!;
    this.channel.push({
      type: 'delta',
      text,
      tokens,
      finishReason,
      ...(stopReason !== undefined && { stopReason }),
      report: this.progress.report({
        promptTokens: this.request.promptIds.length,
        sourceTokens: this.source?.length ?? 0,
        generatedTokens: this.writtenTokens,
        watched: this.watched,
      }),
      hypotheses,
    });
    this.channel.end();
  }

  #hypothesis({ text: tokens, sum: logprob, score }: Ended<readonly GeneratedToken[]>): Hypothesis {
    const last = tokens.at(-1)!.id;
    const isStopped = this.request.stop.stopTokenIds.has(last);
    const ids = tokens.map(({ id }) => id);
    return {
      text: this.#textOf(isStopped ? ids.slice(0, -1) : ids),
      tokens,
      score,
      logprob,
      finishReason: isStopped ? 'stop' : 'length',
      ...(isStopped && { stopReason: last }),
    };
  }
}
