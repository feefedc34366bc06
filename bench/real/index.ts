/**
 * Requests over HTTP to trained models, which toy weights cannot stand for. Each model is checked where the
 * environment names its folder; those that are not there are named. The exit code is 1 where something is not as it
 * should be.
 *
 * Run: `KVASIR_REAL_SMOLLM2=FOLDER KVASIR_REAL_MINILM=FOLDER KVASIR_REAL_WHISPER=FOLDER npm run check:real`, folders of
 * SmolLM2-135M-Instruct, all-MiniLM-L6-v2 and whisper-base in the layout of Hugging Face. `KVASIR_REAL_SHARED` is the folder with Whisper's
 * references, by default `../shared/real`; `KVASIR_REAL_CLIPS` one with recordings that it names, each as a wav file of its name. `KVASIR_REAL_GGUF` is a GGUF file with
 * a chat template, which llama.cpp's server (in the folder KVASIR_BENCH_LLAMA) answers from as well.
 */
import { Checks } from '../support/reliability/checks.js';
import { checkGguf } from './gguf.js';
import { checkMiniLM } from './minilm.js';
import { checkSmolLM2 } from './smollm2.js';
import { checkWhisper } from './whisper.js';

const MODELS = [
  ['KVASIR_REAL_SMOLLM2', 'SmolLM2-135M-Instruct', checkSmolLM2],
  ['KVASIR_REAL_MINILM', 'all-MiniLM-L6-v2', checkMiniLM],
  ['KVASIR_REAL_WHISPER', 'whisper-base', checkWhisper],
  ['KVASIR_REAL_GGUF', 'a GGUF file', checkGguf],
] as const;

const checks = new Checks();
const missing: string[] = [];
for (const [variable, name, check] of MODELS) {
  const folder = process.env[variable];
  if (folder === undefined) missing.push(`${name} (${variable} names it)`);
  else await check(folder, checks);
}
for (const name of missing) console.log(`\nNOT CHECKED: ${name}`);
if (missing.length === MODELS.length) throw new Error('there is no model to check');
console.log(`\n${checks.failed.length} of these failed`);
process.exitCode = checks.failed.length > 0 ? 1 : 0;
