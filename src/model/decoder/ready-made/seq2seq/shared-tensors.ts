import type { Tensor } from '#runtime/index.js';

/** Tensors that several slots hold: the last one that lets go disposes them. */
export class SharedTensors {
  readonly tensors: readonly Tensor[];
  #holders = 1;

  constructor(tensors: readonly Tensor[]) {
    this.tensors = tensors;
  }

  hold(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    if (--this.#holders === 0) for (const tensor of this.tensors) tensor.dispose();
  }
}
