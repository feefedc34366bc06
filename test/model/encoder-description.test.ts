import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { f32, safetensors } from '#test/support/safetensors.js';
import { describeEncoder, modelKind } from '#model/encoder-description.js';

let count = 0;

/** A folder with nothing but a config.json, and perhaps other small files. */
async function folderWith(
  t: Test,
  config: Readonly<Record<string, unknown>>,
  others: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const folder = path.join(t.testdirName, `${count++}`);
  // What an earlier run has left would count.
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries({ 'config.json': config, ...others }))
    await writeFile(path.join(folder, name), JSON.stringify(content));
  return folder;
}

t.test('encoders and generators are told apart', async t => {
  const cases: [Record<string, unknown>, 'encoder' | 'generation' | 'seq2seq'][] = [
    [{ model_type: 'bert', architectures: ['BertModel'] }, 'encoder'],
    [{ model_type: 'xlm-roberta', architectures: ['XLMRobertaLoRA'] }, 'encoder'],
    [{ model_type: 'bert', architectures: ['BertForMaskedLM'] }, 'encoder'],
    [{ model_type: 'bert', architectures: ['BertLMHeadModel'] }, 'generation'],
    [{ model_type: 'modernbert' }, 'encoder'],
    [{ model_type: 'llama' }, 'generation'],
    [{ model_type: 'llama', architectures: ['LlamaForCausalLM'] }, 'generation'],
    [{ model_type: 'llama', architectures: ['LlamaModel'] }, 'encoder'],
    [{ model_type: 'llama', architectures: ['LlamaForSequenceClassification'] }, 'encoder'],
    [{ model_type: 'gpt2', architectures: ['GPT2LMHeadModel'] }, 'generation'],
    [{ model_type: 't5', architectures: ['T5ForConditionalGeneration'] }, 'seq2seq'],
    [{}, 'generation'],
  ];
  for (const [config, kind] of cases)
    t.equal(await modelKind(await folderWith(t, config)), kind, JSON.stringify(config));
  const sentence = await folderWith(t, { model_type: 'qwen3', architectures: ['Qwen3ForCausalLM'] });
  await writeFile(path.join(sentence, 'modules.json'), '[]');
  t.equal(await modelKind(sentence), 'encoder');
  await t.rejects(modelKind(path.join(t.testdirName, 'none')), { code: 'invalid_model' });
});

t.test('layers on single tokens beside a model, which come in twos', async t => {
  const config = { model_type: 'xlm-roberta', architectures: ['XLMRobertaModel'] };
  const folder = await folderWith(t, config);
  t.equal((await describeEncoder(folder)).sentences.hasTokenHeads, false);
  const tensors = { weight: f32([5, 24], Array<number>(120).fill(0)), bias: f32([5], [0, 0, 0, 0, 0]) };
  await writeFile(path.join(folder, 'colbert_linear.safetensors'), safetensors(tensors));
  await t.rejects(describeEncoder(folder), {
    code: 'unsupported_model',
    message: /there is colbert_linear.safetensors, but no sparse_linear/,
  });
  await writeFile(path.join(folder, 'sparse_linear.safetensors'), safetensors(tensors));
  t.match(await describeEncoder(folder), {
    task: 'embedding',
    modules: { pooling: ['cls'], layers: [{ kind: 'normalize' }], tokenHeads: { dimension: 5 } },
    sentences: { hasTokenHeads: true },
  });
  await writeFile(path.join(folder, 'colbert_linear.safetensors'), safetensors({ bias: tensors.bias }));
  await t.rejects(describeEncoder(folder), { code: 'invalid_model', message: /no matrix 'weight'/ });
  const classifier = { ...config, architectures: ['XLMRobertaForSequenceClassification'] };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(classifier));
  t.equal((await describeEncoder(folder)).sentences.hasTokenHeads, false);
});

