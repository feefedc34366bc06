import { CPU, PROCESSOR, type Device } from '#runtime/index.js';

/** The processor, used as a device whose memory it cannot reach: everything goes through sessions and their bindings. */
export const DISTANT: Device = { ...PROCESSOR, name: 'distant', isHostMemory: false };

/** The same with memory of its own for outputs, whose runs count as captured: the processor does not look at the number of a graph. */
export const CAPTURING: Device = { ...DISTANT, name: 'capturing', staging: CPU, capturesGraphs: true };
