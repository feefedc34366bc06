import { int, ints } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';

/** How samples become features. */
export interface LogMelOptions {
  /** Samples a second. */
  readonly samplingRate: number;
  /** Samples of a frame's Fourier transform; even. */
  readonly window: number;
  /** Samples from one frame to the next. */
  readonly hop: number;
  /** Mel filters. */
  readonly bins: number;
}

/** Power below this is taken for it. */
const SMALLEST_POWER = 1e-10;

/**
 * Logarithm to base 10 of the power that frames have behind mel filters (Davis and Mermelstein 1980): a Fourier
 * transform of each, weighted by a Hann window, as a convolution with its sines and cosines, whose squares the
 * filters sum up.
 *
 * @param samples float32 `[1, 1, (frames - 1) · hop + window]`
 * @returns `[1, bins, frames]`
 */
export function logMel(graph: ModelGraph, name: string, samples: Value, options: LogMelOptions): Value {
  const { window, hop, bins } = options;
  const frequencies = window / 2 + 1;
  const node = (op: string, part: string, inputs: readonly Value[], attributes = {}): Value =>
    graph.node({ op, inputs, name: `${name}.${part}`, attributes });
  const floats = (part: string, shape: number[], values: readonly number[]): Value =>
    graph.constant(`${name}.${part}`, shape, values, DataType.FLOAT);
  const waves = floats('waves', [2 * frequencies, 1, window], windowedWaves(window));
  const spectrum = node('Conv', 'spectrum', [samples, waves], { strides: ints([hop]) });
  const squares = node('Mul', 'squares', [spectrum, spectrum]);
  const parts = [`${name}.real`, `${name}.imaginary`] as const;
  graph.node({
    op: 'Split',
    inputs: [squares],
    name: `${name}.split`,
    outputs: parts,
    attributes: { axis: int(1), num_outputs: int(2) },
  });
  const power = node('Add', 'power', parts);
  const filters = floats('filters', [bins, frequencies], melFilters(options).flat());
  const heard = node('MatMul', 'heard', [filters, power]);
  const least = node('Max', 'least', [heard, floats('smallest', [], [SMALLEST_POWER])]);
  const logarithm = node('Log', 'logarithm', [least]);
  return node('Mul', 'log10', [logarithm, floats('per_ten', [], [Math.LOG10E])]);
}

/** Cosines, then sines, of all frequencies of a Fourier transform, weighted by a periodic Hann window. */
function windowedWaves(window: number): number[] {
  const waves: number[] = [];
  for (const wave of [Math.cos, Math.sin])
    for (let frequency = 0; frequency <= window / 2; frequency++)
      for (let i = 0; i < window; i++) {
        const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / window);
        // The same angle, small enough to be exact.
        waves.push(hann * wave((2 * Math.PI * ((frequency * i) % window)) / window));
      }
  return waves;
}

/**
 * Slaney's mel filters (Auditory Toolbox, 1998) as librosa has them: triangles of equal area between points that
 * are spread evenly on his mel scale, from 0 to half of the sampling rate.
 *
 * @returns `[bins][window / 2 + 1]`
 */
export function melFilters({ samplingRate, window, bins }: Omit<LogMelOptions, 'hop'>): number[][] {
  const highest = melOf(samplingRate / 2);
  const points = Array.from({ length: bins + 2 }, (_, i) => hertzOf((highest * i) / (bins + 1)));
  return Array.from({ length: bins }, (_, bin) => {
    const [low, middle, high] = points.slice(bin, bin + 3) as [number, number, number];
    return Array.from({ length: window / 2 + 1 }, (_, i) => {
      const frequency = (i * samplingRate) / window;
      const side = Math.min((frequency - low) / (middle - low), (high - frequency) / (high - middle));
      return (Math.max(0, side) * 2) / (high - low);
    });
  });
}

/** Below this, Slaney's scale is linear. */
const LINEAR = { hertz: 1000, mel: 15 };
/** Above, so many mel are a factor of 6.4. */
const STEPS = { factor: 6.4, mel: 27 };

function melOf(hertz: number): number {
  if (hertz < LINEAR.hertz) return (hertz * LINEAR.mel) / LINEAR.hertz;
  return LINEAR.mel + (STEPS.mel * Math.log(hertz / LINEAR.hertz)) / Math.log(STEPS.factor);
}

function hertzOf(mel: number): number {
  if (mel < LINEAR.mel) return (mel * LINEAR.hertz) / LINEAR.mel;
  return LINEAR.hertz * STEPS.factor ** ((mel - LINEAR.mel) / STEPS.mel);
}
