/**
 * What it costs that tokenizers do what Rust's `tokenizers` does where the library they are made with does something
 * else: characters/ms of ordinary texts (this repository's documents and stories), Kvasir's tokenizer and the library
 * alone taking turns.
 *
 * Run: `npm run bench:tokenizers -- FOLDER...`, folders with a tokenizer.json. Writes `bench/results/tokenizers.md`.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer as Library } from '#text/huggingface.js';
import { createTokenizer } from '#text/tokenizer.js';
import { median } from './support/statistics.js';

const ROUNDS = 15;
const root = fileURLToPath(new URL('../../', import.meta.url));
const folders = process.argv.slice(2);
if (folders.length === 0) throw new Error('name folders with a tokenizer.json');

/** Paragraphs, as requests have them. */
async function ordinaryTexts(): Promise<string[]> {
  const pages = (await readdir(join(root, 'docs'))).filter(name => name.endsWith('.md')).sort();
  const files = [...pages.map(name => `docs/${name}`), 'README.md', 'bench/texts/stories.txt'];
  const contents = await Promise.all(files.map(file => readFile(join(root, file), 'utf8')));
  return contents.flatMap(content => content.split(/\n{2,}/)).filter(text => text.length > 40);
}

async function json(file: string): Promise<object> {
  return JSON.parse(await readFile(file, 'utf8')) as object;
}

const texts = await ordinaryTexts();
const characters = texts.reduce((sum, { length }) => sum + length, 0);
/** @returns characters/ms */
function measure(encode: (text: string) => unknown): number {
  const began = performance.now();
  for (const text of texts) encode(text);
  return characters / (performance.now() - began);
}

const lines: string[] = [];
for (const folder of folders) {
  const definition = await json(join(folder, 'tokenizer.json'));
  const config = await json(join(folder, 'tokenizer_config.json')).catch(() => ({}));
  const tokenizer = createTokenizer(definition, config);
  const library = new Library(definition, config);
  const ways = [(text: string) => tokenizer.encode(text), (text: string) => library.encode(text)];
  const rates: [number[], number[]] = [[], []];
  // The first round warms up.
  for (let round = -1; round < ROUNDS; round++)
    for (const way of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const rate = measure(ways[way]!);
      if (round >= 0) rates[way]!.push(rate);
    }
  const [own, alone] = rates;
  const times = median(own.map((rate, round) => rate / alone[round]!));
  lines.push(
    `| ${basename(folder)} | ${median(own).toFixed(0)} | ${median(alone).toFixed(0)} | ${times.toFixed(2)} |`,
  );
  console.log(lines.at(-1));
}
await writeFile(
  join(root, 'bench/results/tokenizers.md'),
  `# Tokenizers on ordinary texts

\`npm run bench:tokenizers\`: ${texts.length} paragraphs, ${Math.round(characters / 1000)} kB, of this repository's documents and stories; ${cpus()[0]!.model}, Node.js ${process.versions.node}, ${ROUNDS} rounds in turns, medians. The library alone gives other ids for some texts, for which Kvasir has code of its own ([tests](../../docs/tests.md)).

| tokenizer | Kvasir, characters/ms | @huggingface/tokenizers alone | times |
| --- | --: | --: | --: |
${lines.join('\n')}
`,
);
