import { Type } from 'typebox';
import { TRANSCRIPT_FORMATS } from '#api/transcription/fields.js';
import { CAPABILITIES, MEDIA } from '#http/capabilities.js';
import { COMMON_ERRORS, errorResponses, json, refTo } from '#http/schemas/shared.js';

const EXAMPLE = {
  id: 'stories',
  object: 'model',
  created: 1767225600,
  owned_by: 'kvasir',
  aliases: [],
  state: 'loaded',
  max_model_len: 512,
  task: 'text-generation',
  capabilities: ['completions', 'chat/completions'],
  input_modalities: ['text'],
};

const Model = Type.Object(
  {
    id: Type.String({ description: 'The name that requests use.' }),
    object: Type.String({ const: 'model' }),
    created: Type.Integer({
      description: 'When it was loaded, or else the server started, in seconds since the epoch.',
    }),
    owned_by: Type.String(),
    aliases: Type.Array(Type.String(), { description: 'Other names that requests may use.' }),
    state: Type.String({
      enum: ['loaded', 'loading', 'unloaded', 'failed'],
      description:
        'A model that is not loaded is when a request comes for it. One that failed cannot be loaded: the log of the server says why.',
    }),
    max_model_len: Type.Optional(
      Type.Integer({
        description:
          'Longest input in tokens; for text generation, input and output together. Only of models that read text.',
      }),
    ),
    task: Type.Optional(
      Type.String({
        description:
          'What it does: `text-generation`, `text2text-generation`, `automatic-speech-recognition`, the task of an encoder, such as `embedding` or `image-classification`, `zero-shot-image-classification`, or `raw-tensors`. Missing only as long as nothing is known of the model: its folder is broken or not here yet.',
      }),
    ),
    capabilities: Type.Optional(
      Type.Array(Type.String({ enum: [...CAPABILITIES] }), {
        description:
          'Endpoints below `/v1` that it answers; `chat/completions` takes a chat template in its folder, and `tools` one that knows of them. `translate` is an endpoint at `/`.',
      }),
    ),
    input_modalities: Type.Optional(
      Type.Array(Type.String({ enum: [...MEDIA] }), {
        description:
          'What it reads or hears: texts, pictures, both, or recordings; empty for a model that is called with tensors alone.',
      }),
    ),
    default_sampling: Type.Optional(
      Type.Object(
        {
          temperature: Type.Optional(Type.Number()),
          top_k: Type.Optional(Type.Integer()),
          top_p: Type.Optional(Type.Number()),
          min_p: Type.Optional(Type.Number()),
          repetition_penalty: Type.Optional(Type.Number()),
          max_tokens: Type.Optional(Type.Integer()),
        },
        {
          description:
            'Only of generators: what holds where a request does not say it, from generation_config.json, unless `--generation-config none` is set; what is missing is as it is without such a file.',
        },
      ),
    ),
    spoken_languages: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'Only of models that hear: codes of the languages that they know; none where its folder does not say which one it writes.',
      }),
    ),
    transcript_formats: Type.Optional(
      Type.Array(Type.String({ enum: [...TRANSCRIPT_FORMATS] }), {
        description: 'Only of models that hear: values of `response_format` that they can answer.',
      }),
    ),
    languages: Type.Optional(
      Type.Object(
        { sources: Type.Array(Type.String()), targets: Type.Array(Type.String()) },
        {
          description:
            'Only of models that translate: from which languages, and to which, by their own codes, which `src_lang` and `tgt_lang` take where there is more than one.',
        },
      ),
    ),
  },
  {
    $id: 'Model',
    examples: [EXAMPLE],
  },
);

const ModelList = Type.Object(
  { object: Type.String({ const: 'list' }), data: Type.Array(refTo(Model)) },
  { $id: 'ModelList', examples: [{ object: 'list', data: [EXAMPLE] }] },
);

/** To be made known before the routes. */
export const schemas = [Model, ModelList];

export const listSchema = {
  operationId: 'listModels',
  summary: 'List the models',
  description: 'The models that are served, in the order in which they were named at start.',
  tags: ['Models'],
  response: { 200: json('The models.', refTo(ModelList)), ...errorResponses(COMMON_ERRORS) },
};

export const modelSchema = {
  operationId: 'retrieveModel',
  summary: 'Describe a model',
  description: 'One model by its name, in which slashes may be left as they are.',
  tags: ['Models'],
  params: Type.Object({ model: Type.String({ description: 'Its name.', examples: ['stories'] }) }),
  response: { 200: json('The model.', refTo(Model)), ...errorResponses([...COMMON_ERRORS, 404]) },
};
