import { Type } from '@fastify/type-provider-typebox';
import { errorResponses } from '../../src/http/schemas/shared.js';

export const metricsSchema = {
  operationId: 'readMetrics',
  summary: 'Read the metrics',
  description:
    "Counts, gauges and histograms in Prometheus' text format. They have the names of vLLM where it has the same: `vllm:num_requests_running`, `vllm:time_to_first_token_seconds`.",
  tags: ['Health'],
  response: {
    200: { description: 'The metrics.', content: { 'text/plain': { schema: Type.String() } } },
    ...errorResponses(500),
  },
};
