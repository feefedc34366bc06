import { homedir } from 'node:os';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { ifThere, readJsonObject } from '#files.js';

const PREFIX = 'ollama:';
const REGISTRY = 'registry.ollama.ai';
const NAMESPACE = 'library';
const TAG = 'latest';

/** Parts of a name: they become folders' names. */
const PART = String.raw`[A-Za-z0-9_][A-Za-z0-9_.-]*`;
const NAME = new RegExp(`^(?:(?:(${PART}(?::\\d+)?)/)?(${PART})/)?(${PART})(?::(${PART}))?$`);

const MODEL = 'application/vnd.ollama.image.model';
const ADAPTER = 'application/vnd.ollama.image.adapter';

/** True for a model that Ollama has pulled: `ollama:NAME` or `ollama:NAME:TAG`. */
export function isOllama(place: string): boolean {
  return place.startsWith(PREFIX);
}

/** The name in `ollama:NAME:TAG`. */
export function ollamaName(place: string): string {
  return place.slice(PREFIX.length);
}

/**
 * The GGUF file of a model that Ollama has pulled. Its manifest tells which of the blobs it is; Ollama's own
 * template and parameters, which are others of them, are not read.
 *
 * @param place `ollama:[[HOST/]NAMESPACE/]NAME[:TAG]`, as Ollama has it.
 * @param models Ollama's folder of models; default: `OLLAMA_MODELS`, else that of the user.
 * @throws KvasirError `invalid_configuration` where it is no name, `model_not_found` where Ollama does not have
 * it, `invalid_model` where its manifest is broken, `unsupported_model` where an adapter belongs to it
 */
export async function ollamaModel(
  place: string,
  models: string = process.env.OLLAMA_MODELS || path.join(homedir(), '.ollama', 'models'),
): Promise<string> {
  const name = ollamaName(place);
  const parts = NAME.exec(name);
  if (parts === null || name.includes('..'))
    throw new KvasirError(
      'invalid_configuration',
      `'${place}' is no model of Ollama: expected ollama:NAME:TAG`,
    );
  const [, host = REGISTRY, namespace = NAMESPACE, model, tag = TAG] = parts;
  const file = path.join(models, 'manifests', host, namespace, model!, tag);
  const manifest = await ifThere(readJsonObject(file));
  if (manifest === undefined)
    throw new KvasirError(
      'model_not_found',
      `Ollama has no ${name}: ${file} is missing; 'ollama pull ${name}' fetches it, and OLLAMA_MODELS names another folder`,
    );
  const digest = modelDigest(manifest.layers, file);
  return path.join(models, 'blobs', digest.replace(':', '-'));
}

function modelDigest(layers: unknown, file: string): string {
  const known = (Array.isArray(layers) ? (layers as unknown[]) : []).map(
    layer => Object(layer) as { mediaType?: unknown; digest?: unknown },
  );
  if (known.some(({ mediaType }) => mediaType === ADAPTER))
    throw new KvasirError('unsupported_model', `${file}: an adapter belongs to it, which is not read`);
  const { digest } = known.find(({ mediaType }) => mediaType === MODEL) ?? {};
  if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest))
    throw new KvasirError('invalid_model', `${file} names no model`);
  return digest;
}
