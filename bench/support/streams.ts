import type { ObservedStream } from './streaming-clients.js';

export type { ObservedStream };

/** From the last stream's first token to the first one's last: when all were under way. */
export function steadyWindow(streams: readonly ObservedStream[]): {
  readonly begin: number;
  readonly end: number;
} {
  return {
    begin: Math.max(...streams.map(({ arrivals }) => arrivals[0]!)),
    end: Math.min(...streams.map(({ arrivals }) => arrivals.at(-1)!)),
  };
}

/** Tokens that came in the {@link steadyWindow}. */
export function steadyTokens(streams: readonly ObservedStream[]): number {
  const { begin, end } = steadyWindow(streams);
  return streams.flatMap(({ arrivals }) => arrivals).filter(at => at > begin && at <= end).length;
}

/** Tokens/s in the {@link steadyWindow}. */
export function steadyRate(streams: readonly ObservedStream[]): number {
  const { begin, end } = steadyWindow(streams);
  return (steadyTokens(streams) * 1000) / (end - begin);
}

/** Tokens/s from the first request to the last token, prompts included. */
export function overallRate(streams: readonly ObservedStream[]): number {
  const begin = Math.min(...streams.map(({ started }) => started));
  const end = Math.max(...streams.map(({ arrivals }) => arrivals.at(-1)!));
  return (streams.reduce((sum, { arrivals }) => sum + arrivals.length, 0) * 1000) / (end - begin);
}

/** Times between the tokens of a stream, in ms, of all streams, ascending. */
export function gaps(streams: readonly ObservedStream[]): number[] {
  return streams
    .flatMap(({ arrivals }) => arrivals.slice(1).map((at, i) => at - arrivals[i]!))
    .sort((a, b) => a - b);
}
