import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import type { Agreement } from '#bench/cuda/agreement.js';
import { findCuda, thisSystem } from '#runtime/index.js';

const SCRIPT = fileURLToPath(new URL('../../../bench/cuda/agreement.js', import.meta.url));

/** The largest error that rounding explains, in units of the logits' root mean square. */
const TOLERANCES = [
  ['f16', 'slots', 0.05],
  ['bf16', 'slots', 0.3],
  ['f16', 'paged', 0.05],
  ['bf16', 'paged', 0.3],
] as const;
/** What is refused, with a word of the reason. */
const REFUSED = /mixture of experts runs on CUDA in f16 only|paged KV cache needs rotary positions/;

const [problem] = findCuda(thisSystem()).problems;

for (const [precision, cache, tolerance] of TOLERANCES)
  t.test(
    `on a GPU, logits in ${precision} with a cache in ${cache} are those of the formulas`,
    { skip: problem === undefined ? false : `CUDA cannot be used: ${problem.what}` },
    async t => {
      const args = [SCRIPT, 'cuda', precision, cache];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      for (const { model, error, why } of JSON.parse(stdout) as Agreement[])
        if (why === undefined) t.ok(error! < tolerance, `${model}: ${error}`);
        else t.match(why, REFUSED, model);
    },
  );
