import { Type } from 'typebox';
import { modelField, resultList } from '#routes/shared/fields.js';
import { nullable } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

/**
 * Longest context, and question, in UTF-16 units: a long text keeps the tokenizer busy, and others waiting.
 */
const MAX_CONTEXT = 100_000;

const QuestionAnsweringRequest = Type.Object(
  {
    model: modelField(),
    question: Type.String({ minLength: 1, maxLength: MAX_CONTEXT, examples: ['Where do foxes live?'] }),
    context: Type.String({
      minLength: 1,
      maxLength: MAX_CONTEXT,
      description:
        'The text to look for the answer in. One that is longer than the model can read is read in windows.',
    }),
    top_k: nullable(
      Type.Integer({ minimum: 1, maximum: 100, default: 1, description: 'How many answers to give.' }),
    ),
    max_answer_len: nullable(
      Type.Integer({ minimum: 1, maximum: 512, default: 15, description: 'Longest answer, in tokens.' }),
    ),
    handle_impossible_answer: nullable(
      Type.Boolean({
        default: false,
        description:
          'The empty answer, with `start` and `end` 0, may be among the answers: that the context has none. For models that were trained for it.',
      }),
    ),
    align_to_words: nullable(Type.Boolean({ default: true, description: 'Extend answers to whole words.' })),
    max_seq_len: nullable(
      Type.Integer({
        minimum: 1,
        description: "Longest window, question and special tokens included. By default the model's limit.",
      }),
    ),
    doc_stride: nullable(
      Type.Integer({
        minimum: 0,
        description:
          'How many tokens two neighbouring windows share. By default 128, or half of a shorter window.',
      }),
    ),
  },
  {
    $id: 'QuestionAnsweringRequest',
    description: 'Unknown fields are ignored.',
    examples: [
      {
        model: 'encoder',
        question: 'Where do foxes live?',
        context: 'A fox digs its den in the wood, and sometimes in a garden.',
      },
    ],
  },
);

const Answer = Type.Object(
  {
    score: Type.Number({ description: 'A probability, over all places of the context.' }),
    start: Type.Integer({
      description: 'Where it begins in the context, in Unicode characters (code points).',
    }),
    end: Type.Integer({ description: 'Where it ends: the character behind it.' }),
    answer: Type.String({ description: 'That part of the context.' }),
  },
  { $id: 'Answer' },
);

const AnswerList = resultList(
  'AnswerList',
  { data: Type.Array(refTo(Answer), { description: 'The most probable answer first.' }) },
  { prefix: 'answer', results: [{ score: 0.91, start: 19, end: 30, answer: 'in the wood' }], tokens: 24 },
);

/** To be made known before the route. */
export const schemas = [QuestionAnsweringRequest, Answer, AnswerList];

export const questionAnsweringSchema = {
  operationId: 'createAnswer',
  summary: 'Answer a question from a text',
  description:
    'The part of a text that answers a question, as the pipeline of transformers finds it. Scores of long texts, which are read in windows, can be compared across the windows.',
  tags: ['Encoders'],
  body: refTo(QuestionAnsweringRequest),
  response: {
    200: json('The answers.', refTo(AnswerList)),
    ...errorResponses(MODEL_ERRORS),
  },
};
