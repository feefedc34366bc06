/** Upper bounds in seconds or tokens. They are vLLM's, so that quantiles of both can be compared. */
export const TTFT_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
  2560,
];

/** vLLM's, with finer ones below: small models need a millisecond for a token. */
export const TOKEN_TIME_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20,
  40, 80,
];

export const LATENCY_BUCKETS = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];

export const TOKEN_BUCKETS = [1, 2, 5]
  .flatMap(mantissa => [1, 10, 100, 1e3, 1e4, 1e5].map(ten => mantissa * ten))
  .sort((a, b) => a - b);

/** Shares of a recording's length: below 1 it is transcribed faster than it is spoken. */
export const REAL_TIME_BUCKETS = [
  0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5,
];
