import type { Test } from 'tap';
import { PLAIN_SENTENCES } from '#model/sentence-config.js';
import { Registry } from '#registry/registry.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { fakeTowersModel, fakeVisionModel } from '#test/support/fake-vision-model.js';
import { startServer } from '#test/support/http-server.js';
import { dataUrl, plainPng } from '#test/support/png.js';
import type { Answer } from './contract.js';

/** Longest input of the models, in tokens. */
export const CONTEXT = 32;

/** A text of more tokens than that. */
export const LONG = `${'a b '.repeat(30)}the`;

/** Texts whose vectors and scores all differ. */
export const [A, B] = ['a b c', 'the token'] as const;

/** Pictures whose vectors and scores all differ. */
export const [RED, BLUE] = [dataUrl(plainPng([255, 0, 0])), dataUrl(plainPng([0, 0, 255]))] as const;

/** A server with an encoder of each kind, whose results depend on all the tokens that they read. */
export async function startEncoders(t: Test): Promise<string> {
  const tasks = [{ task: 'retrieval.query', instruction: 'the ' }];
  const sentences = { ...PLAIN_SENTENCES, prompts: new Map([['query', 'the ']]), tasks };
  const registry = new Registry([
    fakeEncoderModel('embedding', { sentences, tokenWidth: 4 }),
    fakeEncoderModel('embedding', { id: 'other', width: 3 }),
    fakeEncoderModel('sequence-classification', {
      id: 'classifier',
      width: 3,
      labels: ['sad', 'glad', 'mad'],
      activation: 'softmax',
    }),
    fakeEncoderModel('sequence-classification', {
      id: 'ranker',
      width: 1,
      labels: ['score'],
      activation: 'sigmoid',
    }),
    fakeEncoderModel('sequence-classification', {
      id: 'instructed',
      width: 1,
      labels: ['score'],
      activation: 'sigmoid',
      sentences,
      pairs: {
        write: async ({ text, pair = '' }, prompt) => `${prompt} ${text} ${pair}`,
        end: async () => [],
      },
    }),
    fakeEncoderModel('fill-mask'),
    fakeVisionModel('image-classification'),
    fakeTowersModel(),
  ]);
  const { url } = await startServer(t, { registry });
  return url;
}

export function json<T>({ text }: Answer): T {
  return JSON.parse(text) as T;
}
