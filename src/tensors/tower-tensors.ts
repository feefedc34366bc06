import type { Caller } from '#caller.js';
import { refuse } from './refusal.js';
import type { NamedTensor, TensorPort, TensorService } from './types.js';

/** A tower, and what its result is called beside that of the other. */
interface Tower {
  readonly tensors: TensorService;
  readonly output: string;
}

/**
 * Serves two towers on tensors, by the names that exporters give them. Each tower's inputs may be left out,
 * and its output is not there then.
 */
export class TowerTensors implements TensorService {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  readonly #towers: readonly Tower[];

  constructor(texts: TensorService, pictures: TensorService) {
    this.#towers = [
      { tensors: texts, output: 'text_embeds' },
      { tensors: pictures, output: 'image_embeds' },
    ];
    this.inputs = this.#towers.flatMap(({ tensors }) =>
      tensors.inputs.map(port => ({ ...port, optional: true as const })),
    );
    this.outputs = this.#towers.map(({ tensors, output }) => ({
      ...tensors.outputs[0]!,
      name: output,
      needs: tensors.inputs[0]!.name,
    }));
  }

  async infer(
    inputs: readonly NamedTensor[],
    outputs: readonly string[],
    caller: Caller,
  ): Promise<NamedTensor[]> {
    return Promise.all(
      outputs.map(async name => {
        const { tensors } = this.#towers.find(({ output }) => output === name)!;
        const own = inputs.filter(input => tensors.inputs.some(port => port.name === input.name));
        const [main] = tensors.inputs;
        if (!own.some(input => input.name === main!.name))
          refuse(`output '${name}' takes the input '${main!.name}', which is missing`);
        const [result] = await tensors.infer(own, [tensors.outputs[0]!.name], caller);
        return { ...result!, name };
      }),
    );
  }
}
