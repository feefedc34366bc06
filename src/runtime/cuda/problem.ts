/** A reason why CUDA cannot be used. */
export interface CudaProblem {
  readonly what: string;
  /** How to solve it. */
  readonly remedy: string;
}
