import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import {
  checkTranscription,
  transcriptionRequest,
  type TranscriptionFields,
} from '#api/transcription/fields.js';
import { transcribe } from '#api/transcription/transcribe.js';
import { wholeTranscript } from '#api/transcription/transcript.js';
import { sendEvents } from '#http/event-stream.js';
import { takeForms } from '#http/forms/take-forms.js';
import type { UploadedFile } from '#http/forms/uploaded-file.js';
import { plainJson } from '#http/plain-json.js';
import type { RouteOptions } from '#http/route-options.js';
import { refuseFields, type PeerField } from '#routes/shared/peer-fields.js';
import type { TranscriptionRequest } from '#speech/types.js';
import { transcriptAnswer } from './answer.js';
import { transcriptEvents } from './events.js';

/** What a form of an endpoint that takes a recording stands for. */
type AudioBody = TranscriptionFields & { readonly file: UploadedFile };

/** What makes one of the endpoints that take a recording. */
export interface AudioEndpoint {
  readonly task: TranscriptionRequest['task'];
  /** Of its body, with an `$id`. */
  readonly request: object;
  readonly schema: FastifySchema;
  readonly peerFields: readonly PeerField[];
}

const ABILITIES = { transcribe: 'transcribe', translate: 'interpret' } as const;

/** Adds an endpoint that takes a recording. */
export function audioEndpoint(
  app: FastifyInstance,
  { task, request: form, schema, peerFields }: AudioEndpoint,
  options: RouteOptions,
): void {
  const { audio, metrics } = options;
  app.addSchema(form);
  takeForms(app, { schema: form, file: 'file', corsOrigins: options.corsOrigins });

  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const body = request.body as AudioBody;
    const { scope } = request;
    checkTranscription(body);
    const model = await request.model(ABILITIES[task]);
    const wanted = transcriptionRequest(task, body, model, scope);
    const events = transcribe(model, body.file, wanted, {
      maxSeconds: audio.maxSeconds,
      signal: scope.signal,
      onHeard: seconds => {
        scope.audioSeconds = seconds;
        audio.memory.take(request, Math.ceil(seconds * model.bytesPerSecond));
      },
      onDone: (duration, seconds) => metrics.transcribed(model.id, duration, seconds),
    });
    if (body.stream) return sendEvents(reply, transcriptEvents(task, body, events));
    return transcriptAnswer(reply, task, body, await wholeTranscript(events));
  };

  app.post(
    '',
    {
      schema,
      bodyLimit: audio.bodyLimit,
      config: { limitSetting: 'audio_limit' },
      serializerCompiler: plainJson,
      preValidation: refuseFields(peerFields),
    },
    answer,
  );
}
