/**
 * Batched greedy generation by `@huggingface/transformers` (KVASIR_BENCH_TRANSFORMERS names its folder), in a process of its own.
 *
 * Argument: model folder, with a decoder as exporters write it in `onnx/model.onnx`. Messages: {@link Batch}, answered by milliseconds.
 */
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface Batch {
  readonly rows: number;
  readonly promptTokens: number;
  readonly tokens: number;
}

interface TransformersJs {
  readonly env: { localModelPath: string; allowRemoteModels: boolean };
  readonly AutoModelForCausalLM: {
    from_pretrained(
      model: string,
      options: object,
    ): Promise<{ generate(options: object): Promise<{ readonly dims: number[] }> }>;
  };
  readonly Tensor: new (type: string, data: BigInt64Array, dims: number[]) => object;
}

const folder = process.argv[2]!;
const entry = join(process.env.KVASIR_BENCH_TRANSFORMERS!, 'dist/transformers.node.mjs');
const { env, AutoModelForCausalLM, Tensor } = (await import(pathToFileURL(entry).href)) as TransformersJs;
env.localModelPath = dirname(folder);
env.allowRemoteModels = false;
const model = await AutoModelForCausalLM.from_pretrained(basename(folder), {
  dtype: 'fp32',
  session_options: { intraOpNumThreads: availableParallelism() },
});

async function generate({ rows, promptTokens, tokens }: Batch): Promise<number> {
  const ids = BigInt64Array.from({ length: rows * promptTokens }, (_, i) =>
    BigInt(300 + ((i * 7919) % 40000)),
  );
  const dims = [rows, promptTokens];
  const started = performance.now();
  const output = await model.generate({
    inputs: new Tensor('int64', ids, [...dims]),
    attention_mask: new Tensor(
      'int64',
      ids.map(() => 1n),
      dims,
    ),
    max_new_tokens: tokens,
    min_new_tokens: tokens,
    do_sample: false,
  });
  if (output.dims[1] !== promptTokens + tokens) throw new Error(`${output.dims[1]} tokens came back`);
  return performance.now() - started;
}

process.on('message', (batch: Batch) => {
  void generate(batch).then(
    milliseconds => process.send!(milliseconds),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.send!('ready');
