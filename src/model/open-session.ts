import { KvasirError, type ErrorCode } from '#errors.js';
import {
  OrtError,
  PROCESSOR,
  Session,
  type Device,
  type Environment,
  type SessionSettings,
} from '#runtime/index.js';
import { graphBesideData } from './graph-beside-data.js';

/**
 * Loads a graph of a model folder. What ONNX Runtime says of one that it does not take is the cause of the
 * error, for the log; the error itself names the file and says what is wrong in a sentence.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `runtime_failure`
 */
export async function openSession(
  environment: Environment,
  file: string,
  settings?: SessionSettings,
): Promise<Session> {
  try {
    return await Session.load(environment, await graphBesideData(file), settings);
  } catch (error) {
    throw error instanceof OrtError ? graphRefused(error, file, settings?.device) : error;
  }
}

/** An error of ONNX Runtime while a graph was loaded or tried out, as one that names the model. */
export function graphRefused(error: OrtError, model: string, device: Device = PROCESSOR): KvasirError {
  const [code, fault] = faultOf(error, device);
  return new KvasirError(code, `${model}: ${fault}`, { cause: error });
}

/** True if ONNX Runtime had not enough of a device's memory for weights. */
export function isOutOfMemory({ message }: OrtError): boolean {
  return /Available memory of|Failed to allocate memory|out of memory|bad_alloc/i.test(message);
}

function faultOf(error: OrtError, device: Device): readonly [ErrorCode, string] {
  const { ortCode } = error;
  if (isOutOfMemory(error))
    return [
      'runtime_failure',
      `the weights do not fit into the memory of ${device.name}: take a precision of fewer bits, serve fewer models, or let it have more memory`,
    ];
  const [, operator] = /No Op registered for (\w+)/.exec(error.message) ?? [];
  if (operator !== undefined || ortCode === 'NOT_IMPLEMENTED')
    return [
      operator === undefined ? 'unsupported_model' : 'invalid_model',
      `its graph has operators that ONNX Runtime does not know on ${device.name}${operator ? `: ${operator}` : ''}`,
    ];
  switch (ortCode) {
    case 'NO_SUCHFILE':
      return ['invalid_model', 'its graph, or a file with its weights, is missing'];
    case 'INVALID_PROTOBUF':
    case 'INVALID_GRAPH':
    case 'NO_MODEL':
      return ['invalid_model', `ONNX Runtime does not take its graph (${ortCode}): is it damaged?`];
    default:
      return ['runtime_failure', `ONNX Runtime cannot load or run its graph (${ortCode})`];
  }
}