t.test('tasks by the name of the architecture', async t => {
  const taskOf = async (name: string): Promise<string> =>
    (await describeEncoder(await folderWith(t, { model_type: 'bert', architectures: [name] }))).task;
  t.equal(await taskOf('BertModel'), 'embedding');
  t.equal(await taskOf('RobertaForSequenceClassification'), 'sequence-classification');
  t.equal(await taskOf('DistilBertForTokenClassification'), 'token-classification');
  t.equal(await taskOf('MPNetForQuestionAnswering'), 'question-answering');
  t.equal(await taskOf('ModernBertForMaskedLM'), 'fill-mask');
  t.equal(await taskOf('BertForPreTraining'), 'fill-mask');
});

t.test('a bare encoder gives the mean of its hidden states', async t => {
  const folder = await folderWith(t, { model_type: 'bert', architectures: ['BertModel'] });
  t.match(await describeEncoder(folder), {
    task: 'embedding',
    modules: { pooling: ['mean'], layers: [] },
    labels: [],
    activation: 'none',
  });
});

t.test('labels and how their logits become scores', async t => {
  const describe = async (fields: Record<string, unknown>, head = 'Sequence') => {
    const architectures = [`BertFor${head}Classification`];
    const { labels, activation } = await describeEncoder(
      await folderWith(t, { model_type: 'bert', architectures, ...fields }),
    );
    return { labels, activation };
  };
  const named = { 0: 'NEGATIVE', 1: 'POSITIVE' };
  const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [i, `label ${i}`]));
  t.strictSame(await describe({ id2label: named }), {
    labels: ['NEGATIVE', 'POSITIVE'],
    activation: 'softmax',
  });
  t.strictSame((await describe({ id2label: many })).labels, Object.values(many));
  t.strictSame(await describe({}), { labels: ['LABEL_0', 'LABEL_1'], activation: 'softmax' });
  t.strictSame(await describe({ num_labels: 1 }), { labels: ['LABEL_0'], activation: 'sigmoid' });
  t.equal((await describe({ problem_type: 'multi_label_classification' })).activation, 'sigmoid');
  t.equal((await describe({ problem_type: 'regression', num_labels: 1 })).activation, 'none');
  t.equal((await describe({ problem_type: 'single_label_classification' })).activation, 'softmax');
  t.equal((await describe({ num_labels: 1 }, 'Token')).activation, 'softmax');
  const python = (name: string) => ({ num_labels: 1, sentence_transformers: { activation_fn: name } });
  t.equal((await describe(python('torch.nn.modules.linear.Identity'))).activation, 'none');
  t.equal((await describe(python('torch.nn.modules.activation.Sigmoid'))).activation, 'sigmoid');
  const old = { num_labels: 1, sbert_ce_default_activation_function: 'torch.nn.modules.linear.Identity' };
  t.equal((await describe(old)).activation, 'none');
  t.strictSame(
    (await describe({ id2label: { 0: 0, 1: true } })).labels,
    ['0', 'True'],
    'as Python writes them',
  );
  await t.rejects(describe({ id2label: { 0: 'a', 5: 'b' } }), { code: 'invalid_model' });
  await t.rejects(describe({ problem_type: 'other' }), { code: 'unsupported_model' });
});

t.test('numbers as labels, as Python writes them', async t => {
  const config = { architectures: ['BertForSequenceClassification'], id2label: { 0: 0, 1: 1 } };
  t.strictSame((await describeEncoder(await folderWith(t, config))).labels, ['0', '1']);
});

