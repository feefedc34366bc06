import type { Test } from 'tap';
import { createChatTemplate } from '#chat/template.js';
import { Engine } from '#engine/engine.js';
import { Registry } from '#registry/registry.js';
import { generationModel } from '#registry/models.js';
import type { ServerOptions } from '#server.js';
import { FakeDecoder } from './fake-decoder.js';
import { fakeEncoderModel } from './fake-encoder-service.js';
import { fakeTranslator } from './fake-translator.js';
import { CREATED, startServer } from './http-server.js';
import { byteLevelTokenizer } from './tiny-tokenizers.js';

const TEMPLATE = [
  '{% if tools %}<tool_call>{% endif %}',
  '{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}',
  '{% if documents %}{{ documents[0].text }}{% endif %}',
  '{% if reasoning_effort %}{{ reasoning_effort }}{% endif %}',
  '{% if wish %}{{ wish }}{% endif %}',
  '{% if add_generation_prompt %}a{% endif %}',
].join('');

/** Which of the models of {@link startWholeServer} can do what a path is for. */
export function modelOf(path: string): string {
  if (/fill-mask|sparse/.test(path)) return 'fill-mask';
  if (/question/.test(path)) return 'question-answering';
  if (/token-classification/.test(path)) return 'token-classification';
  if (/classify|predict/.test(path)) return 'sequence-classification';
  if (/rank|score/.test(path)) return 'ranker';
  if (/translate|detect/.test(path)) return 'translator';
  return /embed|similarity|infer$|^\/$|^\/invocations$/.test(path) ? 'embedding' : 'writer';
}

/** A server with a model of every kind. Its text is made by the real engine, over a decoder whose tokens depend on all before them. */
export async function startWholeServer(t: Test, contextLength: number, options: Partial<ServerOptions> = {}) {
  const tokenizer = byteLevelTokenizer();
  const { vocabularySize } = tokenizer;
  const decoder = new FakeDecoder(
    4,
    vocabularySize,
    contextLength,
    tokens => ((tokens.at(-1) ?? 0) * 31 + tokens.length * 7) % vocabularySize,
  );
  const engine = new Engine(decoder, tokenizer);
  const model = generationModel({
    id: 'writer',
    created: CREATED,
    tokenizer,
    engine,
    eosIds: new Set([2]),
    bosId: 0,
    chat: createChatTemplate(TEMPLATE, {}, tokenizer),
  });
  const encoders = [
    fakeEncoderModel('embedding', { tokenWidth: 4 }),
    fakeEncoderModel('sequence-classification', { labels: ['a', 'b', 'c', 'd'], activation: 'softmax' }),
    fakeEncoderModel('sequence-classification', { id: 'ranker', width: 1, labels: ['score'] }),
    fakeEncoderModel('token-classification', { labels: ['O', 'B-X', 'I-X', 'B-Y'] }),
    fakeEncoderModel('fill-mask'),
    fakeEncoderModel('question-answering'),
  ];
  const { model: translator } = fakeTranslator('translator', {
    translates: { sources: ['en'], targets: ['de'] },
  });
  const registry = new Registry([model, ...encoders, translator]);
  const server = await startServer(t, { registry, ...options });
  return { ...server, engine, encoders, registry, models: registry.entries().map(({ id }) => id) };
}
