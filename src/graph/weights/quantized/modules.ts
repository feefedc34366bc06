import type { CheckpointTensors } from './checkpoint-tensors.js';

/**
 * Names of the modules that have a part of a name.
 *
 * @throws KvasirError `invalid_model` where one of them has its weight in floats, too
 */
export function modulesWith(tensors: CheckpointTensors, part: string): string[] {
  const ending = `.${part}`;
  const modules = tensors.names
    .filter(name => name.endsWith(ending))
    .map(name => name.slice(0, -ending.length));
  const twice = modules.find(module => tensors.find(`${module}.weight`) !== undefined);
  if (twice !== undefined) throw tensors.invalid(`${twice}.weight`, `is there twice, as ${part}, too`);
  return modules;
}
