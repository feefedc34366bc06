import type { ModelConfig } from '../../config.js';
import type { CheckpointTensors } from './checkpoint-tensors.js';
import { groupedTensor } from './grouped-tensor.js';
import type { FindQuantized, QuantizedTensor } from './method.js';
import { warnOfUnknown } from './settings.js';
import { DOUBLED_E2M1, EIGHT_BIT_FLOATS } from './small-floats.js';

/** Numbers of a block, and its bytes. */
const BLOCK = 32;
const BYTES = 16;

/**
 * MXFP4 as gpt-oss has its experts: `NAME_blocks`, `[..., rows, blocks, 16]`, and `NAME_scales`, powers of two. The weight
 * is called as its blocks are, and has rows of outputs.
 */
export function mxfp4(settings: ModelConfig): FindQuantized {
  warnOfUnknown(settings, ['quant_method', 'modules_to_not_convert', 'dequantize']);
  return async tensors =>
    new Map(
      tensors.names.filter(name => name.endsWith('_blocks')).map(name => [name, blocks(tensors, name)]),
    );
}

function blocks(tensors: CheckpointTensors, name: string): QuantizedTensor {
  const scales = name.replace(/_blocks$/, '_scales');
  const { shape } = tensors.require(name, ['U8'], tensors.find(name)!.shape, name);
  const [count = 0, bytes] = shape.slice(-2);
  if (shape.length < 3 || bytes !== BYTES)
    throw tensors.invalid(name, `has shape [${shape.join(', ')}], which are no blocks of ${BYTES} bytes`);
  tensors.require(scales, ['U8'], shape.slice(0, -1), name);
  const columns = count * BLOCK;
  const outer = shape.slice(0, -2);
  const rows = outer.reduce((product, size) => product * size, 1);
  return groupedTensor(
    'MXFP4',
    [name, scales],
    {
      rows,
      columns,
      bits: 8,
      groupSize: BLOCK,
      symmetric: true,
      async read(first, last) {
        const powers = await tensors.bytes(scales, first * count, last * count);
        const halves = Float32Array.from(powers, power => EIGHT_BIT_FLOATS.F8_E8M0[power]! / 2);
        tensors.requireFinite(scales, halves);
        return {
          codes: doubledCodes(await tensors.bytes(name, first * count * BYTES, last * count * BYTES)),
          scales: halves,
        };
      },
    },
    [...outer, columns],
  );
}

/** Floats of 4 bits, two in a byte, as codes of 8 bits for twice their value. */
export function doubledCodes(bytes: Uint8Array): Uint8Array {
  const codes = new Uint8Array(2 * bytes.length);
  bytes.forEach((byte, i) => {
    codes[2 * i] = 128 + DOUBLED_E2M1[byte & 15]!;
    codes[2 * i + 1] = 128 + DOUBLED_E2M1[byte >> 4]!;
  });
  return codes;
}
