import t from 'tap';
import { missingConfig, missingWeights } from '#graph/folder-contents.js';

const WANTED = 'neither this nor that';

t.test('what there is instead of weights, and what to do', async t => {
  const config = JSON.stringify({ architectures: ['BertForSequenceClassification'] });
  const cases: [Record<string, string>, RegExp][] = [
    [
      { 'pytorch_model.bin': '', 'config.json': config },
      /pytorch_model\.bin .* BertForSequenceClassification\.from_pretrained\(FOLDER\)\.save_pretrained/,
    ],
    [
      { 'pytorch_model-00001-of-00002.bin': '' },
      /pytorch_model\.bin\.index\.json, which names them, is missing/,
    ],
    [{ 'colbert_linear.pt': '', 'pytorch_model.bin': '' }, /; pytorch_model\.bin is/],
    [{ 'colbert_linear.pt': '', 'model.pt': '' }, /; model\.pt is a format that may run code/],
    [{ 'tf_model.h5': '' }, /tf_model\.h5 is of another framework/],
    [{ 'consolidated.safetensors': '' }, /a vendor's own layout/],
    [
      {
        'adapter_config.json': '{"base_model_name_or_path":"a/base","peft_type":"LORA"}',
        'adapter_model.safetensors': '',
      },
      /an adapter \(LORA\) for 'a\/base', not a whole model: merge it/,
    ],
  ];
  for (const [files, message] of cases) {
    const folder = t.testdir(files);
    const error = await missingWeights(folder, WANTED);
    t.match(error, { code: 'unsupported_model', message });
    t.match(error.message, folder);
  }
  const folder = t.testdir({ 'README.md': '' });
  t.match(await missingWeights(folder, WANTED), {
    code: 'invalid_model',
    message: `${folder} has ${WANTED}`,
  });
});

t.test('a folder without config.json', async t => {
  const pickle = await missingConfig(t.testdir({ 'x.pth': '' }));
  t.match(pickle, {
    code: 'unsupported_model',
    message: /config\.json is missing, .* x\.pth is a format that may run code/,
  });
  const adapter = await missingConfig(t.testdir({ 'adapter_config.json': '{}' }));
  t.match(adapter, {
    code: 'unsupported_model',
    message: /adapter_config\.json: an adapter, not a whole model/,
  });
  const onnx = await missingConfig(t.testdir({ 'model.onnx': '', 'tokenizer.json': '{}' }));
  t.match(onnx, { code: 'invalid_model', message: /config\.json is missing, which says what model it is$/ });
});
