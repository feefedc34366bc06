import t from 'tap';
import { libreTranslatePeerFields } from '#routes/libretranslate/peer-fields.js';
import { startWholeServer } from '#test/support/whole-server.js';
import { checkContract, type Answer, type Contract } from './contract.js';

const { url } = await startWholeServer(t, 64);

interface Translated {
  readonly translatedText: string | string[];
  readonly alternatives?: string[];
}

const translated = ({ text }: Answer): Translated => JSON.parse(text) as Translated;

const contracts: readonly Omit<Contract, 'fields'>[] = [
  {
    path: '/translate',
    plain: { q: 'A fox', source: 'en', target: 'de' },
    cases: {
      q: async (ask, t) => {
        t.equal(translated(await ask({})).translatedText, 'A FOX');
        t.strictSame(translated(await ask({ q: ['a', 'b'] })).translatedText, ['A', 'B']);
        for (const q of ['', [], null, 1]) t.equal((await ask({ q })).status, 400);
      },
      source: async (ask, t) => {
        t.equal((await ask({ source: 'EN' })).status, 200);
        t.match(translated(await ask({ source: 'auto', q: 'What is the time?' })), {
          detectedLanguage: { language: 'en', confidence: Number },
        });
        for (const source of ['', 'xx', null]) t.equal((await ask({ source })).status, 400);
      },
      target: async (ask, t) => {
        t.equal((await ask({ target: 'de' })).status, 200);
        for (const target of ['', 'xx', null]) t.equal((await ask({ target })).status, 400);
      },
      format: async (ask, t) => {
        const q = '<p class="a">a</p>';
        t.equal(translated(await ask({ q, format: 'html' })).translatedText, '<p class="a">A</p>');
        t.equal(translated(await ask({ q, format: 'text' })).translatedText, '<P CLASS="A">A</P>');
        t.equal((await ask({ format: 'x' })).status, 400);
      },
      alternatives: async (ask, t) => {
        t.strictSame(translated(await ask({ alternatives: 2 })).alternatives, ['A FOX!', 'A FOX!!']);
        t.equal(translated(await ask({ alternatives: 0 })).alternatives, undefined);
        for (const alternatives of [-1, 32, 'x']) t.equal((await ask({ alternatives })).status, 400);
      },
    },
  },
  {
    path: '/detect',
    plain: { q: 'What is the time?' },
    cases: {
      q: async (ask, t) => {
        t.match(JSON.parse((await ask({})).text), [{ language: 'en', confidence: Number }]);
        t.equal((await ask({ q: '' })).status, 400);
      },
    },
  },
];

for (const contract of contracts)
  checkContract(t, url, { ...contract, fields: libreTranslatePeerFields[contract.path]! });

t.test('every table has its contract', async t => {
  t.strictSame(contracts.map(({ path }) => path).sort(), Object.keys(libreTranslatePeerFields).sort());
});