t.test(
  'the activation of a cross-encoder, in the places that versions of the library have for it',
  async t => {
    const base = { model_type: 'bert', architectures: ['BertForSequenceClassification'] };
    const describe = async (fields: object, sentences?: object) => {
      const others = sentences && { 'config_sentence_transformers.json': sentences };
      return (await describeEncoder(await folderWith(t, { ...base, ...fields }, others))).activation;
    };
    const kind = { model_type: 'CrossEncoder' };
    const identity = { activation_fn: 'torch.nn.modules.linear.Identity' };
    t.equal(await describe({ num_labels: 1 }, kind), 'sigmoid');
    t.equal(await describe({ num_labels: 3 }, kind), 'none', 'the default for several labels');
    t.equal(await describe({ num_labels: 3, sentence_transformers: { version: '4.1.0' } }), 'none');
    t.equal(await describe({ num_labels: 1 }, { ...kind, ...identity }), 'none');
    t.equal(
      await describe({ num_labels: 1, sentence_transformers: identity }, { ...kind, activation_fn: null }),
      'none',
    );
    t.equal(await describe({ num_labels: 3 }, { ...kind, activation_fn: 'torch.nn.Softmax' }), 'softmax');
    for (const name of ['torch.nn.modules.activation.Tanh', 'mine.Sigmoid']) {
      const refused = { code: 'unsupported_model', message: new RegExp(name) };
      await t.rejects(describe({ num_labels: 1 }, { ...kind, activation_fn: name }), refused);
      await t.rejects(describe({ num_labels: 1, sentence_transformers: { activation_fn: name } }), refused);
      await t.rejects(describe({ num_labels: 1, sbert_ce_default_activation_function: name }), refused);
    }
  },
);

t.test('the kind of model that sentence-transformers names', async t => {
  const describe = async (architecture: string, sentences: object) => {
    const config = { model_type: 'bert', architectures: [architecture] };
    return describeEncoder(await folderWith(t, config, { 'config_sentence_transformers.json': sentences }));
  };
  t.match(await describe('BertModel', { model_type: 'SentenceTransformer' }), { task: 'embedding' });
  t.match(await describe('BertForMaskedLM', { model_type: 'SparseEncoder' }), { task: 'fill-mask' });
  for (const model_type of ['SparseEncoder', 'MultiVectorEncoder', 'Router'])
    await t.rejects(describe('BertModel', { model_type }), {
      code: 'unsupported_model',
      message: new RegExp(`a ${model_type} of sentence-transformers`),
    });
  await t.rejects(describe('BertModel', { model_type: 'CrossEncoder' }), {
    code: 'unsupported_model',
    message: /does not come of a classifier/,
  });
  const prompted = { model_type: 'CrossEncoder', prompts: { q: 'query: ' }, default_prompt_name: 'q' };
  await t.rejects(describe('BertForSequenceClassification', prompted), {
    code: 'unsupported_model',
    message: /default prompt/,
  });
});

t.test('jina-embeddings-v3 as its makers publish it, with an adapter for each task', async t => {
  const config = {
    model_type: 'xlm-roberta',
    architectures: ['XLMRobertaModel'],
    position_embedding_type: 'rotary',
    lora_adaptations: ['retrieval.query', 'separation'],
    task_instructions: { 'retrieval.query': 'Query: ', separation: '' },
  };
  const modules = [
    { idx: 0, path: '', type: 'custom_st.Transformer', kwargs: ['task'] },
    { idx: 1, path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
    { idx: 2, path: '2_Normalize', type: 'sentence_transformers.models.Normalize' },
  ];
  const folder = await folderWith(t, config, { 'modules.json': modules });
  await mkdir(path.join(folder, '1_Pooling'));
  const pooling = { word_embedding_dimension: 24, pooling_mode_mean_tokens: true };
  await writeFile(path.join(folder, '1_Pooling', 'config.json'), JSON.stringify(pooling));
  const described = await describeEncoder(folder);
  t.match(described, { task: 'embedding', modules: { pooling: ['mean'], layers: [{ kind: 'normalize' }] } });
  t.strictSame(described.sentences.tasks, [
    { task: 'retrieval.query', instruction: 'Query: ' },
    { task: 'separation', instruction: '' },
  ]);
  for (const [changed, message] of [
    [{ task_instructions: { 'retrieval.query': 'Query: ' } }, /task_instructions has none for 'separation'/],
    [{ position_embedding_type: 'absolute' }, /lora_adaptations/],
    [{ model_type: 'bert' }, /lora_adaptations/],
  ] as const)
    await t.rejects(describeEncoder(await folderWith(t, { ...config, ...changed })), { message });
});
