import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { int } from '#graph/onnx/attributes.js';
import { DataType, GraphBuilder, type Value } from '#graph/onnx/graph-builder.js';
import type { EncoderInput } from '#model/encoder/contract.js';
import { normalized, pooled } from '#test/reference/encoder.js';
import { checkEncoder, openEncoder, outputError, randomInputs } from '#test/support/check-encoder.js';

const VOCABULARY = 50;
const HIDDEN = 4;
const CONFIG = {
  model_type: 'other',
  hidden_size: HIDDEN,
  vocab_size: VOCABULARY,
  max_position_embeddings: 40,
  type_vocab_size: 2,
  pad_token_id: 7,
};

/** A token's own vector. */
function vectorOf(id: number): number[] {
  return Array.from({ length: HIDDEN }, (_, i) => Math.sin(id * HIDDEN + i));
}

/**
 * What the graph below works out: each token's vector, its segment and position, and the sum over all tokens
 * of the text.
 */
function hiddenOf({ ids, typeIds }: EncoderInput): number[][] {
  const sum = vectorOf(0).map((_, i) => ids.reduce((total, id) => total + vectorOf(id)[i]!, 0));
  return ids.map((id, position) =>
    vectorOf(id).map((value, i) => value + (typeIds?.[position] ?? 0) + position / 8 + sum[i]! / 4),
  );
}

/** A graph whose hidden states depend on all its inputs, as exporters declare them. */
function hiddenStates(graph: GraphBuilder, type: DataType): Value {
  const shape = ['batch_size', 'sequence_length'];
  const input = (name: string): Value => graph.input(name, type, shape);
  const ids = input('input_ids');
  const widened = ['attention_mask', 'token_type_ids', 'position_ids'].map(name => {
    const floats = graph.node({
      op: 'Cast',
      inputs: [input(name)],
      name: `${name}.floats`,
      attributes: { to: int(DataType.FLOAT) },
    });
    return graph.node({ op: 'Unsqueeze', inputs: [floats, 'last'], name: `${name}.wide` });
  });
  const [mask, segments, positions] = widened as [Value, Value, Value];
  const table = graph.initializer('table', DataType.FLOAT, [VOCABULARY, HIDDEN], () =>
    Float32Array.from(Array.from({ length: VOCABULARY }, (_, id) => vectorOf(id)).flat()),
  );
  const own = graph.node({ op: 'Gather', inputs: [table, ids], name: 'own' });
  const seen = graph.node({ op: 'Mul', inputs: [own, mask], name: 'seen' });
  const sum = graph.node({ op: 'ReduceSum', inputs: [seen, graph.constant('texts', [1], [1])], name: 'sum' });
  const scaled = (value: Value, factor: number): Value =>
    graph.node({
      op: 'Mul',
      inputs: [value, graph.constant(`${value}.factor`, [], [factor], DataType.FLOAT)],
      name: `${value}.scaled`,
    });
  const parts = [own, segments, scaled(positions, 1 / 8), scaled(sum, 1 / 4)];
  return graph.node({ op: 'Sum', inputs: parts, name: 'hidden' });
}

interface Files {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly file?: string;
  readonly ids?: DataType;
  /** Modules behind the encoder, by their last names. */
  readonly modules?: readonly string[];
}

/** Writes a folder with a ready-made graph. */
async function writeFolder(
  t: Test,
  finish: (graph: GraphBuilder, hidden: Value) => void,
  { config = {}, file = 'model.onnx', modules, ids = DataType.INT64 }: Files = {},
): Promise<string> {
  const folder = t.testdir();
  await writeFile(path.join(folder, 'config.json'), JSON.stringify({ ...CONFIG, ...config }));
  const graph = new GraphBuilder();
  graph.constant('last', [1], [-1]);
  finish(graph, hiddenStates(graph, ids));
  await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
  await graph.save(path.join(folder, file));
  if (modules !== undefined) {
    const entries = ['Transformer', 'Pooling', ...modules].map((type, i) => ({
      path: i === 0 ? '' : `${i}_${type}`,
      type: `sentence_transformers.models.${type}`,
    }));
    await writeFile(path.join(folder, 'modules.json'), JSON.stringify(entries));
    await mkdir(path.join(folder, '1_Pooling'));
    const pooling = { pooling_mode_mean_tokens: true, pooling_mode_max_tokens: true };
    await writeFile(path.join(folder, '1_Pooling', 'config.json'), JSON.stringify(pooling));
  }
  return folder;
}

