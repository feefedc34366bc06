import { bartArchitecture, type PositionsSource } from '../assembly/seq2seq/bart-design.js';
import { rowsFrom, sinusoidalHalves, tensor2tensorPositions, type Rows } from '../blocks/position-table.js';
import { BART_DEFAULTS } from './bart.js';

/**
 * Marian (Junczys-Dowmunt et al. 2018), such as OPUS-MT (Tiedemann and Thottingal 2020): BART with sinusoidal
 * positions, and without a norm on embeddings. Weight names are those of Hugging Face's `MarianMTModel`.
 */
export const marian = bartArchitecture({
  modelTypes: ['marian'],
  defaults: { ...BART_DEFAULTS, vocabularySize: 58_101 },
  norms: 'after',
  positions: sinusoids,
  hasLogitsBias: true,
  mayHaveTwoVocabularies: true,
});

/** Pegasus (Zhang et al. 2020): the same with pre-norm layers. */
export const pegasus = bartArchitecture({
  modelTypes: ['pegasus'],
  defaults: BART_DEFAULTS,
  norms: 'before',
  positions: sinusoids,
  hasLogitsBias: true,
});

/** M2M-100 (Fan et al. 2020) and NLLB-200 (NLLB Team 2022). */
export const m2m100 = bartArchitecture({
  modelTypes: ['m2m_100'],
  defaults: { ...BART_DEFAULTS, vocabularySize: 128_112, activation: 'relu', scaleEmbedding: true },
  norms: 'before',
  // Positions are counted from the padding's id on, as fairseq does.
  positions: ({ config, rows, width }) =>
    tensor2tensorPositions(rows, width, config.count('pad_token_id', 1) + 1),
  hasLogitsBias: false,
});

/** A checkpoint that has the table may have trained it: what is stored counts. */
function sinusoids({ config, weights, rows, width }: PositionsSource): Rows {
  const stored = 'embed_positions.weight';
  if (weights.has(stored)) return rowsFrom(weights.weight(stored, [rows, width]), 0);
  if (width % 2 !== 0) config.invalid(`d_model (${width}) is odd: sines and cosines need halves`);
  return sinusoidalHalves(rows, width);
}
