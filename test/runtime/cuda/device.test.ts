import t from 'tap';
import { ortApi } from '#runtime/api.js';
import { CudaDevice, providerOptions } from '#runtime/cuda/device.js';
import { Environment, Session } from '#runtime/index.js';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';

t.test('what the provider is told', async t => {
  t.strictSame(providerOptions({ id: 1 }, false), {
    device_id: '1',
    arena_extend_strategy: 'kSameAsRequested',
    do_copy_in_default_stream: '1',
    enable_cuda_graph: '0',
    use_tf32: '0',
    sdpa_kernel: '19',
  });
  t.match(providerOptions({ id: 0, memoryLimit: 16e9, tf32: true }, true), {
    gpu_mem_limit: '16000000000',
    use_tf32: '1',
    enable_cuda_graph: '1',
  });
});

t.test('the provider is told all at once, and its options are released', async t => {
  const functions = ortApi().functions as unknown as Record<string, unknown>;
  const calls: unknown[][] = [];
  const record =
    (name: string, ...result: unknown[]) =>
    (...args: unknown[]) => {
      calls.push([name, ...args]);
      return result[0] ?? null;
    };
  const fakes: Record<string, unknown> = {
    CreateCUDAProviderOptions: (out: unknown[]) => {
      out[0] = 'options';
      return null;
    },
    UpdateCUDAProviderOptions: record('update'),
    SessionOptionsAppendExecutionProvider_CUDA_V2: record('append'),
    ReleaseCUDAProviderOptions: record('release'),
  };
  const kept = Object.fromEntries(Object.keys(fakes).map(name => [name, functions[name]]));
  Object.assign(functions, fakes);
  t.teardown(() => Object.assign(functions, kept));
  new CudaDevice({ id: 2 }).addTo('session' as never, false);
  t.equal(calls.length, 3);
  t.match(calls[0], [
    'update',
    'options',
    ['device_id', 'arena_extend_strategy'],
    ['2', 'kSameAsRequested'],
    6,
  ]);
  t.strictSame(calls.slice(1), [
    ['append', 'session', 'options'],
    ['release', 'options'],
  ]);
});

t.test('a session on a GPU, with a library that was built without CUDA or cannot load it', async t => {
  const graph = new GraphBuilder();
  graph.output(graph.input('x', DataType.FLOAT, [1]), DataType.FLOAT, [1]);
  using environment = new Environment({ logLevel: 'fatal' });
  const device = new CudaDevice({ id: 0 });
  t.throws(() => Session.fromBytes(environment, graph.toBytes('x'), { device }), {
    code: 'runtime_failure',
    ortCode: 'FAIL',
  });
});
