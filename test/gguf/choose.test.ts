import t from 'tap';
import { chooseGguf, ggufStem, isGgufModel } from '#gguf/choose.js';

const choose = (names: readonly string[], wanted?: string): readonly string[] =>
  chooseGguf(names, wanted, 'the place', (file, quantization) => `${file} or :${quantization}`);

const SPLIT = ['big/M-Q8_0-00001-of-00002.gguf', 'big/M-Q8_0-00002-of-00002.gguf'];
const SEVERAL = ['README.md', 'mmproj-M-f16.gguf', 'M-Q4_K_M.gguf', 'M-UD-Q4_K_XL.gguf', ...SPLIT];

t.test('the only model, whatever is beside it', async t => {
  t.strictSame(choose(['config.json', 'M.GGUF', 'mmproj.gguf', 'M.imatrix.gguf']), ['M.GGUF']);
  t.strictSame(choose([...SPLIT].reverse()), SPLIT);
  t.strictSame(choose(['model.safetensors', 'mmproj-F16.gguf']), []);
});

t.test('one of several, by how it is quantized or by its name', async t => {
  t.strictSame(choose(SEVERAL, 'Q4_K_M'), ['M-Q4_K_M.gguf']);
  t.strictSame(choose(SEVERAL, 'q4_k_m'), ['M-Q4_K_M.gguf'], 'whatever its case');
  t.strictSame(choose(SEVERAL, 'UD-Q4_K_XL'), ['M-UD-Q4_K_XL.gguf']);
  t.strictSame(choose(SEVERAL, 'Q8_0'), SPLIT, 'all parts');
  t.strictSame(choose(SEVERAL, 'M-Q4_K_M.gguf'), ['M-Q4_K_M.gguf']);
  t.strictSame(choose(['UD-IQ1_S/m-00001-of-00001.gguf', 'a.gguf'], 'UD-IQ1_S'), [
    'UD-IQ1_S/m-00001-of-00001.gguf',
  ]);
});

t.test('refusals say what there is', async t => {
  const refused = (names: readonly string[], wanted: string | undefined, message: RegExp): void =>
    void t.throws(() => choose(names, wanted), { code: 'invalid_configuration', message });
  refused(
    SEVERAL,
    undefined,
    /several GGUF files: M-Q4_K_M\.gguf, M-UD-Q4_K_XL\.gguf, big\/M-Q8_0-00001-of-00002\.gguf; .* M-Q4_K_M\.gguf or :Q4_K_M$/,
  );
  refused(SEVERAL, 'Q5_K_M', /no GGUF file of the place is 'Q5_K_M': M-Q4_K_M\.gguf, /);
  refused(SEVERAL, '4_K_M', /no GGUF file/);
  refused(SEVERAL, 'Q4_K', /no GGUF file/);
  refused(['model.safetensors'], 'Q4_0', /there are none$/);
  refused(['a-Q4_0.gguf', 'b-Q4_0.gguf'], 'Q4_0', /several GGUF files: a-Q4_0\.gguf, b-Q4_0\.gguf/);
  const [first, second] = SPLIT as [string, string];
  for (const [there, missing] of [
    [first, second],
    [second, first],
  ] as const)
    t.throws(() => choose([there]), { code: 'invalid_model', message: `but not ${missing}` });
});

t.test('names', async t => {
  t.equal(ggufStem('/models/M-Q8_0-00001-of-00002.gguf'), 'M-Q8_0');
  t.equal(ggufStem('M.gguf'), 'M');
  t.notOk(isGgufModel('model-mmproj-f16.gguf'));
  t.ok(isGgufModel('mmprojector.gguf'));
});
