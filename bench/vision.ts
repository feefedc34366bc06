/**
 * How long a model of pictures takes for 1 and 8 pictures in one run, in f32 and int8: shapes of ViT-B/16 and of CLIP ViT-B/32 with random
 * weights. Contenders take turns; medians of the time, and of the processor's own, which a busy machine changes less.
 *
 * Run: `npm run build && node dist/bench/vision.js [rounds]`
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTowers } from '#model/vision/load-towers.js';
import { loadVision } from '#model/vision/load-vision.js';
import type { PixelInput, VisionEncoder } from '#model/vision/contract.js';
import { Environment } from '#runtime/index.js';
import { writeRandomVision, VISION_SHAPES } from './support/random-vision.js';
import { median } from './support/statistics.js';

const [rounds = 5] = process.argv.slice(2).map(Number);
const PRECISIONS = ['f32', 'int8'] as const;
const environment = new Environment();

for (const shape of VISION_SHAPES) {
  const folder = await writeRandomVision(join(tmpdir(), `kvasir-bench-${shape}`), shape);
  const encoders: VisionEncoder[] = [];
  for (const precision of PRECISIONS) encoders.push(await open(folder, precision));
  for (const count of [1, 8]) {
    const pictures = Array.from({ length: count }, (_, i) => picture(i));
    const times = encoders.map((): number[] => []);
    const work = encoders.map((): number[] => []);
    for (let round = 0; round <= rounds; round++)
      for (const [i, encoder] of encoders.entries()) {
        const [begin, before] = [performance.now(), process.cpuUsage()];
        await encoder.run(pictures);
        const { user, system } = process.cpuUsage(before);
        // The first round warms up.
        if (round === 0) continue;
        times[i]!.push(performance.now() - begin);
        work[i]!.push((user + system) / 1000);
      }
    const figures = PRECISIONS.map(
      (precision, i) =>
        `${precision} ${median(times[i]!).toFixed(1)} ms (${median(work[i]!).toFixed(0)} ms of the processor)`,
    );
    console.log(`${shape}, ${count}: ${figures.join(', ')}`);
  }
  for (const encoder of encoders) encoder.dispose();
}

async function open(folder: string, precision: (typeof PRECISIONS)[number]): Promise<VisionEncoder> {
  if (!folder.includes('clip')) return (await loadVision(environment, folder, { precision })).encoder;
  const { vision, text } = await loadTowers(environment, folder, { precision });
  text.dispose();
  return vision;
}

function picture(seed: number): PixelInput {
  const pixels = new Uint8Array(224 * 224 * 3).map((_, i) => (i * 31 + seed * 7 + (i >> 5)) % 256);
  return { width: 224, height: 224, pixels };
}
