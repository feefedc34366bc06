/**
 * A trained encoder-decoder: Misaki's graphemes to phonemes (Apache-2.0), which is one of the shared models,
 * gives the phonemes that its page shows, and those that transformers' `generate` gives.
 */
import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import type { BeamParameters } from '#engine/beams/types.js';
import type { GenerationEngine, GenerationRequest } from '#engine/types.js';
import { SEQ2SEQ_PRECISIONS } from '#graph/build-seq2seq.js';
import type { Precision } from '#graph/precision.js';
import { openSeq2Seq } from '#test/support/check-seq2seq.js';
import { GREEDY, greedy } from '#test/support/generation-request.js';
import { hypotheses, idEngine } from '#test/support/id-engine.js';
import { sharedModel, skipWithout } from '#test/support/shared-models.js';

const MODEL = 'g2p-bart-us';
const skip = skipWithout(MODEL);
const [START, END, UNKNOWN] = [1, 2, 3];

/** What the model's page shows. */
const SHOWN: Readonly<Record<string, string>> = { hello: 'hˈɛlO', inference: 'ɪnfˈɪɹəns' };

/** By transformers, greedily, and by 4 beams the best two. */
const PHONEMES: Readonly<Record<string, readonly [greedy: string, best: string, second: string]>> = {
  hello: ['hˈɛlO', 'hˈɛlO', 'həlˈO'],
  a: ['ˈɑ', 'ˈɑ', 'ɑ'],
  extraordinary: ['ɪkstɹˈɔɹdᵊnˌɛɹi', 'ɪkstɹˈɔɹdᵊnˌɛɹi', 'ˌɛkstɹəˈɔɹdᵊnˌɛɹi'],
  inference: ['ɪnfˈɪɹəns', 'ɪnfˈɪɹəns', 'ˈɪnfəɹəns'],
  cat: ['kˈæt', 'kˈæt', 'kˌæt'],
  Xi: ['ʃi', 'ʃi', 'ʃˈi'],
  translation: ['tɹænzlˈAʃən', 'tɹænzlˈAʃən', 'tɹˌænzlˈAʃən'],
  supercalifragilisticexpialidocious: [
    'sˌupəɹkˌæləfɹˌæʤəlˈɪstɪkstɹspiˌælədˈOʃəs',
    'sˌupəɹkˌæləfɹˌæʤəlˌɪstɪkˌɛkspiˌælədˈOʃəs',
    'sˌupəɹkˌæləfɹˌæʤəlˈɪstɪks',
  ],
  antidisestablishmentarianism: [
    'ˌæntidˌɪsəstˌæblɪʃməntˈɛɹiənˌɪzəm',
    'ˌæntidˌɪsəstˈæblɪʃməntˈɛɹiənˌɪzəm',
    'ˌæntidˌɪsəstˌæblɪʃməntˈɛɹiənˌɪzəm',
  ],
};

const BEAMS: BeamParameters = { width: 4, lengthPenalty: 1, earlyStopping: false, results: 2 };

/** How far scores, which are log-probabilities a token, move where activations have 8 bits. */
const NOISE = 0.03;

/** Phonemes of a word. */
interface Spelling {
  readonly phonemes: string;
  /** Only with beams. */
  readonly score?: number | undefined;
}

/** The model in an engine, told of words. */
interface Speller {
  /** One spelling, or with beams several, best first. */
  spell(word: string, beams?: BeamParameters): Promise<Spelling[]>;
}

const phonemesOf = (spellings: readonly Spelling[]): string[] => spellings.map(({ phonemes }) => phonemes);

/** What may be called the best: those whose scores noise cannot tell from it. */
function nearBest(spellings: readonly Spelling[]): string[] {
  const best = spellings[0]!.score!;
  return phonemesOf(spellings.filter(({ score }) => best - score! < NOISE));
}

async function openSpeller(t: Test, precision: Precision): Promise<Speller> {
  const folder = t.testdir();
  await cp(sharedModel(MODEL), folder, { recursive: true });
  const config = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8')) as Record<
    string,
    string
  >;
  const [graphemes, phonemes] = [[...config.grapheme_chars!], [...config.phoneme_chars!]];
  const engine: GenerationEngine = idEngine(t, await openSeq2Seq(t, folder, precision, 10));
  return {
    spell: async (word, beams) => {
      const letters = [...word].map(letter => Math.max(UNKNOWN, graphemes.indexOf(letter)));
      const request: GenerationRequest = {
        ...greedy([START], { maxTokens: 59, stopTokenIds: new Set([END]) }),
        sampling: { ...GREEDY, forcedLastIds: [END] },
        sourceIds: [START, ...letters, END],
        beams,
      };
      const found = await hypotheses(engine, request);
      return found.map(({ ids, score }) => ({
        score,
        phonemes: ids
          .filter(id => id > UNKNOWN)
          .map(id => phonemes[id])
          .join(''),
      }));
    },
  };
}

for (const precision of SEQ2SEQ_PRECISIONS)
  t.test(`the phonemes that the page shows, ${precision}`, { skip }, async t => {
    const speller = await openSpeller(t, precision);
    const shows = (word: string, likely: Spelling[], beams: Spelling[], when: string): void => {
      const wanted = SHOWN[word]!;
      t.strictSame(phonemesOf(likely), [wanted], `${word}, greedily, ${when}`);
      const best = precision === 'f32' ? phonemesOf(beams).slice(0, 1) : nearBest(beams);
      t.ok(best.includes(wanted), `${word}, by beams, ${when}`, { best });
    };
    for (const word of Object.keys(SHOWN))
      shows(word, await speller.spell(word), await speller.spell(word, BEAMS), 'alone');
    const together = await Promise.all(
      Object.keys(PHONEMES).map(async word => {
        const [likely, beams] = [speller.spell(word), speller.spell(word, BEAMS)];
        return [word, await likely, await beams] as const;
      }),
    );
    for (const [word, likely, beams] of together)
      if (SHOWN[word] !== undefined) shows(word, likely, beams, 'among others');
  });

t.test('the phonemes of transformers, alone and among others', { skip }, async t => {
  const speller = await openSpeller(t, 'f32');
  const words = Object.entries(PHONEMES);
  const together = await Promise.all(
    words.map(([word]) => Promise.all([speller.spell(word), speller.spell(word, BEAMS)])),
  );
  const both = (spellings: readonly Spelling[][]): string[][] => spellings.map(phonemesOf);
  for (const [i, [word, [likely, ...best]]] of words.entries()) {
    t.strictSame(both(together[i]!), [[likely], best], `${word} among others`);
    const alone = [await speller.spell(word), await speller.spell(word, BEAMS)];
    t.strictSame(both(alone), [[likely], best], word);
  }
});
