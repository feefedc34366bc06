/**
 * A model of pictures in `@huggingface/transformers` (KVASIR_BENCH_TRANSFORMERS names its folder) behind Fastify, as one would serve it: what
 * waits goes into one batch, or one picture after the other.
 *
 * Arguments: model folder with `onnx/model.onnx`, `batched` or `alone`, port. `POST /pictures` takes a picture's file and answers with how many
 * numbers the model gave.
 */
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fastify from 'fastify';

interface Tensor {
  readonly dims: readonly number[];
  dispose(): void;
}

interface TransformersJs {
  readonly env: { localModelPath: string; allowRemoteModels: boolean };
  readonly AutoProcessor: {
    from_pretrained(model: string): Promise<(pictures: readonly object[]) => Promise<object>>;
  };
  readonly AutoModel: {
    from_pretrained(
      model: string,
      options: object,
    ): Promise<(inputs: object) => Promise<Record<string, Tensor>>>;
  };
  readonly RawImage: { fromBlob(blob: Blob): Promise<object> };
}

interface Job {
  readonly picture: object;
  readonly done: (width: number) => void;
  readonly failed: (error: unknown) => void;
}

const [folder, way, port] = process.argv.slice(2) as [string, string, string];
const entry = join(process.env.KVASIR_BENCH_TRANSFORMERS!, 'dist/transformers.node.mjs');
const { env, AutoProcessor, AutoModel, RawImage } = (await import(
  pathToFileURL(entry).href
)) as TransformersJs;
env.localModelPath = dirname(folder);
env.allowRemoteModels = false;
const name = basename(folder);
const processor = await AutoProcessor.from_pretrained(name);
const model = await AutoModel.from_pretrained(name, {
  dtype: 'fp32',
  session_options: { intraOpNumThreads: availableParallelism() },
});

/** Pictures of a batch, at most: more do not make a run quicker. */
const MOST = 8;
const waiting: Job[] = [];
let isRunning = false;

async function runAll(): Promise<void> {
  if (isRunning) return;
  isRunning = true;
  while (waiting.length > 0) {
    const jobs = waiting.splice(0, way === 'batched' ? MOST : 1);
    try {
      const outputs = await model(await processor(jobs.map(({ picture }) => picture)));
      const [first] = Object.values(outputs) as [Tensor];
      for (const { done } of jobs) done(first.dims[1]!);
      for (const tensor of Object.values(outputs)) tensor.dispose();
    } catch (error) {
      for (const { failed } of jobs) failed(error);
    }
  }
  isRunning = false;
}

const app = fastify({ bodyLimit: 2 ** 24 });
app.addContentTypeParser('image/jpeg', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.get('/health', () => ({ status: 'ok' }));
app.post('/pictures', async request => {
  const picture = await RawImage.fromBlob(new Blob([request.body as Buffer<ArrayBuffer>]));
  const answer = new Promise<number>((done, failed) => waiting.push({ picture, done, failed }));
  void runAll();
  return { width: await answer };
});
await app.listen({ host: '127.0.0.1', port: Number(port) });
