import { Type } from 'typebox';
import type { App } from '#http/app.js';
import { isTokenIds, MAX_INPUTS, textSources } from '#api/encoding/inputs.js';
import { withPrompt } from '#api/encoding/prompt.js';
import { modelField, Texts, TokenIds } from '#routes/shared/fields.js';
import { described, nullable } from '#http/schemas/nullable.js';
import { json, refTo } from '#http/schemas/shared.js';
import { refuseEmpty, TEI_ERRORS, teiErrorResponses } from './errors.js';
import { promptName, TAG } from './fields.js';

const TeiTokenizeRequest = Type.Object(
  {
    model: modelField(),
    inputs: described(Texts, 'A text or several texts.'),
    add_special_tokens: nullable(
      Type.Boolean({ default: true, description: 'With those that the model expects around a text.' }),
    ),
    prompt_name: promptName,
  },
  { $id: 'TeiTokenizeRequest', examples: [{ inputs: 'A fox in the snow' }] },
);

const TeiToken = Type.Object(
  {
    id: Type.Integer(),
    text: Type.String({ description: 'That part of the text; of a special token, its name.' }),
    special: Type.Boolean({ description: 'Whether it is not of the text, but was added to it.' }),
    start: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Where it begins, in Unicode characters (code points); null for special tokens.',
    }),
    stop: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Where it ends: the character behind it.',
    }),
  },
  { $id: 'TeiToken' },
);

const tokenizeSchema = {
  operationId: 'teiTokenize',
  summary: 'Turn texts into tokens',
  description:
    'The tokens of each text, with the prompt in front of it that the model is given for it, as a list of lists, for one text too.',
  tags: [TAG],
  body: refTo(TeiTokenizeRequest),
  response: {
    200: json('The tokens, in the order of the inputs.', Type.Array(Type.Array(refTo(TeiToken))), [
      [
        { id: 2, text: '[CLS]', special: true, start: null, stop: null },
        { id: 318, text: 'A', special: false, start: 0, stop: 1 },
      ],
    ]),
    ...teiErrorResponses(TEI_ERRORS),
  },
};

/** `POST /tokenize` */
export function tokenize(app: App): void {
  app.addSchema(TeiTokenizeRequest);
  app.addSchema(TeiToken);

  app.post('/tokenize', { schema: tokenizeSchema }, async (request, reply) => {
    const { body } = request;
    const sources = textSources('inputs', body.inputs);
    refuseEmpty(request, sources);
    const model = await request.model('tokenize');
    const items = withPrompt(model, sources, body).map(({ text }): [string] => [text]);
    const options = { withSpecial: body.add_special_tokens ?? true };
    const lists = await model.texts.map('describeTokens', items, options, request.scope, 'inputs');
    return reply.type('application/json; charset=utf-8').send(`[${lists.join()}]`);
  });
}

const TeiDecodeRequest = Type.Object(
  {
    model: modelField(),
    ids: Type.Union([TokenIds, Type.Array(TokenIds, { minItems: 1, maxItems: MAX_INPUTS })], {
      description: 'Token ids, or lists of such.',
    }),
    skip_special_tokens: nullable(
      Type.Boolean({ default: true, description: 'Leave special tokens out of the text.' }),
    ),
  },
  { $id: 'TeiDecodeRequest', examples: [{ ids: [[101, 2003, 102]] }] },
);

const decodeSchema = {
  operationId: 'teiDecode',
  summary: 'Turn token ids into texts',
  description: 'The texts as a list, for one list of ids too.',
  tags: [TAG],
  body: refTo(TeiDecodeRequest),
  response: {
    200: json('The texts.', Type.Array(Type.String()), ['A fox in the snow']),
    ...teiErrorResponses(TEI_ERRORS),
  },
};

/** `POST /decode` */
export function decode(app: App): void {
  app.addSchema(TeiDecodeRequest);

  app.post('/decode', { schema: decodeSchema }, async request => {
    const { body } = request;
    const { texts } = await request.model('tokenize');
    const options = { skipSpecialTokens: body.skip_special_tokens ?? true };
    const lists = isTokenIds(body.ids) ? [body.ids] : body.ids;
    return texts.map('decodeIds', lists, options, request.scope, 'ids');
  });
}