/** Puts the hidden states out under a name, perhaps projected onto fewer features. */
function output(name: string, width = HIDDEN): (graph: GraphBuilder, hidden: Value) => void {
  return (graph, hidden) => {
    const end = graph.constant(`${name}.end`, [1], [width]);
    graph.node({
      op: 'Slice',
      inputs: [hidden, graph.constant(`${name}.start`, [1], [0]), end, 'last'],
      name,
    });
    graph.output(name, DataType.FLOAT, ['batch_size', 'sequence_length', width]);
  };
}

t.test('hidden states are pooled by the mean where nothing else is said', async t => {
  const encoder = await openEncoder(t, await writeFolder(t, output('last_hidden_state')));
  t.match(encoder, { task: 'embedding', width: HIDDEN, contextLength: 40, vocabularySize: VOCABULARY });
  await checkEncoder(t, encoder, input => [pooled(hiddenOf(input), 'mean')]);
});

t.test('hidden states are pooled as modules.json says', async t => {
  const folder = await writeFolder(t, output('token_embeddings'), {
    file: 'onnx/model.onnx',
    modules: ['Normalize'],
  });
  const encoder = await openEncoder(t, folder);
  t.equal(encoder.width, 2 * HIDDEN);
  await checkEncoder(t, encoder, input => {
    const states = hiddenOf(input);
    return [normalized([...pooled(states, 'max'), ...pooled(states, 'mean')])];
  });
});

t.test('a sentence embedding is taken as it is, whatever else there is', async t => {
  const folder = await writeFolder(t, (graph, hidden) => {
    output('last_hidden_state')(graph, hidden);
    const first = graph.constant('first', [], [0]);
    graph.node({
      op: 'Gather',
      inputs: [hidden, first],
      name: 'sentence_embedding',
      attributes: { axis: int(1) },
    });
    graph.output('sentence_embedding', DataType.FLOAT, ['batch_size', HIDDEN]);
  });
  await checkEncoder(t, await openEncoder(t, folder), input => [hiddenOf(input)[0]!]);
});

t.test('outputs without known names are told by their dimensions and width', async t => {
  const pooledToo = (graph: GraphBuilder, hidden: Value): void => {
    output('onnx::Shape_422')(graph, hidden);
    const first = graph.constant('first', [], [0]);
    graph.node({ op: 'Gather', inputs: [hidden, first], name: '461', attributes: { axis: int(1) } });
    graph.output('461', DataType.FLOAT, ['batch_size', HIDDEN]);
    output('narrow', HIDDEN - 1)(graph, hidden);
  };
  const encoder = await openEncoder(t, await writeFolder(t, pooledToo));
  t.equal(encoder.tokenWidth, HIDDEN);
  await checkEncoder(t, encoder, input => [pooled(hiddenOf(input), 'mean')]);

  const alone = await writeFolder(t, (graph, hidden) => {
    const first = graph.constant('first', [], [0]);
    graph.node({ op: 'Gather', inputs: [hidden, first], name: 'vector', attributes: { axis: int(1) } });
    graph.output('vector', DataType.FLOAT, ['batch_size', HIDDEN]);
  });
  await checkEncoder(t, await openEncoder(t, alone), input => [hiddenOf(input)[0]!]);

  const labels = await writeFolder(t, output('scores', 3), {
    config: { architectures: ['OtherForTokenClassification'], id2label: { 0: 'a', 1: 'b', 2: 'c' } },
  });
  await checkEncoder(t, await openEncoder(t, labels), input => hiddenOf(input).map(x => x.slice(0, 3)));
});

t.test('ids of 32 bits', async t => {
  const folder = await writeFolder(t, output('last_hidden_state'), { ids: DataType.INT32 });
  await checkEncoder(t, await openEncoder(t, folder), input => [pooled(hiddenOf(input), 'mean')]);
});

t.test('the longest input of families that are only run ready-made', async t => {
  const lengthOf = async (config: Readonly<Record<string, unknown>>): Promise<number> =>
    (await openEncoder(t, await writeFolder(t, output('last_hidden_state'), { config }))).contextLength;
  const none = { max_position_embeddings: null };
  t.equal(await lengthOf({ ...none, n_positions: 44 }), 44);
  t.equal(await lengthOf({ ...none, max_seq_len: 45 }), 45);
  t.equal(await lengthOf(none), 512);
  const folder = await writeFolder(t, output('last_hidden_state'), { config: none });
  await writeFile(path.join(folder, 'tokenizer_config.json'), JSON.stringify({ model_max_length: 600 }));
  t.equal((await openEncoder(t, folder)).contextLength, 600);
});

