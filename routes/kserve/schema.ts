import { Type } from 'typebox';
import { MAX_NAME } from '#routes/shared/fields.js';
import { nullable } from '#http/schemas/nullable.js';
import { COMMON_ERRORS, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';
import { DATATYPES, type Datatype } from '#tensors/datatypes.js';
import { inferenceErrors } from './errors.js';

const TAG = 'Open Inference Protocol';

const ServerMetadata = Type.Object(
  {
    name: Type.String(),
    version: Type.String(),
    extensions: Type.Array(Type.String(), { description: 'What is spoken beyond the protocol itself.' }),
  },
  {
    $id: 'ServerMetadata',
    examples: [{ name: 'kvasir', version: '0.1.0', extensions: ['binary_tensor_data'] }],
  },
);

const datatype = Type.Unsafe<Datatype | 'BYTES'>({ type: 'string', enum: [...DATATYPES, 'BYTES'] });

/** Most dimensions of a tensor, and most tensors of a call. */
const MAX_RANK = 32;
const MAX_TENSORS = 1024;

const shape = (description: string) =>
  Type.Array(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), {
    maxItems: MAX_RANK,
    description,
  });

const tensorName = Type.String({ maxLength: MAX_NAME });

const TensorMetadata = Type.Object({
  name: Type.String(),
  datatype,
  shape: Type.Array(Type.Integer(), { description: 'Outermost dimension first; -1 stands for any size.' }),
});

const ModelMetadata = Type.Object(
  {
    name: Type.String(),
    versions: Type.Array(Type.String(), { description: 'Always one.' }),
    platform: Type.String({ description: 'How it runs.' }),
    inputs: Type.Array(TensorMetadata, {
      description:
        'What it takes; of encoders all but `input_ids` may be left out, and of models that see `image`, which is for files in place of `pixel_values`. Empty for a generator.',
    }),
    outputs: Type.Array(TensorMetadata),
  },
  {
    $id: 'ModelMetadata',
    examples: [
      {
        name: 'iris',
        versions: ['1'],
        platform: 'onnxruntime_onnx',
        inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, 4] }],
        outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, 3] }],
      },
    ],
  },
);

export const InferInput = Type.Object({
  name: tensorName,
  shape: shape('Outermost dimension first.'),
  datatype,
  parameters: nullable(
    Type.Object({
      binary_data_size: nullable(
        Type.Integer({
          minimum: 0,
          maximum: Number.MAX_SAFE_INTEGER,
          description: 'Its bytes follow the JSON: so many, in place of `data`.',
        }),
      ),
    }),
  ),
  data: nullable(
    Type.Array(Type.Unsafe<unknown>({ type: ['number', 'boolean', 'array', 'string'] }), {
      description:
        'Elements in row-major order, in one list or in lists of lists. 64-bit integers beyond 2^53 and BF16 are taken as binary data only. BYTES are files of pictures, for models that see: in base64 or as `data:` URLs.',
    }),
  ),
});

export const InferRequest = Type.Object(
  {
    id: nullable(Type.String({ maxLength: MAX_NAME, description: 'Comes back with the answer.' })),
    parameters: nullable(
      Type.Object({
        binary_data_output: nullable(
          Type.Boolean({
            default: false,
            description: 'Give all outputs as binary data that say nothing else.',
          }),
        ),
      }),
    ),
    inputs: Type.Array(InferInput, {
      maxItems: MAX_TENSORS,
      description: 'One for each input of the model, in any order.',
    }),
    outputs: nullable(
      Type.Array(
        Type.Object({
          name: tensorName,
          parameters: nullable(
            Type.Object({
              binary_data: nullable(
                Type.Boolean({ description: 'Give its bytes behind the JSON, in place of `data`.' }),
              ),
            }),
          ),
        }),
        { maxItems: MAX_TENSORS, description: 'What is wanted; by default all.' },
      ),
    ),
  },
  {
    $id: 'InferRequest',
    description: 'Unknown fields are ignored.',
    examples: [
      {
        id: '42',
        inputs: [
          {
            name: 'features',
            shape: [2, 4],
            datatype: 'FP32',
            data: [
              [5.1, 3.5, 1.4, 0.2],
              [6.7, 3.1, 5.6, 2.4],
            ],
          },
        ],
        outputs: [{ name: 'probabilities' }],
      },
    ],
  },
);

const InferResponse = Type.Object(
  {
    model_name: Type.String(),
    model_version: Type.String(),
    id: Type.Optional(Type.String({ description: "The request's." })),
    outputs: Type.Array(
      Type.Object({
        name: Type.String(),
        datatype,
        shape: shape('Outermost dimension first.'),
        parameters: Type.Optional(
          Type.Object({
            binary_data_size: Type.Integer({ description: 'Its bytes follow the JSON: so many.' }),
          }),
        ),
        data: Type.Optional(
          Type.Array(Type.Union([Type.Number(), Type.Boolean()]), {
            description: 'Elements in row-major order, in one list. Absent where the bytes follow.',
          }),
        ),
      }),
    ),
  },
  {
    $id: 'InferResponse',
    examples: [
      {
        model_name: 'iris',
        model_version: '1',
        id: '42',
        outputs: [
          {
            name: 'probabilities',
            datatype: 'FP32',
            shape: [2, 3],
            data: [0.97, 0.02, 0.01, 0.01, 0.09, 0.9],
          },
        ],
      },
    ],
  },
);

