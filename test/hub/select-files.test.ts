import t from 'tap';
import { selectDescription, selectFiles } from '#hub/select-files.js';

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

t.test('the encoder of an encoder-decoder comes with its decoders', async t => {
  const names = [
    'decoder_model_merged',
    'decoder_model_merged_quantized',
    'encoder_model',
    'encoder_model_quantized',
  ];
  const graphs = names.map(name => `onnx/${name}.onnx`);
  t.strictSame(selectFiles(graphs, {}), ['onnx/decoder_model_merged.onnx', 'onnx/encoder_model.onnx']);
  t.strictSame(selectFiles(graphs, { precision: 'int8' }), [
    'onnx/decoder_model_merged_quantized.onnx',
    'onnx/encoder_model_quantized.onnx',
  ]);
  t.strictSame(selectFiles(['onnx/model.onnx', 'onnx/encoder_model.onnx'], {}), ['onnx/model.onnx']);
});
