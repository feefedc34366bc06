/** The encoders of T5 and its kin alone, as embedders: hidden states of transformers' `get_encoder()`. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { copySeq2SeqFixture } from '#test/support/changed-seq2seq.js';
import { openEncoder, outputError } from '#test/support/check-encoder.js';
import { readSeq2SeqFixture } from '#test/support/seq2seq-fixtures.js';

/** Ways to make a vector of a text's states, and the files that ask for them. */
const POOLINGS: Readonly<Record<string, (states: readonly (readonly number[])[]) => readonly number[]>> = {
  mean: states => states[0]!.map((_, i) => states.reduce((sum, row) => sum + row[i]!, 0) / states.length),
  lasttoken: states => states.at(-1)!,
};

async function open(t: Test, name: string, pooling: string, architecture: string) {
  const folder = await copySeq2SeqFixture(t, name, { fields: { architectures: [architecture] } });
  await mkdir(path.join(folder, '1_Pooling'));
  const modules = ['Transformer', 'Pooling'].map((kind, i) => ({
    idx: i,
    path: ['', '1_Pooling'][i],
    type: `sentence_transformers.models.${kind}`,
  }));
  await writeFile(path.join(folder, 'modules.json'), JSON.stringify(modules));
  const modes = { pooling_mode_mean_tokens: false, [`pooling_mode_${pooling}`]: true };
  const config = pooling === 'mean' ? { pooling_mode_mean_tokens: true } : modes;
  await writeFile(path.join(folder, '1_Pooling', 'config.json'), JSON.stringify(config));
  return openEncoder(t, folder);
}

for (const [name, architecture] of [
  ['t5', 'T5EncoderModel'],
  ['t5-gated', 'T5EncoderModel'],
  ['mt5', 'MT5EncoderModel'],
  ['umt5', 'UMT5EncoderModel'],
] as const)
  for (const [pooling, pool] of Object.entries(POOLINGS))
    t.test(`${name}, ${pooling}`, async t => {
      const { runs } = await readSeq2SeqFixture(name);
      const encoder = await open(t, name, pooling, architecture);
      const outputs = await encoder.run(runs.map(({ source }) => ({ ids: source })));
      for (const [i, { source, states }] of runs.entries()) {
        const width = states.length / source.length;
        const rows = source.map((_, row) => [...states.subarray(row * width, (row + 1) * width)]);
        const error = outputError(outputs[i]!, [pool(rows)]);
        t.ok(error < 1e-4, `text ${i}: ${error}`);
      }
    });
