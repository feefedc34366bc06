import type { ModelConfig } from '../../config.js';
import { unpackRows, unpackStreams, wordsFor } from './bit-stream.js';
import { wordsOf, type CheckpointTensors } from './checkpoint-tensors.js';
import { groupedTensor } from './grouped-tensor.js';
import { modulesWith } from './modules.js';
import type { FindQuantized, QuantizedTensor } from './method.js';
import { warnOfUnknown } from './settings.js';

const BITS = [2, 3, 4, 8];

/** Settings of how it was quantized and how it may be run, which change no stored number's meaning. */
const HARMLESS = [
  ...['damp_percent', 'damp_auto_increment', 'true_sequential', 'static_groups', 'act_group_aware', 'mse'],
  ...['model_name_or_path', 'model_file_base_name', 'quantizer', 'meta', 'dataset', 'tokenizer', 'backend'],
  ...['use_cuda_fp16', 'use_exllama', 'exllama_config', 'max_input_length', 'disable_exllama', 'batch_size'],
  ...['model_seqlen', 'block_name_to_quantize', 'module_name_preceding_first_block', 'pad_token_id'],
  ...['cache_block_outputs', 'modules_in_block_to_quantize', 'lm_head', 'desc_act', 'group_size', 'sym'],
  ...['modules_to_not_convert', 'is_marlin_format', 'quant_method', 'offload_to_disk', 'pack_impl', 'method'],
];

/** How GPTQ stores zero points: less one at first, as they are in the second version. */
interface Form {
  readonly bits: number;
  readonly zeroOffset: 0 | 1;
  /** True if the settings say that all zero points are the middle of the codes. */
  readonly symmetric: boolean;
  /** -1: a row's columns are one group. */
  readonly groupSize: number;
  /** True if columns may be in any order. */
  readonly ordersColumns: boolean;
}

/**
 * GPTQ (Frantar et al. 2022) as AutoGPTQ and GPTQModel store it. Columns of any order (`g_idx`: act-order), and rules for
 * modules of other widths and groups (`dynamic`), are known by the tensors.
 */
export function gptq(settings: ModelConfig): FindQuantized {
  const bits = settings.size('bits');
  if (!BITS.includes(bits)) settings.unsupported(`GPTQ of ${bits} bits is not read; ${BITS.join(', ')} are`);
  if (settings.has('is_marlin_format') && settings.flag('is_marlin_format'))
    settings.unsupported("GPTQ in Marlin's format is not read");
  if (settings.has('pack_dtype')) settings.choice('pack_dtype', ['int32']);
  for (const name of ['rotation', 'adapter'])
    if (settings.has(name)) settings.unsupported(`GPTQ with ${name} is not read`);
  const formats = ['checkpoint_format', 'format'].filter(name => settings.has(name));
  const versions = formats.map(name => settings.choice(name, ['gptq', 'gptq_v2']));
  const hasRules = (settings.section('dynamic')?.names.length ?? 0) > 0;
  warnOfUnknown(settings, HARMLESS);
  const form: Form = {
    bits,
    zeroOffset: versions[0] === 'gptq_v2' ? 0 : 1,
    symmetric: !hasRules && settings.flag('sym', true),
    groupSize: settings.finite('group_size', -1),
    ordersColumns: settings.flag('desc_act', false),
  };
  return tensors => findGptq(tensors, form);
}

/** The weights of GPTQ's form, whoever wrote them. */
export async function findGptq(
  tensors: CheckpointTensors,
  form: Form,
): Promise<Map<string, QuantizedTensor>> {
  const found = new Map<string, QuantizedTensor>();
  for (const module of modulesWith(tensors, 'qweight'))
    found.set(`${module}.weight`, await gptqMatrix(tensors, module, form));
  return found;
}

async function gptqMatrix(tensors: CheckpointTensors, module: string, form: Form): Promise<QuantizedTensor> {
  const { zeroOffset, symmetric } = form;
  const [codes, scales, zeros, order] = ['qweight', 'scales', 'qzeros', 'g_idx'].map(
    part => `${module}.${part}`,
  ) as [string, string, string, string];
  const [words, rows] = tensors.require(codes, ['I32'], [undefined, undefined], codes).shape as [
    number,
    number,
  ];
  const isOrderless = tensors.find(order) === undefined && !form.ordersColumns;
  const groupOf = isOrderless ? undefined : await readOrder(tensors, order, codes);
  const columns = groupOf?.length ?? (words * 32) / form.bits;
  const bits = (words * 32) / columns;
  if (!BITS.includes(bits) || !Number.isInteger(columns))
    throw tensors.invalid(
      codes,
      `has ${words} words for ${columns} columns, which is no width of ${BITS.join(', ')} bits`,
    );
  const groups = tensors.requireFloats(scales, [undefined, rows], codes).shape[0]!;
  const zeroWords = wordsFor(rows, bits);
  tensors.require(zeros, ['I32'], [groups, zeroWords], codes);
  const { groupSize, ordered } = groupsOf(groupOf, columns, form.groupSize);
  const most =
    groupOf === undefined
      ? Math.ceil(columns / groupSize)
      : groupOf.reduce((most, group) => Math.max(most, group + 1), 0);
  if (most > groups || (ordered && most !== groups))
    throw tensors.invalid(scales, `has ${groups} groups; there are ${most} of ${columns} columns`);
  const mask = 2 ** bits - 1;
  const middle = 2 ** (bits - 1);
  const name = `GPTQ, ${bits} bits`;
  return groupedTensor(name, [codes, scales, zeros, ...(groupOf === undefined ? [] : [order])], {
    rows,
    columns,
    bits,
    groupSize,
    groupOf: ordered ? undefined : groupOf,
    symmetric,
    async read(first, last) {
      const count = last - first;
      const byGroup = tensors.floats(scales, await tensors.columns(scales, first, last));
      const allZeros = unpackRows(wordsOf(await tensors.rows(zeros)), groups, rows, bits);
      const result = {
        codes: unpackStreams(wordsOf(await tensors.columns(codes, first, last)), count, columns, bits),
        scales: new Float32Array(count * groups),
        zeroPoints: symmetric ? undefined : new Uint8Array(count * groups),
      };
      for (let group = 0; group < groups; group++)
        for (let row = 0; row < count; row++) {
          result.scales[row * groups + group] = byGroup[group * count + row]!;
          const zero = (allZeros[group * rows + first + row]! + zeroOffset) & mask;
          if (result.zeroPoints !== undefined) result.zeroPoints[row * groups + group] = zero;
          else if (zero !== middle)
            throw tensors.invalid(
              zeros,
              `has the zero point ${zero}, but config.json says that they are symmetric`,
            );
        }
      return result;
    },
  });
}

async function readOrder(tensors: CheckpointTensors, name: string, codes: string): Promise<Int32Array> {
  tensors.require(name, ['I32'], [undefined], codes);
  const bytes = await tensors.rows(name);
  const order = new Int32Array(bytes.buffer, 0, bytes.byteLength / 4);
  if (order.some(group => group < 0)) throw tensors.invalid(name, 'has a group below 0');
  return order;
}

/** The size of groups, and whether each has neighbouring columns. */
function groupsOf(
  groupOf: Int32Array | undefined,
  columns: number,
  stated: number,
): { readonly groupSize: number; readonly ordered: boolean } {
  if (groupOf === undefined) return { groupSize: stated > 0 ? stated : columns, ordered: true };
  const next = groupOf.findIndex(group => group !== groupOf[0]);
  const groupSize = next === -1 ? columns : next;
  return { groupSize, ordered: groupOf.every((group, i) => group === Math.floor(i / groupSize)) };
}
