import t from 'tap';
import { neededIndex, selectDescription, selectFiles } from '#hub/select-files.js';

t.test('an exported encoder-decoder: both parts, of one precision', async t => {
  const stems = ['encoder_model', 'decoder_model', 'decoder_model_merged', 'decoder_with_past_model'];
  const names = ['', '_quantized'].flatMap(suffix => stems.map(stem => `onnx/${stem}${suffix}.onnx`));
  const data = 'onnx/encoder_model.onnx_data';
  const all = ['config.json', ...names, data];
  const merged = ['onnx/encoder_model.onnx', data, 'onnx/decoder_model_merged.onnx'];
  t.strictSame(selectFiles(all, {}), ['config.json', ...merged]);
  t.strictSame(selectFiles(all, { precision: 'int8' }), [
    'config.json',
    'onnx/encoder_model_quantized.onnx',
    'onnx/decoder_model_merged_quantized.onnx',
  ]);
  t.strictSame(selectFiles([...all, 'model.safetensors'], {}), ['config.json', 'model.safetensors']);
  t.strictSame(selectFiles([...all, 'model.safetensors'], { format: 'onnx' }), ['config.json', ...merged]);
  t.strictSame(selectFiles(['onnx/model.onnx', 'onnx/encoder_model.onnx'], {}), ['onnx/model.onnx']);
});

t.test('two exported towers, without the graph of both', async t => {
  const graphs = ['model', 'text_model', 'vision_model'].flatMap(stem => [
    `onnx/${stem}.onnx`,
    `onnx/${stem}_fp16.onnx`,
  ]);
  const small = ['config.json', 'preprocessor_config.json', 'tokenizer.json'];
  const names = [...small, ...graphs];
  t.strictSame(selectFiles(names, {}), [...small, 'onnx/vision_model.onnx', 'onnx/text_model.onnx']);
  t.strictSame(selectFiles(names, { precision: 'f16' }), [
    ...small,
    'onnx/vision_model_fp16.onnx',
    'onnx/text_model_fp16.onnx',
  ]);
  t.strictSame(selectFiles([...names, 'model.safetensors'], {}), [...small, 'model.safetensors']);
});

t.test('how the features of sounds are made', async t => {
  const names = [
    'config.json',
    'generation_config.json',
    'model.fp32-00001-of-00002.safetensors',
    'model.safetensors',
    'normalizer.json',
    'preprocessor_config.json',
    'processor_config.json',
    'tokenizer.json',
  ];
  t.strictSame(
    selectFiles(names, {}).sort(),
    names.filter(name => !/normalizer|fp32/.test(name)),
  );
});

t.test('the small files of sentence-transformers, wherever they stand', async t => {
  const names = [
    '.gitattributes',
    'README.md',
    '1_Pooling/config.json',
    '2_Dense/config.json',
    '2_Dense/model.safetensors',
    '2_Dense/pytorch_model.bin',
    'colbert_linear.pt',
    'config.json',
    'config_sentence_transformers.json',
    'model.safetensors',
    'modules.json',
    'onnx/model.onnx',
    'sentence_xlm-roberta_config.json',
    'sparse_linear.pt',
    'tokenizer.json',
    'tokenizer_config.json',
    'vocab.txt',
  ];
  t.strictSame(
    selectFiles(names, {}).sort(),
    names.filter(name => !/^(\.|README|onnx|vocab)|\.bin$/.test(name)),
    'all but what is not read',
  );
  const old = names.filter(name => name !== 'tokenizer.json');
  t.ok(selectFiles(old, {}).includes('vocab.txt'), 'a vocabulary is read where there is nothing newer');
});

