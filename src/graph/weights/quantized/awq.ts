import type { ModelConfig } from '../../config.js';
import { wordsOf, type CheckpointTensors } from './checkpoint-tensors.js';
import { groupedTensor } from './grouped-tensor.js';
import type { FindQuantized, QuantizedTensor } from './method.js';
import { modulesWith } from './modules.js';
import { warnOfUnknown } from './settings.js';

/** Settings of how it was quantized and how it may be run. */
const HARMLESS = [
  ...['quant_method', 'modules_to_not_convert', 'backend', 'do_fuse', 'fuse_max_seq_len', 'modules_to_fuse'],
  ...['exllama_config', 'zero_point', 'group_size', 'desc_act', 'sym', 'lm_head', 'meta', 'true_sequential'],
  ...['damp_percent', 'act_group_aware', 'model_seqlen', 'block_name_to_quantize', 'batch_size', 'dataset'],
  ...['module_name_preceding_first_block', 'pad_token_id', 'max_input_length', 'cache_block_outputs'],
  ...['modules_in_block_to_quantize', 'tokenizer', 'version', 'format', 'checkpoint_format'],
];

/** Codes of a word. */
const CODES = 8;
/** Where each of eight neighbouring codes stands in a word, in units of 4 bits. */
const PLACES = [0, 4, 1, 5, 2, 6, 3, 7];

/** AWQ (Lin et al. 2023) as AutoAWQ stores it for its `gemm` kernel. */
export function awq(settings: ModelConfig): FindQuantized {
  const bits = settings.size('bits', settings.size('w_bit', 4));
  if (bits !== 4) settings.unsupported(`AWQ of ${bits} bits is not read; 4 are`);
  for (const name of ['version', 'format', 'checkpoint_format']) {
    if (!settings.has(name)) continue;
    const form = settings.string(name).toLowerCase();
    if (form !== 'gemm') settings.unsupported(`AWQ in the format ${form} is not read; gemm is`);
  }
  if (settings.has('backend') && settings.string('backend') === 'llm-awq')
    settings.unsupported('AWQ as llm-awq stores it is not read');
  const groupSize = settings.finite('group_size', settings.finite('q_group_size', 128));
  warnOfUnknown(settings, HARMLESS);
  return tensors => findAwq(tensors, groupSize);
}

/** The weights of AWQ's form, whoever wrote them. @param groupSize -1: a row's columns are one group. */
export async function findAwq(
  tensors: CheckpointTensors,
  groupSize: number,
): Promise<Map<string, QuantizedTensor>> {
  return new Map(
    modulesWith(tensors, 'qweight').map(module => [
      `${module}.weight`,
      awqMatrix(tensors, module, groupSize),
    ]),
  );
}

function awqMatrix(tensors: CheckpointTensors, module: string, stated: number): QuantizedTensor {
  const [codes, scales, zeros] = ['qweight', 'scales', 'qzeros'].map(part => `${module}.${part}`) as [
    string,
    string,
    string,
  ];
  const [columns, words] = tensors.require(codes, ['I32'], [undefined, undefined], codes).shape as [
    number,
    number,
  ];
  const rows = words * CODES;
  const groupSize = stated > 0 ? stated : columns;
  const groups = Math.ceil(columns / groupSize);
  tensors.requireFloats(scales, [groups, rows], codes);
  tensors.require(zeros, ['I32'], [groups, words], codes);
  return groupedTensor('AWQ, 4 bits', [codes, scales, zeros], {
    rows,
    columns,
    bits: 4,
    groupSize,
    symmetric: false,
    async read(first, last) {
      const byGroup = tensors.floats(scales, await tensors.columns(scales, first, last));
      const result = {
        codes: await unpackTransposed(tensors, codes, columns, first, last),
        scales: new Float32Array((last - first) * groups),
        zeroPoints: await unpackTransposed(tensors, zeros, groups, first, last),
      };
      for (let group = 0, i = 0; group < groups; group++)
        for (let row = 0; row < last - first; row++, i++) result.scales[row * groups + group] = byGroup[i]!;
      return result;
    },
  });
}

/** Columns of codes as rows, `[last - first, rows]`. */
async function unpackTransposed(
  tensors: CheckpointTensors,
  name: string,
  rows: number,
  first: number,
  last: number,
): Promise<Uint8Array> {
  const [begin, end] = [Math.floor(first / CODES), Math.ceil(last / CODES)];
  const words = wordsOf(await tensors.columns(name, begin, end));
  const width = end - begin;
  const result = new Uint8Array((last - first) * rows);
  for (let word = 0; word < width; word++)
    for (let place = 0; place < CODES; place++) {
      const column = (begin + word) * CODES + place - first;
      if (column < 0 || column >= last - first) continue;
      const shift = 4 * PLACES[place]!;
      for (let row = 0, i = word, at = column * rows; row < rows; row++, i += width, at++)
        result[at] = (words[i]! >>> shift) & 15;
    }
  return result;
}
