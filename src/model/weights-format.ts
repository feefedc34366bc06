/** Formats that a model's weights may come in: to build a graph of, or in a ready-made one. */
export const WEIGHTS_FORMATS = ['safetensors', 'onnx'] as const;

/** Which weights to take where a folder or repository has both. */
export type WeightsFormat = (typeof WEIGHTS_FORMATS)[number];
