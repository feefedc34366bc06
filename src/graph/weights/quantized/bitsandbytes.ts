import { ModelConfig } from '../../config.js';
import type { CheckpointTensors } from './checkpoint-tensors.js';
import { groupedTensor } from './grouped-tensor.js';
import { unsigned } from './bit-stream.js';
import type { FindQuantized, QuantizedTensor } from './method.js';
import { warnOfUnknown } from './settings.js';

/** What is quantized is known by the tensors; the rest is how it is run. */
const HARMLESS = [
  ...[
    'quant_method',
    '_load_in_4bit',
    '_load_in_8bit',
    'load_in_4bit',
    'load_in_8bit',
    'bnb_4bit_quant_type',
  ],
  ...['bnb_4bit_use_double_quant', 'bnb_4bit_compute_dtype', 'llm_int8_threshold', 'llm_int8_skip_modules'],
  ...['llm_int8_enable_fp32_cpu_offload', 'llm_int8_has_fp16_weight'],
];

/** Begins the name of what says how a weight of 4 bits is stored; its end is the type. */
const STATE = '.quant_state.bitsandbytes__';

/** bitsandbytes: nf4 and fp4 (Dettmers et al. 2023), and int8 by rows (Dettmers et al. 2022). */
export function bitsandbytes(settings: ModelConfig): FindQuantized {
  if (settings.has('bnb_4bit_quant_storage')) settings.choice('bnb_4bit_quant_storage', ['uint8']);
  warnOfUnknown(settings, HARMLESS);
  return async tensors => {
    const found = new Map<string, QuantizedTensor>();
    for (const name of tensors.names) {
      const weight = name.slice(0, Math.max(0, name.indexOf(STATE)));
      if (weight !== '') found.set(weight, await fourBits(tensors, weight, name));
      else if (name.endsWith('.SCB')) {
        const module = name.slice(0, -'.SCB'.length);
        found.set(`${module}.weight`, await eightBits(tensors, module));
      }
    }
    return found;
  };
}

/** Numbers that stand in a table, in blocks of any rows' elements, each with a scale. */
async function fourBits(tensors: CheckpointTensors, name: string, state: string): Promise<QuantizedTensor> {
  const settings = await readState(tensors, state);
  const type = settings.choice('quant_type', ['nf4', 'fp4']);
  const blockSize = settings.size('blocksize');
  const [rows = 0, columns = 0, ...more] = settings.numbers('shape');
  if (more.length > 0 || ![rows, columns].every(size => Number.isSafeInteger(size) && size > 0))
    throw tensors.unsupported(
      state,
      `has the shape ${JSON.stringify(settings.value('shape'))}, which is no matrix's`,
    );
  const elements = rows * columns;
  const blocks = Math.ceil(elements / blockSize);
  tensors.require(name, ['U8'], [Math.ceil(elements / 2), 1], state);
  const isNested = tensors.find(`${name}.nested_absmax`) !== undefined;
  tensors.require(`${name}.absmax`, [isNested ? 'U8' : 'F32'], [blocks], name);
  tensors.require(`${name}.quant_map`, ['F32'], [16], name);
  const nestedSize = isNested ? settings.size('nested_blocksize') : 1;
  const offset = isNested ? settings.finite('nested_offset') : 0;
  if (isNested) {
    tensors.require(`${name}.nested_absmax`, ['F32'], [Math.ceil(blocks / nestedSize)], name);
    tensors.require(`${name}.nested_quant_map`, ['F32'], [256], name);
  }
  const parts = ['absmax', 'quant_map', ...(isNested ? ['nested_absmax', 'nested_quant_map'] : [])];

  /** Scales of blocks, which may be in a table and in blocks themselves. */
  const scalesOf = async (first: number, last: number): Promise<Float32Array> => {
    if (!isNested)
      return tensors.floats(`${name}.absmax`, await tensors.bytes(`${name}.absmax`, 4 * first, 4 * last));
    const table = await tensors.allFloats(`${name}.nested_quant_map`);
    const outer = await tensors.allFloats(`${name}.nested_absmax`);
    const codes = await tensors.bytes(`${name}.absmax`, first, last);
    return Float32Array.from(
      codes,
      (code, i) => Math.fround(table[code]! * outer[Math.floor((first + i) / nestedSize)]!) + offset,
    );
  };
  return {
    type: `bitsandbytes ${type} in blocks of ${blockSize}`,
    shape: [rows, columns],
    tensors: [name, state, ...parts.map(part => `${name}.${part}`)],
    async rows(firstRow, lastRow) {
      const [first, last] = [firstRow * columns, lastRow * columns];
      const firstBlock = Math.floor(first / blockSize);
      const table = await tensors.allFloats(`${name}.quant_map`);
      const scales = await scalesOf(firstBlock, Math.ceil(last / blockSize));
      const bytes = await tensors.bytes(name, first >> 1, (last + 1) >> 1);
      const floats = new Float32Array(last - first);
      for (let i = first; i < last; i++) {
        const byte = bytes[(i >> 1) - (first >> 1)]!;
        const code = i % 2 === 0 ? byte >> 4 : byte & 15;
        floats[i - first] = table[code]! * scales[Math.floor(i / blockSize) - firstBlock]!;
      }
      return floats;
    },
  };
}

/** What a weight's state says in JSON. */
async function readState(tensors: CheckpointTensors, name: string): Promise<ModelConfig> {
  tensors.require(name, ['U8'], [undefined], name);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await tensors.rows(name)));
  } catch {
    throw tensors.invalid(name, 'is not JSON in UTF-8');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw tensors.invalid(name, 'is no JSON object');
  return new ModelConfig(name, parsed as Record<string, unknown>);
}

async function eightBits(tensors: CheckpointTensors, module: string): Promise<QuantizedTensor> {
  const [name, statistics, format] = ['weight', 'SCB', 'weight_format'].map(part => `${module}.${part}`) as [
    string,
    string,
    string,
  ];
  const [rows, columns] = tensors.require(name, ['I8'], [undefined, undefined], statistics).shape as [
    number,
    number,
  ];
  tensors.require(statistics, ['F32'], [rows], name);
  const hasFormat = tensors.find(format) !== undefined;
  if (hasFormat && (await tensors.bytes(format, 0, 1))[0] !== 0)
    throw tensors.unsupported(format, 'says that columns are not in order, which is not read');
  return groupedTensor('bitsandbytes int8', [name, statistics, ...(hasFormat ? [format] : [])], {
    rows,
    columns,
    bits: 8,
    groupSize: columns,
    symmetric: true,
    async read(first, last) {
      const largest = tensors.floats(statistics, await tensors.rows(statistics, first, last));
      return {
        codes: unsigned(await tensors.rows(name, first, last)),
        scales: largest.map(value => value / 127),
      };
    },
  });
}
