import {
  bartArchitecture,
  type BartDefaults,
  type PositionsSource,
} from '../assembly/seq2seq/bart-design.js';
import { rowsFrom, type Rows } from '../blocks/position-table.js';

/** Those of `BartConfig`, and of most of its descendants. */
export const BART_DEFAULTS: BartDefaults = {
  vocabularySize: 50_265,
  hiddenSize: 1024,
  positions: 1024,
  layers: { encoder: 12, decoder: 12 },
  heads: 16,
  intermediateSize: 4096,
  activation: 'gelu',
  scaleEmbedding: false,
};

/** Rows of the position table that no token uses. */
const FIRST_POSITION = 2;

/**
 * BART (Lewis et al. 2019): post-norm layers with learned positions. Weight names are those of Hugging Face's
 * `BartForConditionalGeneration`.
 */
export const bart = bartArchitecture({
  modelTypes: ['bart'],
  defaults: BART_DEFAULTS,
  norms: 'after',
  embeddingNorm: { encoder: 'sum', decoder: 'sum' },
  positions: source => learnedPositions(source, FIRST_POSITION),
  hasLogitsBias: true,
});

/** mBART (Liu et al. 2020) and mBART-50 (Tang et al. 2020): BART with pre-norm layers. */
export const mbart = bartArchitecture({
  modelTypes: ['mbart'],
  defaults: BART_DEFAULTS,
  norms: 'before',
  embeddingNorm: { encoder: 'sum', decoder: 'sum' },
  positions: source => learnedPositions(source, FIRST_POSITION),
  hasLogitsBias: true,
});

/** BlenderBot (Roller et al. 2020): pre-norm layers, and positions from the table's first row on. */
export const blenderbot = bartArchitecture({
  modelTypes: ['blenderbot'],
  defaults: {
    ...BART_DEFAULTS,
    vocabularySize: 8008,
    hiddenSize: 2560,
    positions: 128,
    layers: { encoder: 2, decoder: 24 },
    heads: 32,
    intermediateSize: 10_240,
  },
  norms: 'before',
  positions: source => learnedPositions(source, 0),
  hasLogitsBias: true,
});

/** The small BlenderBot: post-norm layers; its decoder normalises tokens before it adds positions. */
export const blenderbotSmall = bartArchitecture({
  modelTypes: ['blenderbot-small'],
  defaults: {
    ...BART_DEFAULTS,
    hiddenSize: 512,
    positions: 512,
    layers: { encoder: 8, decoder: 8 },
    intermediateSize: 2048,
  },
  norms: 'after',
  embeddingNorm: { encoder: 'sum', decoder: 'tokens' },
  positions: source => learnedPositions(source, 0),
  hasLogitsBias: true,
});

function learnedPositions({ weights, rows, width }: PositionsSource, first: number): Rows {
  return rowsFrom(weights.weight('embed_positions.weight', [first + rows, width]), first);
}
