import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { PRECISIONS, type Precision } from '#graph/precision.js';

/** How Hugging Face's exporters mark a graph's precision in its name; the preferred spelling first. */
const SUFFIXES: Readonly<Record<Precision, readonly string[]>> = {
  f32: [''],
  f16: ['_fp16'],
  bf16: ['_bf16'],
  int8: ['_int8', '_quantized', '_uint8'],
  w8a8: [],
  int4: ['_q4', '_q4f16', '_bnb4'],
  stored: [],
};

/** All files of a model folder, with `/` between folders. */
export async function filesOf(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).map(name => name.replaceAll(path.sep, '/'));
}

const FOLDERS = ['onnx/', ''];
/** One graph for everything, one with two branches, or two graphs: for a prompt without and with a past. */
const STEMS = [['model'], ['decoder_model_merged'], ['decoder_model', 'decoder_with_past_model']];

/** An encoder-decoder's: the encoder, and the decoder in one graph or two. */
const SEQ2SEQ_STEMS = STEMS.slice(1).map(stems => ['encoder_model', ...stems]);

/** Two towers: that of pictures, and that of texts. */
const TOWER_STEMS = [['vision_model', 'text_model']];

/**
 * Of the ONNX graphs that a model folder or repository has, the one to run (or the two that belong together,
 * the one without a past first).
 *
 * @param names all files, with `/` between folders.
 * @param precision undefined: the most exact that there is.
 * @returns empty where there is none, or none of that precision.
 */
export function chooseGraphs(names: readonly string[], precision?: Precision): readonly string[] {
  const graphs = choose(STEMS, names, precision);
  if (graphs.length > 0 || precision !== undefined) return graphs;
  const others = names.filter(name => /^(onnx\/)?[^/]+\.onnx$/.test(name));
  return others.length === 1 ? others : [];
}

/**
 * Of an encoder-decoder's ONNX graphs, all of one precision: the encoder, and then the decoder as
 * {@link chooseGraphs} gives it.
 *
 * @returns empty where a part is missing, or there is none of that precision.
 */
export function chooseSeq2SeqGraphs(names: readonly string[], precision?: Precision): readonly string[] {
  return choose(SEQ2SEQ_STEMS, names, precision);
}

/**
 * Of the ONNX graphs of two towers, both of one precision: that of pictures, and that of texts.
 *
 * @returns empty where one is missing, or there are none of that precision.
 */
export function chooseTowerGraphs(names: readonly string[], precision?: Precision): readonly string[] {
  return choose(TOWER_STEMS, names, precision);
}

function choose(
  forms: readonly (readonly string[])[],
  names: readonly string[],
  precision: Precision | undefined,
): readonly string[] {
  for (const wanted of precision === undefined ? PRECISIONS : [precision])
    for (const stems of forms)
      for (const folder of FOLDERS)
        for (const suffix of SUFFIXES[wanted]) {
          const graphs = stems.map(stem => `${folder}${stem}${suffix}.onnx`);
          if (graphs.every(graph => names.includes(graph))) return graphs;
        }
  return [];
}

/** The precision that a graph's name tells; undefined where it tells nothing. */
export function precisionOf(graph: string): Precision | undefined {
  const marked = PRECISIONS.toReversed();
  return marked.find(precision =>
    SUFFIXES[precision].some(suffix => suffix !== '' && graph.endsWith(`${suffix}.onnx`)),
  );
}