t.test('an encoder in a folder of its own', async t => {
  const names = [
    '0_Transformer/config.json',
    '0_Transformer/model.safetensors',
    '0_Transformer/sentence_bert_config.json',
    '0_Transformer/tokenizer.json',
    '0_Transformer/vocab.txt',
    '1_Pooling/config.json',
    'modules.json',
  ];
  t.strictSame(
    selectFiles(names, {}).sort(),
    names.filter(name => !name.endsWith('vocab.txt')),
  );
  const denseOnly = ['2_Dense/model.safetensors', 'modules.json', 'tf_model.h5', 'config.json'];
  t.throws(() => selectFiles(denseOnly, {}), { code: 'unsupported_model' });
});

t.test('a tokenizer without tokenizer.json: its models and lists', async t => {
  const marian = ['config.json', 'source.spm', 'target.spm', 'vocab.json', 'tokenizer_config.json'];
  const others = ['sentencepiece.bpe.model', 'spiece.model', 'tokenizer.model', 'added_tokens.json'];
  t.strictSame(selectDescription([...marian, 'pytorch_model.bin', 'model/source.spm']), marian);
  for (const name of others) t.strictSame(selectDescription([name, 'README.md']), [name]);
});

t.test('where there is a tokenizer.json, nothing else is asked for', async t => {
  const names = ['tokenizer.json', 'vocab.json', 'merges.txt', 'spiece.model', 'source.spm'];
  t.strictSame(selectDescription(names), ['tokenizer.json']);
});

t.test('a GGUF file needs no other', async t => {
  const names = [
    'README.md',
    'config.json',
    'M-Q4_K_M.gguf',
    'M-F16-00001-of-00002.gguf',
    'M-F16-00002-of-00002.gguf',
  ];
  t.strictSame(selectFiles(names, { gguf: 'Q4_K_M' }), ['M-Q4_K_M.gguf']);
  t.strictSame(selectFiles(names, { gguf: 'f16' }), names.slice(3));
  t.strictSame(selectFiles(names.slice(0, 3), {}), ['M-Q4_K_M.gguf']);
  t.throws(() => selectFiles(names, {}), {
    code: 'invalid_configuration',
    message: /several GGUF files: M-Q4_K_M\.gguf, M-F16-00001-of-00002\.gguf; .* owner\/name:Q4_K_M$/,
  });
  const both = [...names, 'model.safetensors'];
  t.strictSame(selectFiles(both, {}), ['config.json', 'model.safetensors']);
  t.strictSame(selectFiles(both, { gguf: 'Q4_K_M' }), ['M-Q4_K_M.gguf']);
  t.equal(neededIndex([...names, 'model.safetensors.index.json'], { gguf: 'Q4_K_M' }), undefined);
});

t.test('files of PyTorch where there are no safetensors, before exports', async t => {
  const old = [
    '2_Dense/config.json',
    '2_Dense/pytorch_model.bin',
    'colbert_linear.pt',
    'config.json',
    'modules.json',
  ];
  const names = [...old, 'onnx/model.onnx', 'pytorch_model.bin'];
  t.strictSame(selectFiles(names, {}), [...old, 'pytorch_model.bin']);
  t.strictSame(selectFiles(names, { format: 'safetensors' }), [...old, 'pytorch_model.bin']);
  t.strictSame(selectFiles(names, { format: 'onnx' }), [...old, 'onnx/model.onnx']);
  t.strictSame(selectFiles([...names, 'x-Q4_K_M.gguf'], {}), [...old, 'pytorch_model.bin']);
  const index = 'pytorch_model.bin.index.json';
  const shards = ['pytorch_model-00001-of-00002.bin', 'pytorch_model-00002-of-00002.bin'];
  t.equal(neededIndex([index, ...shards], {}), index);
  t.equal(neededIndex([index, ...shards], { format: 'onnx' }), undefined);
  t.equal(neededIndex([index, ...shards, 'model.safetensors'], {}), undefined);
  t.strictSame(selectFiles([index, ...shards], {}, shards), [index, ...shards]);
  t.throws(() => selectFiles([index], {}, shards), {
    code: 'invalid_model',
    message: new RegExp(`^${index} names`),
  });
});
