import type { Numbers } from './scores.js';

/** Logits of where an answer starts and ends, for one window of a context. */
export interface AnswerWindow {
  /** Index of the window's first token in the context. */
  readonly first: number;
  /** One logit for each context token in the window. */
  readonly starts: Numbers;
  readonly ends: Numbers;
  /** Logit of the position that stands for "no answer". */
  readonly nullStart: number;
  readonly nullEnd: number;
}

/** Tokens `[start, end]` of the context, the last one included, and their probability. */
interface AnswerSpan {
  readonly start: number;
  readonly end: number;
  readonly score: number;
}

interface Answers {
  /** Best first; equally good ones in the order of the text. */
  readonly spans: AnswerSpan[];
  /** Probability that the context has no answer. */
  readonly nullScore: number;
}

/**
 * The most probable answers to a question about a context, which may be cut into windows.
 *
 * A span's score is the probability of its start times that of its end. Both are distributions over the
 * tokens of all windows, and one place for "no answer", so that scores of different windows can be compared;
 * for a single window they are those of transformers' question answering pipeline. A token in two windows
 * counts where its logit is larger. "No answer" is what the window says that believes in it least (Devlin et
 * al. 2019, section 4.3): an answer need not be in every window.
 *
 * @param windows at least one.
 * @param topK how many spans to return, if there are so many.
 * @param maxLength longest span, in tokens.
 */
export function findAnswers(windows: readonly AnswerWindow[], topK: number, maxLength: number): Answers {
  const nowhere = windows.reduce((least, window) =>
    window.nullStart + window.nullEnd < least.nullStart + least.nullEnd ? window : least,
  );
  const logStarts = logSumExp([nowhere.nullStart, ...merge(windows, ({ starts }) => starts)]);
  const logEnds = logSumExp([nowhere.nullEnd, ...merge(windows, ({ ends }) => ends)]);
  const probability = (logit: number): number => Math.exp(logit - logStarts - logEnds);

  const best = new BestSpans(topK);
  for (const { first, starts, ends } of windows) {
    for (let start = 0; start < starts.length; start++) {
      const last = Math.min(start + maxLength, ends.length);
      for (let end = start; end < last; end++)
        best.add(first + start, first + end, starts[start]! + ends[end]!);
    }
  }
  return {
    spans: best.spans().map(({ start, end, logit }) => ({ start, end, score: probability(logit) })),
    nullScore: probability(nowhere.nullStart + nowhere.nullEnd),
  };
}

interface Candidate {
  readonly start: number;
  readonly end: number;
  readonly logit: number;
}

/** The best spans so far. The same span may come from several windows: the better one counts. */
class BestSpans {
  readonly #limit: number;
  /** The best first. */
  readonly #candidates: Candidate[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(start: number, end: number, logit: number): void {
    const candidates = this.#candidates;
    if (candidates.length === this.#limit && logit <= candidates.at(-1)!.logit) return;
    const same = candidates.findIndex(other => other.start === start && other.end === end);
    if (same >= 0) {
      if (candidates[same]!.logit >= logit) return;
      candidates.splice(same, 1);
    }
    let at = candidates.length;
    while (at > 0 && logit > candidates[at - 1]!.logit) at--;
    candidates.splice(at, 0, { start, end, logit });
    if (candidates.length > this.#limit) candidates.pop();
  }

  spans(): readonly Candidate[] {
    return this.#candidates;
  }
}

/** The largest logit of each context token. */
function merge(
  windows: readonly AnswerWindow[],
  logits: (window: AnswerWindow) => Numbers,
): Iterable<number> {
  const merged: number[] = [];
  for (const window of windows) {
    Array.from(logits(window)).forEach((logit, index) => {
      const token = window.first + index;
      merged[token] = Math.max(merged[token] ?? -Infinity, logit);
    });
  }
  return merged;
}

function logSumExp(values: readonly number[]): number {
  const max = values.reduce((largest, value) => Math.max(largest, value), -Infinity);
  return max + Math.log(values.reduce((sum, value) => sum + Math.exp(value - max), 0));
}
