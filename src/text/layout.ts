import { RobertaProcessingPostProcessor, type PostProcessor } from './huggingface.js';

/** A part of a model's input: one of the texts, or a special token, and the segment that it belongs to. */
export type LayoutItem = { readonly typeId: number } & (
  { readonly special: string } | { readonly text: 0 | 1 }
);

/** Placeholders for the tokens of the texts; no vocabulary has them. */
const TEXTS = ['\0text', '\0pair'];

/** Finds out how a post-processor lays out one text, or two, between its special tokens. */
export function layoutOf(postProcessor: PostProcessor | null, texts: 1 | 2): LayoutItem[] {
  const processed = postProcessor?.post_process([TEXTS[0]!], texts === 2 ? [TEXTS[1]!] : null, true);
  const tokens = processed?.tokens ?? [TEXTS[0]!];
  // RoBERTa has one segment, whatever the library says.
  const typeIds = postProcessor instanceof RobertaProcessingPostProcessor ? [] : processed?.token_type_ids;
  const layout = tokens.map((token, i): LayoutItem => {
    const typeId = typeIds?.[i] ?? 0;
    const text = TEXTS.indexOf(token);
    return text < 0 ? { special: token, typeId } : { text: text as 0 | 1, typeId };
  });
  // Where no post-processor arranges them, two texts follow one another as two segments.
  if (texts === 2 && !tokens.includes(TEXTS[1]!)) layout.push({ text: 1, typeId: 1 });
  return layout;
}
