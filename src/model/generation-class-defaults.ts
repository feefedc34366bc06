/** Fields of what a text begins and ends with, by `model_type`. */
type Fields = Readonly<Record<string, number>>;

const BLENDERBOT: Fields = {
  bos_token_id: 1,
  eos_token_id: 2,
  forced_eos_token_id: 2,
  decoder_start_token_id: 1,
};
const MT5: Fields = { eos_token_id: 1, decoder_start_token_id: 0 };

/**
 * What transformers' configuration classes say of generation where config.json is silent: files that it has
 * saved leave out what equals it (transformers 5.24, `configuration_*.py` of each).
 */
export const GENERATION_CLASS_DEFAULTS: Readonly<Record<string, Fields | undefined>> = {
  bart: { bos_token_id: 0, eos_token_id: 2, forced_eos_token_id: 2, decoder_start_token_id: 2 },
  mbart: { bos_token_id: 0, eos_token_id: 2, forced_eos_token_id: 2 },
  marian: { eos_token_id: 0, forced_eos_token_id: 0, decoder_start_token_id: 58_100 },
  pegasus: { eos_token_id: 1, forced_eos_token_id: 1, decoder_start_token_id: 0 },
  m2m_100: { bos_token_id: 0, eos_token_id: 2, decoder_start_token_id: 2 },
  blenderbot: { ...BLENDERBOT, encoder_no_repeat_ngram_size: 3 },
  'blenderbot-small': BLENDERBOT,
  moonshine: { bos_token_id: 1, eos_token_id: 2, decoder_start_token_id: 1 },
  t5: { eos_token_id: 1 },
  mt5: MT5,
  umt5: MT5,
};
