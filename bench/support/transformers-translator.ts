/**
 * An encoder-decoder in `@huggingface/transformers` (KVASIR_BENCH_TRANSFORMERS names its folder) behind Fastify, as
 * one would serve it: what waits goes into one batch, padded, or one text after the other.
 *
 * Arguments: model folder with an exporter's graphs in `onnx/`, `batched` or `alone`, port. `POST /translate` takes `ids` and `tokens`.
 */
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fastify from 'fastify';

interface Job {
  readonly ids: readonly number[];
  readonly tokens: number;
  readonly done: (ids: readonly number[]) => void;
  readonly failed: (error: unknown) => void;
}

interface Generated {
  readonly dims: readonly number[];
  tolist(): bigint[][];
}

interface TransformersJs {
  readonly env: { localModelPath: string; allowRemoteModels: boolean };
  readonly AutoModelForSeq2SeqLM: {
    from_pretrained(
      model: string,
      options: object,
    ): Promise<{
      readonly config: { readonly pad_token_id: number };
      generate(options: object): Promise<Generated>;
    }>;
  };
  readonly Tensor: new (type: string, data: BigInt64Array, dims: number[]) => object;
}

const [folder, way, port] = process.argv.slice(2) as [string, string, string];
const entry = join(process.env.KVASIR_BENCH_TRANSFORMERS!, 'dist/transformers.node.mjs');
const { env, AutoModelForSeq2SeqLM, Tensor } = (await import(pathToFileURL(entry).href)) as TransformersJs;
env.localModelPath = dirname(folder);
env.allowRemoteModels = false;
const model = await AutoModelForSeq2SeqLM.from_pretrained(basename(folder), {
  dtype: 'fp32',
  session_options: { intraOpNumThreads: availableParallelism() },
});

const waiting: Job[] = [];
let isRunning = false;

async function runAll(): Promise<void> {
  if (isRunning) return;
  isRunning = true;
  while (waiting.length > 0) {
    const jobs = waiting.splice(0, way === 'batched' ? waiting.length : 1);
    try {
      const answers = await generate(jobs);
      jobs.forEach(({ done }, row) => done(answers[row]!.map(Number)));
    } catch (error) {
      for (const { failed } of jobs) failed(error);
    }
  }
  isRunning = false;
}

async function generate(jobs: readonly Job[]): Promise<bigint[][]> {
  const longest = Math.max(...jobs.map(({ ids }) => ids.length));
  const tokens = jobs[0]!.tokens;
  const dims = [jobs.length, longest];
  const ids = new BigInt64Array(jobs.length * longest).fill(BigInt(model.config.pad_token_id));
  const mask = new BigInt64Array(jobs.length * longest);
  jobs.forEach(({ ids: own }, row) =>
    own.forEach((id, i) => {
      ids[row * longest + i] = BigInt(id);
      mask[row * longest + i] = 1n;
    }),
  );
  const generated = await model.generate({
    inputs: new Tensor('int64', ids, [...dims]),
    attention_mask: new Tensor('int64', mask, [...dims]),
    max_new_tokens: tokens,
    min_new_tokens: tokens,
    do_sample: false,
    num_beams: 1,
  });
  if (generated.dims[1] !== tokens + 1) throw new Error(`${generated.dims[1]} tokens came back`);
  return generated.tolist();
}

const app = fastify();
app.get('/health', () => ({ status: 'ok' }));
app.post('/translate', async request => {
  const { ids, tokens } = request.body as Pick<Job, 'ids' | 'tokens'>;
  const answer = new Promise<readonly number[]>((done, failed) =>
    waiting.push({ ids, tokens, done, failed }),
  );
  void runAll();
  return { ids: await answer };
});
await app.listen({ host: '127.0.0.1', port: Number(port) });
