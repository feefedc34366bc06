import t from 'tap';
import { ModelConfig } from '#graph/config.js';
import { decoderArchitecture, encoderArchitecture } from '#graph/families/index.js';
import { refuseQuantized } from '#graph/quantized-checkpoint.js';

const config = (fields: Readonly<Record<string, unknown>>) => new ModelConfig('config.json', fields);

t.test('types that are not known are named, without a guess', async t => {
  const refused = {
    code: 'unsupported_model',
    message: /model_type 'olmo9' is not supported\. Supported are .*llama/,
  };
  t.throws(() => decoderArchitecture(config({ model_type: 'olmo9' })), refused);
  t.throws(() => encoderArchitecture(config({ model_type: 'olmo9' })), refused);
  t.throws(() => decoderArchitecture(config({ model_type: 'x', auto_map: { AutoModel: 'modeling.X' } })), {
    message: /vendor's own \(auto_map\), which is not run/,
  });
});

t.test('a known type of another kind', async t => {
  const colbert = { model_type: 'bert', architectures: ['HF_ColBERT'] };
  t.throws(() => decoderArchitecture(config(colbert)), {
    code: 'unsupported_model',
    message: /a 'bert' is known, but not as a HF_ColBERT/,
  });
  t.throws(() => encoderArchitecture(config({ model_type: 'marian' })), {
    message: /a 'marian' is known, but not as what is asked for/,
  });
});

t.test('quantized checkpoints are refused by their method', async t => {
  t.doesNotThrow(() => refuseQuantized(config({ quantization_config: null })));
  const refuses = (section: object, message: RegExp): unknown =>
    t.throws(() => refuseQuantized(config({ quantization_config: section })), {
      code: 'unsupported_model',
      message,
    });
  for (const quant_method of ['gptq', 'awq', 'fp8', 'bitsandbytes', 'quark', 'mxfp4', 'torchao'])
    refuses({ quant_method, bits: 4 }, new RegExp(`quantized by ${quant_method} \\(quantization_config\\)`));
  refuses(
    { quant_method: 'compressed-tensors', format: 'pack-quantized' },
    /by compressed-tensors in the format pack-quantized/,
  );
  refuses({ load_in_8bit: true }, /a method that is not named/);
});
