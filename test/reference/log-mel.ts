/** Whisper's features by their formulas, in float64. */

const RATE = 16_000;
const WINDOW = 400;
const HOP = 160;

/** Slaney's mel scale: linear up to 1000 Hz, where it is 15, then 27 steps for a factor of 6.4. */
function hertz(mel: number): number {
  return mel < 15 ? (mel * 200) / 3 : 1000 * 6.4 ** ((mel - 15) / 27);
}

/**
 * openai/whisper's `log_mel_spectrogram` of samples with silence behind them, as far as the sound reaches.
 *
 * @returns `[bins][frames]`
 */
export function logMel(samples: ArrayLike<number>, bins: number): number[][] {
  const frames = Math.floor(samples.length / HOP);
  const highest = 15 + (27 * Math.log(8)) / Math.log(6.4);
  const points = Array.from({ length: bins + 2 }, (_, i) => hertz((highest * i) / (bins + 1)));
  const logs = Array.from({ length: bins }, (): number[] => []);
  let largest = -Infinity;
  const cosines = Array.from({ length: WINDOW }, (_, i) => Math.cos((2 * Math.PI * i) / WINDOW));
  const sines = Array.from({ length: WINDOW }, (_, i) => Math.sin((2 * Math.PI * i) / WINDOW));
  // Frames further behind hear nothing.
  for (let frame = 0; frame < frames + 3; frame++) {
    const heard = Array.from({ length: WINDOW }, (_, i) => {
      const at = Math.abs(frame * HOP + i - WINDOW / 2);
      return (samples[at] ?? 0) * (0.5 - 0.5 * cosines[i]!);
    });
    // Most of a test's long sounds is silence.
    const isSilent = heard.every(value => value === 0);
    const power = isSilent
      ? [0]
      : Array.from({ length: WINDOW / 2 + 1 }, (_, frequency) => {
          let [real, imaginary] = [0, 0];
          for (let i = 0; i < WINDOW; i++) {
            const angle = (frequency * i) % WINDOW;
            real += heard[i]! * cosines[angle]!;
            imaginary += heard[i]! * sines[angle]!;
          }
          return real ** 2 + imaginary ** 2;
        });
    for (let bin = 0; bin < bins; bin++) {
      const [low, middle, high] = points.slice(bin, bin + 3) as [number, number, number];
      const sum = power.reduce((total, value, i) => {
        const frequency = (i * RATE) / WINDOW;
        const side = Math.min((frequency - low) / (middle - low), (high - frequency) / (high - middle));
        return total + (value * Math.max(0, side) * 2) / (high - low);
      }, 0);
      const log = Math.log10(Math.max(1e-10, sum));
      largest = Math.max(largest, log);
      if (frame < frames) logs[bin]!.push(log);
    }
  }
  return logs.map(row => row.map(log => (Math.max(log, largest - 8) + 4) / 4));
}
