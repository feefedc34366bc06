import type { GenerationEngine, GenerationRequest, TokenLogprobs } from '#engine/types.js';

/**
 * Batches of different sizes take different kernels, whose sums are rounded differently. Where the two best tokens are closer than this,
 * either answer is right.
 */
const TIE = 1e-4;

/** What a request gave. */
export interface Answer {
  readonly text: string;
  readonly tokens: readonly TokenLogprobs[];
  /** Of the prompt, where they were asked for. */
  readonly prompt: readonly (TokenLogprobs | undefined)[];
  readonly finishReason: string | undefined;
}

/** Reads a request's answer to its end. */
export async function collect(
  engine: GenerationEngine,
  request: GenerationRequest,
  signal?: AbortSignal,
): Promise<Answer> {
  let text = '';
  let finishReason: string | undefined;
  const tokens: TokenLogprobs[] = [];
  const prompt: (TokenLogprobs | undefined)[] = [];
  for await (const event of engine.generate(request, signal)) {
    if (event.type !== 'delta') {
      prompt.push(...event.logprobs);
      continue;
    }
    text += event.text;
    finishReason = event.finishReason;
    for (const { logprobs } of event.tokens) tokens.push(logprobs!);
  }
  return { text, tokens, prompt, finishReason };
}

/**
 * How the answer in a batch differs from the one alone, beyond ties that either may break; both with `logprobs: 2`.
 *
 * @param tie two tokens whose log probabilities are closer than this are a tie.
 */
export function differs(batched: Answer, alone: Answer, tie = TIE): string | undefined {
  const report = reportDiffers(batched.prompt, alone.prompt, tie);
  if (report !== undefined) return report;
  for (let i = 0; i < Math.max(batched.tokens.length, alone.tokens.length); i++) {
    const [a, b] = [batched.tokens[i], alone.tokens[i]];
    if (a?.id === b?.id) continue;
    const [first, second] = b?.top ?? [];
    if (first && second && first.logprob - second.logprob < tie) return undefined;
    return `token ${i} is ${a?.id} in a batch and ${b?.id} alone`;
  }
  if (batched.text !== alone.text) return `"${batched.text}" in a batch, "${alone.text}" alone`;
  if (batched.finishReason !== alone.finishReason) return `${batched.finishReason} / ${alone.finishReason}`;
  return undefined;
}

/** How two reports of one prompt differ, beyond rounding. */
function reportDiffers(batched: Answer['prompt'], alone: Answer['prompt'], tie: number): string | undefined {
  if (batched.length !== alone.length)
    return `${batched.length} prompt tokens are reported in a batch, ${alone.length} alone`;
  const index = batched.findIndex((entry, i) => {
    const other = alone[i];
    if (entry === undefined || other === undefined) return entry !== other;
    const [logprobs, others] = [entry, other].map(({ logprob, top }) => [
      logprob,
      ...top.map(t => t.logprob),
    ]);
    return entry.id !== other.id || !logprobs!.every((value, n) => Math.abs(value - others![n]!) < tie);
  });
  return index < 0 ? undefined : `prompt token ${index} is reported otherwise in a batch`;
}
