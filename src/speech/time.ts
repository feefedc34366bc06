/** Samples a second of the sound that is heard. */
export const SAMPLES_PER_SECOND = 16_000;
/** Frames of features a second. */
export const FRAMES_PER_SECOND = 100;
export const SAMPLES_PER_FRAME = SAMPLES_PER_SECOND / FRAMES_PER_SECOND;
/** Seconds from one time that can be told to the next. */
export const TIME_PRECISION = 0.02;
/** Frames of features from one time that can be told to the next. */
export const FRAMES_PER_TIMESTAMP = 2;
