import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { ifThere, readJsonObject } from '#files.js';

/** Files that a folder may have in place of what is read, and what to do with them. */
const OTHERS: readonly {
  readonly file: RegExp;
  readonly advice: (file: string, model: string) => string;
}[] = [
  {
    file: /^pytorch_model\.bin$/,
    advice: (file, model) =>
      `${file} is no zip archive of PyTorch 1.6 or later, which is what is read: transformers makes safetensors of an older one, ${model}.from_pretrained(FOLDER).save_pretrained(NEW)`,
  },
  {
    file: /^pytorch_model-\d+-of-\d+\.bin$/,
    advice: file =>
      `${file} is one of several files, and pytorch_model.bin.index.json, which names them, is missing`,
  },
  {
    // The layers of BGE-M3 are read.
    file: /^(?!(colbert|sparse)_linear\.pt$)(?!pytorch_model\b).*\.(pth|pt|ckpt)$/,
    advice: (file, model) =>
      `${file} is a format that may run code, of which pytorch_model.bin alone is read: transformers makes safetensors of it, ${model}.from_pretrained(FOLDER).save_pretrained(NEW)`,
  },
  {
    file: /^(tf_model\.h5|flax_model\.msgpack|model\.ckpt.*)$/,
    advice: (file, model) =>
      `${file} is of another framework and is not read: a version 4 of transformers makes safetensors of it, ${model}.from_pretrained(FOLDER, from_tf=True or from_flax=True).save_pretrained(NEW)`,
  },
  {
    file: /^consolidated(\.\d+)?\.(safetensors|pth)$/,
    advice: file => `${file} has a vendor's own layout: take the repository's files by Hugging Face's names`,
  },
];

/**
 * The error for a folder without weights that can be read: it names what there is instead, and what to do.
 *
 * @param wanted the files that were looked for, as a sentence has them.
 */
export async function missingWeights(folder: string, wanted: string): Promise<KvasirError> {
  const missing = `${folder} has ${wanted}`;
  const names = await listed(folder);
  if (names.includes('adapter_config.json')) return adapter(folder);
  const config = await ifThere(readJsonObject(path.join(folder, 'config.json')));
  const [architecture = 'AutoModel'] = Array.isArray(config?.architectures)
    ? (config.architectures as string[])
    : [];
  return explained(missing, names, architecture);
}

/** The error for a folder without `config.json`, or for none at all. */
export async function missingConfig(folder: string): Promise<KvasirError> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory())
    return new KvasirError(
      'invalid_model',
      found === undefined
        ? `there is no folder ${folder}: a model is a folder, or owner/name of the Hugging Face hub`
        : `${folder} is no folder: a model is the folder with its config.json`,
    );
  const names = await listed(folder);
  if (names.includes('adapter_config.json')) return adapter(folder);
  const missing = `${path.join(folder, 'config.json')} is missing, which says what model it is`;
  return explained(missing, names, 'AutoModel');
}

function explained(missing: string, names: readonly string[], model: string): KvasirError {
  for (const { file, advice } of OTHERS) {
    const found = names.find(name => file.test(name));
    if (found !== undefined)
      return new KvasirError('unsupported_model', `${missing}; ${advice(found, model)}`);
  }
  return new KvasirError('invalid_model', missing);
}

async function adapter(folder: string): Promise<KvasirError> {
  const file = path.join(folder, 'adapter_config.json');
  const { base_model_name_or_path: base, peft_type: type } = await readJsonObject(file);
  const of = typeof base === 'string' ? ` for '${base}'` : '';
  const kind = typeof type === 'string' ? ` (${type})` : '';
  return new KvasirError(
    'unsupported_model',
    `${file}: an adapter${kind}${of}, not a whole model: merge it, PeftModel.from_pretrained(BASE, FOLDER).merge_and_unload().save_pretrained(NEW), and serve that`,
  );
}

async function listed(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}
