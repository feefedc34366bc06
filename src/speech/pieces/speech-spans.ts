import { quietCuts, type CutRules, type Span } from './quiet-cuts.js';

/** How speech is told from silence; lengths in points. */
export interface SpanRules {
  /** `[0, 1]`: from this probability on, speech begins. */
  readonly threshold: number;
  /** Silence of this length ends speech. */
  readonly silence: number;
  /** What around speech belongs to it. */
  readonly padding: number;
}

/** Speech goes on until it is less probable than the threshold by this, so that it does not flicker (snakers4/silero-vad). */
const HYSTERESIS = 0.15;
const LOWEST = 0.01;

/**
 * Where somebody speaks.
 *
 * @param probabilities of speech at each point
 * @returns in order; they do not overlap.
 */
export function speechSpans(
  probabilities: Float32Array,
  { threshold, silence, padding }: SpanRules,
): readonly Span[] {
  const lower = Math.max(threshold - HYSTERESIS, LOWEST);
  const spans: { begin: number; end: number }[] = [];
  let lastSpeech = -Infinity;
  let isSpeaking = false;
  probabilities.forEach((probability, point) => {
    isSpeaking = probability >= (isSpeaking ? lower : threshold);
    if (!isSpeaking) return;
    if (point - lastSpeech > Math.max(1, silence)) spans.push({ begin: point, end: point });
    lastSpeech = point;
    spans.at(-1)!.end = point + 1;
  });
  return padded(spans, padding, probabilities.length);
}

/** Spans that reach further, but where they meet. */
function padded(spans: readonly Span[], padding: number, length: number): Span[] {
  return spans.map(({ begin, end }, index) => {
    const before = spans[index - 1]?.end;
    const behind = spans[index + 1]?.begin;
    return {
      begin: Math.max(begin - padding, before === undefined ? 0 : Math.floor((before + begin) / 2)),
      end: Math.min(end + padding, behind === undefined ? length : Math.floor((end + behind) / 2)),
    };
  });
}

/**
 * Puts speech together into as few pieces as hold it, each a stretch of the recording with the silence in it. Speech that is too
 * long is cut where it is least probable.
 *
 * @param spans in order
 */
export function joinSpans(spans: readonly Span[], probabilities: Float32Array, rules: CutRules): Span[] {
  const pieces: Span[] = [];
  for (const span of spans.flatMap(span => quietCuts(probabilities, span, rules))) {
    const last = pieces.at(-1);
    if (last !== undefined && span.end - last.begin <= rules.longest)
      pieces[pieces.length - 1] = { begin: last.begin, end: span.end };
    else pieces.push(span);
  }
  return pieces;
}