/** To be made known before the routes. */
export const schemas = [ServerMetadata, ModelMetadata, InferRequest, InferResponse];

export const serverSchema = {
  operationId: 'v2ServerMetadata',
  summary: 'Describe the server',
  description: 'Its name, its version, and the extensions of the protocol that it speaks.',
  tags: [TAG],
  response: { 200: json('The server.', refTo(ServerMetadata)), ...inferenceErrors(COMMON_ERRORS) },
};

export const liveSchema = {
  operationId: 'v2IsLive',
  summary: 'Does the process work?',
  description: 'The same as `/health/live`.',
  tags: [TAG],
  security: [],
  response: {
    200: json(
      'It does.',
      Type.Object({ live: Type.Boolean({ const: true }) }, { examples: [{ live: true }] }),
    ),
    ...inferenceErrors([503]),
  },
};

export const readySchema = {
  operationId: 'v2IsReady',
  summary: 'Can it take requests?',
  description: 'The same as `/health/ready`.',
  tags: [TAG],
  security: [],
  response: {
    200: json(
      'It can.',
      Type.Object({ ready: Type.Boolean({ const: true }) }, { examples: [{ ready: true }] }),
    ),
    ...inferenceErrors([503]),
  },
};

const params = Type.Object({
  model: Type.String({
    description: 'Its name; a slash in it is written `%2F`.',
    examples: ['iris'],
  }),
});

export const modelSchema = {
  operationId: 'v2ModelMetadata',
  summary: "Describe a model's tensors",
  description:
    'What the model takes and gives. One that is loaded on demand is loaded for this. The same is at `/v2/models/{model}/versions/1`.',
  tags: [TAG],
  params,
  response: { 200: json('The model.', refTo(ModelMetadata)), ...inferenceErrors([...COMMON_ERRORS, 404]) },
};

export const modelReadySchema = {
  operationId: 'v2IsModelReady',
  summary: 'Can a model take requests?',
  description:
    'So it is for all that are served: one that is loaded on demand is when a request comes for it. One that could not be loaded cannot.',
  tags: [TAG],
  params,
  response: {
    200: json(
      'It can.',
      Type.Object(
        { name: Type.String(), ready: Type.Boolean({ const: true }) },
        { examples: [{ name: 'iris', ready: true }] },
      ),
    ),
    ...inferenceErrors([...COMMON_ERRORS, 404, 503]),
  },
};

/** How many bytes of the body are JSON, where bytes follow it. */
export const HEADER_LENGTH = 'inference-header-content-length';

const BINARY = 'application/octet-stream';

const answer: object = {
  description: 'The outputs.',
  content: {
    'application/json': { schema: refTo(InferResponse) },
    [BINARY]: {
      schema: Type.Unsafe<Buffer>({
        description:
          'JSON as above, of the length that the header `Inference-Header-Content-Length` tells, and binary data behind it; where any was asked for.',
        examples: [
          '{"model_name":"iris","model_version":"1","outputs":[{"name":"probabilities","datatype":"FP32","shape":[1,3],"parameters":{"binary_data_size":12}}]} and 12 bytes',
        ],
      }),
    },
  },
};

export const inferSchema = {
  operationId: 'v2Infer',
  summary: 'Run a model on tensors',
  description:
    'For a raw model (a folder with nothing but an ONNX graph) one run of its graph; for an encoder token ids to what its task gives. Generators keep a cache between their runs and are refused. With the binary tensor data extension, bytes in little-endian order follow the JSON, whose length is in the header `Inference-Header-Content-Length`.',
  tags: [TAG],
  params,
  headers: Type.Object({
    // In lower case, as requests have it when they are checked.
    'inference-header-content-length': Type.Optional(
      Type.String({
        description: 'Bytes of JSON that the body begins with; needed where binary data follows it.',
        pattern: '^[0-9]+$',
        examples: ['128'],
      }),
    ),
  }),
  body: {
    content: {
      'application/json': { schema: refTo(InferRequest) },
      [BINARY]: {
        schema: Type.Unsafe<Buffer>({
          description: 'JSON as above, and binary data behind it.',
          examples: [
            '{"inputs":[{"name":"features","shape":[1,4],"datatype":"FP32","parameters":{"binary_data_size":16}}]} and 16 bytes',
          ],
        }),
      },
    },
  },
  response: {
    200: answer,
    ...inferenceErrors(MODEL_ERRORS),
  },
};
