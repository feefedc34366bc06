import { LIMITS, tooComplex } from './refusal.js';

/**
 * The work that compiling one structure may take, counted in elementary steps (a state visited, an edge
 * sorted, a value compared), each of some ten nanoseconds. Steps are paid for before they are done, and by
 * what a structure says alone: it is always accepted or always refused.
 */
export class Budget {
  readonly #limit: number;
  readonly #paid = new Set<string>();
  #spent = 0;

  constructor(limit: number = LIMITS.work) {
    this.#limit = limit;
  }

  get spent(): number {
    return this.#spent;
  }

  /** True after a refusal for want of budget. */
  get exhausted(): boolean {
    return this.#spent > this.#limit;
  }

  /** @throws Refusal where that is more than what is left. */
  charge(steps: number): void {
    this.#spent += steps;
    if (this.#spent > this.#limit) throw tooComplex();
  }

  /** Charges for work whose result is kept: the first time only. */
  chargeOnce(work: string, steps: number): void {
    if (this.#paid.has(work)) return;
    this.charge(steps);
    this.#paid.add(work);
  }
}
