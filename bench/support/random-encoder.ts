import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededRandom } from '#test/support/seeded-random.js';
import { int, ints } from '#graph/onnx/attributes.js';
import { DataType, GraphBuilder, type Value } from '#graph/onnx/graph-builder.js';
import { writeSafetensors, type Shapes } from './random-model.js';

/** The shape of all-MiniLM-L6-v2: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2 */
const MINILM_L6 = {
  hidden_size: 384,
  intermediate_size: 1536,
  num_hidden_layers: 6,
  num_attention_heads: 12,
  vocab_size: 30522,
  max_position_embeddings: 512,
  type_vocab_size: 2,
};

const { hidden_size: HIDDEN, intermediate_size: INNER, num_attention_heads: HEADS } = MINILM_L6;
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

/** A text of so many tokens, `[CLS]` and `[SEP]` included. */
export function randomText(tokens: number, random: () => number): string {
  const words = MINILM_L6.vocab_size - SPECIAL.length;
  return Array.from({ length: tokens - 2 }, () => `w${Math.floor(random() * words).toString(36)}`).join(' ');
}

/**
 * Writes a sentence-transformers folder with random weights: real in shape and cost, not in what it says. Beside them lies
 * `onnx/model.onnx`, written as PyTorch's exporter does, for those who run ready-made graphs; its weights are others. Nothing is done where
 * the folder exists already.
 *
 * @returns the folder.
 */
export async function writeRandomMiniLm(folder: string): Promise<string> {
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  await mkdir(join(partial, '1_Pooling'), { recursive: true });
  await mkdir(join(partial, 'onnx'));
  const json = (name: string, content: unknown): Promise<void> =>
    writeFile(join(partial, name), JSON.stringify(content));
  await json('config.json', {
    architectures: ['BertModel'],
    model_type: 'bert',
    hidden_act: 'gelu',
    layer_norm_eps: 1e-12,
    pad_token_id: 0,
    ...MINILM_L6,
  });
  await json(
    'modules.json',
    ['Transformer', 'Pooling', 'Normalize'].map((type, idx) => ({
      idx,
      name: `${idx}`,
      path: idx === 0 ? '' : `${idx}_${type}`,
      type: `sentence_transformers.models.${type}`,
    })),
  );
  await json('1_Pooling/config.json', { word_embedding_dimension: HIDDEN, pooling_mode_mean_tokens: true });
  await json('tokenizer.json', wordTokenizer());
  await json('tokenizer_config.json', {
    tokenizer_class: 'BertTokenizer',
    model_max_length: 512,
    pad_token: '[PAD]',
    unk_token: '[UNK]',
    cls_token: '[CLS]',
    sep_token: '[SEP]',
    mask_token: '[MASK]',
  });
  await writeSafetensors(join(partial, 'model.safetensors'), miniLmTensors());
  await exportedGraph().save(join(partial, 'onnx/model.onnx'));
  await rename(partial, folder);
  return folder;
}

function miniLmTensors(): Shapes {
  const shapes: Record<string, readonly number[]> = {
    'embeddings.word_embeddings.weight': [MINILM_L6.vocab_size, HIDDEN],
    'embeddings.position_embeddings.weight': [MINILM_L6.max_position_embeddings, HIDDEN],
    'embeddings.token_type_embeddings.weight': [MINILM_L6.type_vocab_size, HIDDEN],
    'embeddings.LayerNorm.weight': [HIDDEN],
    'embeddings.LayerNorm.bias': [HIDDEN],
  };
  for (let layer = 0; layer < MINILM_L6.num_hidden_layers; layer++) {
    const add = (name: string, ...shape: number[]): void => {
      shapes[`encoder.layer.${layer}.${name}`] = shape;
    };
    const dense = (name: string, rows: number, columns: number): void => {
      add(`${name}.weight`, rows, columns);
      add(`${name}.bias`, rows);
    };
    for (const side of ['query', 'key', 'value']) dense(`attention.self.${side}`, HIDDEN, HIDDEN);
    dense('attention.output.dense', HIDDEN, HIDDEN);
    dense('intermediate.dense', INNER, HIDDEN);
    dense('output.dense', HIDDEN, INNER);
    for (const norm of ['attention.output.LayerNorm', 'output.LayerNorm']) {
      add(`${norm}.weight`, HIDDEN);
      add(`${norm}.bias`, HIDDEN);
    }
  }
  return shapes;
}

