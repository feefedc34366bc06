/** Something that keeps CUDA from being used. */
export interface CudaProblem {
  readonly what: string;
  /** How to get it. */
  readonly remedy: string;
}
