import type { Encoder, EncoderInput, EncoderOutput, EncoderTask } from '#model/encoder/contract.js';

/** An encoder whose result is a text's ids, and whose runs end when the test says so. */
export class FakeEncoder implements Encoder {
  readonly contextLength = 100;
  readonly width = 2;
  readonly vocabularySize = 1000;
  readonly segments = 2;
  /** First ids of each run's inputs. */
  readonly runs: number[][] = [];
  disposed = false;
  /** Set to make the next run fail. */
  failure: Error | undefined;
  /** Changes a text's values, as broken weights would. */
  spoil: (values: Float32Array, input: EncoderInput) => void = () => undefined;
  #aborted = false;
  #release: (() => void)[] = [];

  /**
   * @param task what it answers.
   * @param held whether a run waits for {@link finish}.
   */
  constructor(
    readonly task: EncoderTask = 'embedding',
    readonly held = false,
  ) {}

  async run(inputs: readonly EncoderInput[]): Promise<EncoderOutput[]> {
    this.runs.push(inputs.map(({ ids }) => ids[0]!));
    const { failure } = this;
    this.failure = undefined;
    if (this.held) await new Promise<void>(resolve => this.#release.push(resolve));
    else await new Promise(resolve => setImmediate(resolve));
    if (this.#aborted) throw new Error('aborted');
    if (failure !== undefined) throw failure;
    return inputs.map(input => {
      const values = Float32Array.of(input.ids[0]!, input.ids.length);
      this.spoil(values, input);
      return { values, rows: 1, width: this.width };
    });
  }

  /** Lets the oldest run end. */
  finish(): void {
    this.#release.shift()?.();
  }

  abort(): void {
    this.#aborted = true;
    for (const release of this.#release.splice(0)) release();
  }

  dispose(): void {
    this.disposed = true;
  }
}