/** BERT operator by operator, as PyTorch's exporter writes it: what is fused, ONNX Runtime fuses itself. */
function exportedGraph(): GraphBuilder {
  const graph = new GraphBuilder();
  const random = seededRandom(1);
  const weight = (name: string, ...shape: number[]): Value =>
    graph.initializer(name, DataType.FLOAT, shape, () =>
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (random() - 0.5) / 10),
    );
  const node = (op: string, name: string, inputs: Value[], attributes = {}): Value =>
    graph.node({ op, inputs, name, attributes });
  const scalar = (name: string, value: number): Value => graph.constant(name, [], [value], DataType.FLOAT);
  const dense = (name: string, x: Value, rows: number, columns: number): Value =>
    node('Add', `${name}.sum`, [
      weight(`${name}.bias`, rows),
      node('MatMul', name, [x, weight(`${name}.weight`, columns, rows)]),
    ]);
  const norm = (name: string, x: Value): Value =>
    node('LayerNormalization', name, [x, weight(`${name}.weight`, HIDDEN), weight(`${name}.bias`, HIDDEN)]);

  const shape = ['batch_size', 'sequence_length'];
  const ids = graph.input('input_ids', DataType.INT64, shape);
  const mask = graph.input('attention_mask', DataType.INT64, shape);
  const segments = graph.input('token_type_ids', DataType.INT64, shape);
  const [zero, one] = [0, 1].map(value => graph.constant(`index.${value}`, [], [value])) as [Value, Value];
  const length = node('Gather', 'length', [node('Shape', 'shape', [ids]), one]);
  const positions = node('Range', 'positions', [zero, length, one]);
  const words = node('Gather', 'words', [weight('words.table', MINILM_L6.vocab_size, HIDDEN), ids]);
  const places = node('Gather', 'places', [weight('places.table', 512, HIDDEN), positions]);
  const types = node('Gather', 'types', [weight('types.table', 2, HIDDEN), segments]);
  let x = norm('embedded', node('Add', 'summed', [node('Add', 'typed', [words, types]), places]));

  const [half, unit, root] = [scalar('half', 0.5), scalar('unit', 1), scalar('root', Math.SQRT2)];
  const seen = node(
    'Cast',
    'seen',
    [node('Unsqueeze', 'wide', [mask, graph.constant('axes', [2], [1, 2])])],
    {
      to: int(DataType.FLOAT),
    },
  );
  const shutOut = node('Mul', 'shut_out', [
    node('Sub', 'unseen', [unit, seen]),
    scalar('lowest', -3.4028234663852886e38),
  ]);
  const headShape = graph.constant('head_shape', [4], [0, 0, HEADS, HIDDEN / HEADS]);
  const flatShape = graph.constant('flat_shape', [3], [0, 0, HIDDEN]);
  const scale = scalar('scale', Math.sqrt(HIDDEN / HEADS));
  for (let layer = 0; layer < MINILM_L6.num_hidden_layers; layer++) {
    const at = (name: string): string => `layer.${layer}.${name}`;
    const heads = (name: string, perm: number[]): Value =>
      node(
        'Transpose',
        at(`${name}.heads`),
        [node('Reshape', at(`${name}.split`), [dense(at(name), x, HIDDEN, HIDDEN), headShape])],
        {
          perm: ints(perm),
        },
      );
    const [query, key, value] = [
      heads('q', [0, 2, 1, 3]),
      heads('k', [0, 2, 3, 1]),
      heads('v', [0, 2, 1, 3]),
    ];
    const scores = node('Div', at('scaled'), [node('MatMul', at('scores'), [query, key]), scale]);
    const shares = node('Softmax', at('shares'), [node('Add', at('masked'), [scores, shutOut])], {
      axis: int(-1),
    });
    const merged = node('Transpose', at('merged'), [node('MatMul', at('mixed'), [shares, value])], {
      perm: ints([0, 2, 1, 3]),
    });
    const attended = dense(at('o'), node('Reshape', at('flat'), [merged, flatShape]), HIDDEN, HIDDEN);
    x = norm(at('norm1'), node('Add', at('sum1'), [attended, x]));
    const up = dense(at('up'), x, INNER, HIDDEN);
    const erf = node('Erf', at('erf'), [node('Div', at('gelu.scaled'), [up, root])]);
    const product = node('Mul', at('gelu.product'), [up, node('Add', at('gelu.sum'), [erf, unit])]);
    const down = dense(at('down'), node('Mul', at('gelu'), [product, half]), HIDDEN, INNER);
    x = norm(at('norm2'), node('Add', at('sum2'), [down, x]));
  }
  node('Identity', 'last_hidden_state', [x]);
  graph.output('last_hidden_state', DataType.FLOAT, [...shape, HIDDEN]);
  return graph;
}

/** WordPiece over made-up words, each of them one token. */
export function wordTokenizer(): unknown {
  const words = MINILM_L6.vocab_size - SPECIAL.length;
  const tokens = [...SPECIAL, ...Array.from({ length: words }, (_, i) => `w${i.toString(36)}`)];
  const special = (id: string, type: number): unknown => ({ SpecialToken: { id, type_id: type } });
  const part = (id: string, type: number): unknown => ({ Sequence: { id, type_id: type } });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map((content, id) => ({
      id,
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]', 0), part('A', 0), special('[SEP]', 0)],
      pair: [special('[CLS]', 0), part('A', 0), special('[SEP]', 0), part('B', 1), special('[SEP]', 1)],
      special_tokens: Object.fromEntries(
        SPECIAL.map((content, id) => [content, { id: content, ids: [id], tokens: [content] }]),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  };
}
