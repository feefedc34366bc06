import type { ModelConfig } from './config.js';

/** An adapter inside of a checkpoint (LoRA, Hu et al. 2021), for one task of a text. */
export interface TaskAdapter {
  readonly task: string;
  /** What stands in front of texts of this task; empty: nothing. */
  readonly instruction: string;
}

/**
 * The adapters that config.json of jina-embeddings-v3 names (`lora_adaptations`, `task_instructions`), in their order.
 *
 * @throws KvasirError `invalid_model` where one has no instruction, as for the code of its makers; `unsupported_model` for
 * adapters of another family
 */
export function readTaskAdapters(config: ModelConfig): readonly TaskAdapter[] {
  const tasks = config.strings('lora_adaptations', []);
  if (tasks.length === 0) return [];
  if (!isPublishedJinaV3(config))
    config.unsupported('lora_adaptations: adapters for tasks are known of jina-embeddings-v3 alone');
  const instructions = config.section('task_instructions');
  return tasks.map(task => {
    if (instructions?.has(task) !== true)
      config.invalid(`task_instructions has none for '${task}' of lora_adaptations`);
    return { task, instruction: instructions.string(task) };
  });
}

/** Whether it is jina-embeddings-v3 with the fields of its makers' code. */
export function isPublishedJinaV3(config: ModelConfig): boolean {
  return (
    config.string('model_type', '') === 'xlm-roberta' &&
    config.string('position_embedding_type', '') === 'rotary'
  );
}