t.test('vectors of tokens, beside those of texts', async t => {
  const both = (graph: GraphBuilder, hidden: Value): void => {
    output('last_hidden_state')(graph, hidden);
    const first = graph.constant('first', [], [0]);
    const inputs = [hidden, first];
    graph.node({ op: 'Gather', inputs, name: 'sentence_embedding', attributes: { axis: int(1) } });
    graph.output('sentence_embedding', DataType.FLOAT, ['batch_size', HIDDEN]);
  };
  for (const finish of [both, output('token_embeddings')]) {
    const encoder = await openEncoder(t, await writeFolder(t, finish));
    t.equal(encoder.tokenWidth, HIDDEN);
    const inputs = randomInputs([3, 9, 5], VOCABULARY).map(({ positions: _, ...input }) => input);
    const outputs = await encoder.run(inputs.map((input, i) => ({ ...input, everyToken: i !== 2 })));
    for (const i of [0, 1]) t.ok(outputError(outputs[i]!, hiddenOf(inputs[i]!)) < 1e-4, `${i}`);
    t.equal(outputs[2]!.rows, 1);
  }
});

t.test('logits of texts, tokens and masks', async t => {
  const open = async (head: string, finish: (graph: GraphBuilder, hidden: Value) => void) =>
    openEncoder(t, await writeFolder(t, finish, { config: { architectures: [`OtherFor${head}`] } }));
  const tokens = await open('TokenClassification', output('logits', 3));
  t.equal(tokens.width, 3);
  await checkEncoder(t, tokens, input => hiddenOf(input).map(x => x.slice(0, 3)));

  const masks = await open('MaskedLM', output('logits'));
  await checkEncoder(t, masks, input => {
    const states = hiddenOf(input);
    return input.positions!.map(position => states[position]!);
  });

  const texts = await open('SequenceClassification', (graph, hidden) => {
    const first = graph.constant('first', [], [0]);
    graph.node({ op: 'Gather', inputs: [hidden, first], name: 'logits', attributes: { axis: int(1) } });
    graph.output('logits', DataType.FLOAT, ['batch_size', HIDDEN]);
  });
  await checkEncoder(t, texts, input => [hiddenOf(input)[0]!]);
});

t.test('logits of spans', async t => {
  const folder = await writeFolder(
    t,
    (graph, hidden) => {
      for (const [feature, name] of ['start_logits', 'end_logits'].entries()) {
        const index = graph.constant(`${name}.index`, [], [feature]);
        graph.node({ op: 'Gather', inputs: [hidden, index], name, attributes: { axis: int(2) } });
        graph.output(name, DataType.FLOAT, ['batch_size', 'sequence_length']);
      }
    },
    { config: { architectures: ['OtherForQuestionAnswering'] } },
  );
  const encoder = await openEncoder(t, folder);
  t.equal(encoder.width, 2);
  await checkEncoder(t, encoder, input => hiddenOf(input).map(x => x.slice(0, 2)));
});

t.test('graphs that cannot be served are refused by name', async t => {
  await t.rejects(openEncoder(t, await writeFolder(t, output('strange', HIDDEN - 1))), {
    code: 'unsupported_model',
    message: /strange \[batch_size, sequence_length, 3\], none of which is what embedding needs/,
  });
  const twice = await writeFolder(t, (graph, hidden) => {
    for (const name of ['one', 'other']) output(name)(graph, hidden);
  });
  await t.rejects(openEncoder(t, twice), { code: 'unsupported_model', message: /one \[.*other \[/ });
  const folder = await writeFolder(t, (graph, hidden) => {
    const extra = graph.input('pixel_values', DataType.FLOAT, ['batch_size', 'sequence_length', HIDDEN]);
    graph.node({ op: 'Add', inputs: [hidden, extra], name: 'last_hidden_state' });
    graph.output('last_hidden_state', DataType.FLOAT, ['batch_size', 'sequence_length', HIDDEN]);
  });
  await t.rejects(openEncoder(t, folder), { code: 'unsupported_model', message: /pixel_values/ });
  const empty = t.testdir({ 'config.json': JSON.stringify(CONFIG) });
  await t.rejects(openEncoder(t, empty), { code: 'unsupported_model', message: /other/ });
});
