import type { ModelConfig } from '../config.js';

/** What of a model's folder a graph does not read: tensors of the checkpoint, and fields of config.json. */
export interface Leftovers {
  /** Of heads that it does not have: nothing is missing without them. */
  readonly heads: readonly string[];
  /** All others: layers that the family does not have, or scales of weights that mean something else. */
  readonly unknown: readonly string[];
  /** Of other parts of a whole of which only the text part is served. */
  readonly others?: readonly string[];
  /** Sentences about fields of config.json that may matter. */
  readonly fields: readonly string[];
}

/**
 * Buffers that follow from the configuration, a token that only training masks patches with, and embeddings that
 * encoder-decoders store under several names.
 */
const HARMLESS = [
  /(^|\.)(position_ids|token_type_ids)$/,
  /(^|\.)(relative_position_index|mask_token)$/,
  /(^|\.)(rotary_emb|rotary_pos_emb|rotary)\.\w*inv_freq$/,
  /(^|\.)h\.\d+\.attn\.(masked_)?bias$/,
  /(^|\.)embed_positions\.weights?$/,
  /(^|\.)shared\.weight$/,
  /(^|\.)(encoder|decoder)\.embed_tokens\.weight$/,
  /^proj_out\.weight$/,
];

/** Where heads are, behind the name of a body. */
const HEAD =
  /^(\w+\.)?(pooler|cls|lm_head|embed_out|classifier|qa_outputs|score|head|predictions|generator_predictions|discriminator_predictions|vocab_(transform|layer_norm|projector)|pre_classifier|decoder|final_logits_bias|seq_relationship|post_layernorm|(lm|mask)_predictions|generator_lm_head|sop_classifier|contact_head)(\.|$)/;

/** Names that a message lists. */
const LISTED = 6;

/**
 * Sorts the names of tensors that nobody reads; what is known to matter to nobody is left out.
 *
 * @param fields sentences about fields of config.json.
 * @param isOfHead tells tensors of heads that have no usual name.
 */
export function sortLeftovers(
  names: readonly string[],
  fields: readonly string[] = [],
  isOfHead: (name: string) => boolean = () => false,
): Leftovers {
  const left = names.filter(name => !HARMLESS.some(pattern => pattern.test(name)));
  const isHead = (name: string): boolean => HEAD.test(name) || isOfHead(name);
  return { heads: left.filter(isHead), unknown: left.filter(name => !isHead(name)), fields };
}

/**
 * Tells the layers that predict further tokens (multi-token prediction, Gloeckle et al. 2024) by their numbers: they
 * stand behind the model's own.
 */
export function predictsFurtherTokens(config: ModelConfig): (name: string) => boolean {
  if (!config.has('num_hidden_layers') || !config.has('num_nextn_predict_layers')) return () => false;
  const own = config.size('num_hidden_layers');
  const all = own + config.count('num_nextn_predict_layers');
  return name => {
    const index = Number(/(^|\.)layers\.(\d+)\./.exec(name)?.[2] ?? -1);
    return own <= index && index < all;
  };
}

/** The tensors of all, those of several layers or experts as one: `layers.*.mlp.gate.weight`. */
export function patternsOf(names: readonly string[]): readonly string[] {
  return [...new Set(names.map(name => name.replace(/\.\d+(?=\.|$)/g, '.*')))];
}

/** Sentences about what is not read and may matter. */
export function leftoverWarnings(leftovers: Leftovers): readonly string[] {
  return [partsWarning(leftovers) ?? [], leftoverWarning(leftovers) ?? [], leftovers.fields].flat();
}

/** A sentence about the parts of a whole that are not served; undefined where there are none. */
function partsWarning({ others = [] }: Leftovers): string | undefined {
  if (others.length === 0) return undefined;
  const modules = [...new Set(others.map(name => name.replace(/^model\./, '').split('.')[0]!))];
  return `texts only are served: the ${others.length} tensors of ${modules.join(', ')} are not read, and pictures are not seen`;
}

/** A sentence about tensors that no layer reads; undefined where there are none. */
export function leftoverWarning({ unknown }: Pick<Leftovers, 'unknown'>): string | undefined {
  if (unknown.length === 0) return undefined;
  const patterns = patternsOf(unknown);
  const others = patterns.length > LISTED ? ` and ${patterns.length - LISTED} more` : '';
  const [noun, verb] = unknown.length === 1 ? ['tensor', 'is'] : ['tensors', 'are'];
  return `${unknown.length} ${noun} of the weights ${verb} read by no layer: ${patterns.slice(0, LISTED).join(', ')}${others}; if they matter, the results are not those that the model was made for`;
}
