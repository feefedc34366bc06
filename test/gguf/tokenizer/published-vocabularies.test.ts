import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { openGguf } from '#gguf/reader.js';
import { ggufTokenizer } from '#test/support/gguf-tokenizer.js';

/**
 * Tokenizes the texts that llama.cpp publishes beside vocabularies of GGUF (`models/ggml-vocab-*.gguf`), for which
 * it has the ids that the original tokenizers give, where `KVASIR_VOCABULARIES` is a folder with them:
 * `npm run check:vocabularies` says how to get them.
 */
const FOLDER = process.env.KVASIR_VOCABULARIES;

const SEPARATOR = '\n__ggml_vocab_test__\n';

void t.test('published vocabularies', async t => {
  if (FOLDER === undefined) return t.pass('none are here');
  const names = readdirSync(FOLDER).filter(name => existsSync(path.join(FOLDER, `${name}.out`)));
  for (const name of names) {
    const file = path.join(FOLDER, name);
    const gguf = await openGguf(file);
    const tokenizer = await ggufTokenizer(t.testdir({}), gguf.metadata);
    await gguf.close();
    const texts = readFileSync(`${file}.inp`, 'utf8').split(SEPARATOR);
    const expected = readFileSync(`${file}.out`, 'utf8').split('\n');
    const wrong = texts.filter(
      (text, i) =>
        // llama.cpp does not compose characters where the original does.
        text === text.normalize('NFC') &&
        tokenizer.encode(text, { addSpecialTokens: false }).join(' ') !== expected[i]!.trim(),
    );
    t.same(wrong, [], `${name}: ${texts.length} texts`);
  }
});
