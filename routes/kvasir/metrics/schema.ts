import { Type } from 'typebox';
import { errorResponses, json, refTo } from '#http/schemas/shared.js';

const EXAMPLE = `# HELP vllm:num_requests_running Sequences that are being run.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{model_name="stories"} 3
`;

export const metricsSchema = {
  operationId: 'readMetrics',
  summary: 'Read the metrics',
  description:
    "Counts, gauges and histograms in Prometheus' text format. They have the names of vLLM where it has the same: `vllm:num_requests_running`, `vllm:time_to_first_token_seconds`.",
  tags: ['Health'],
  security: [],
  response: {
    200: {
      description: 'The metrics.',
      content: { 'text/plain': { schema: Type.String({ examples: [EXAMPLE] }) } },
    },
    ...errorResponses([500]),
  },
};

const SlotOccupancy = Type.Object(
  {
    state: Type.String({
      enum: ['running', 'kept', 'empty'],
      description:
        '`running`: a sequence has it; `kept`: one that ended left its tokens there, for prompts that begin alike.',
    }),
    tokens: Type.Integer({ description: 'Filled positions.' }),
  },
  { $id: 'SlotOccupancy' },
);

const ModelSlots = Type.Object(
  {
    model: Type.String(),
    context_length: Type.Integer({ description: 'Positions of each slot, those of a source included.' }),
    slots: Type.Array(refTo(SlotOccupancy)),
  },
  { $id: 'ModelSlots' },
);

const SlotList = Type.Object(
  { object: Type.String({ const: 'list' }), data: Type.Array(refTo(ModelSlots)) },
  {
    $id: 'SlotList',
    examples: [
      {
        object: 'list',
        data: [
          {
            model: 'stories',
            context_length: 512,
            slots: [
              { state: 'running', tokens: 130 },
              { state: 'kept', tokens: 78 },
              { state: 'empty', tokens: 0 },
            ],
          },
        ],
      },
    ],
  },
);

/** To be made known before the routes. */
export const schemas = [SlotOccupancy, ModelSlots, SlotList];

export const slotsSchema = {
  operationId: 'readSlots',
  summary: 'Look into the KV cache',
  description: 'What each slot of the KV cache holds, of every generating model that is loaded.',
  tags: ['Health'],
  response: { 200: json('The slots.', refTo(SlotList)), ...errorResponses([401, 429, 500]) },
};
