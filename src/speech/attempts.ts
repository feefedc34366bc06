import type { GeneratedToken } from '#engine/types.js';
import type { Written } from './errand.js';

/** A text that one attempt gave. */
export interface Attempt {
  /** Without a stop token. */
  readonly tokens: readonly GeneratedToken[];
  /** Sum of its tokens' log-probabilities, a stop token's included. */
  readonly logprob: number;
}

/** All texts that came of some sequences: each beam's, where they had any. */
export function attemptsOf(written: readonly Written[], ends: ReadonlySet<number>): Attempt[] {
  return written.flatMap(({ tokens, report, hypotheses }) =>
    hypotheses === undefined
      ? [{ tokens: withoutEnd(tokens, ends), logprob: report.score ?? -Infinity }]
      : hypotheses.map(({ tokens, logprob }) => ({ tokens: withoutEnd(tokens, ends), logprob })),
  );
}

/** The most probable of several texts, by the mean of their tokens. */
export function mostProbable(attempts: readonly Attempt[]): Attempt {
  const score = ({ tokens, logprob }: Attempt): number => logprob / Math.max(1, tokens.length);
  return attempts.reduce((best, attempt) => (score(attempt) > score(best) ? attempt : best));
}

/** Mean of a text's log-probabilities, a stop token's included. */
export function meanLogprob({ tokens, logprob }: Attempt): number {
  return logprob / (tokens.length + 1);
}

function withoutEnd(tokens: readonly GeneratedToken[], ends: ReadonlySet<number>): readonly GeneratedToken[] {
  return tokens.length > 0 && ends.has(tokens.at(-1)!.id) ? tokens.slice(0, -1) : tokens;
}
