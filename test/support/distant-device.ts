import { PROCESSOR, type Device } from '../../src/runtime/index.js';

/** The processor, used as a device whose memory it cannot reach: everything goes through sessions and their bindings. */
export const DISTANT: Device = { ...PROCESSOR, name: 'distant', isHostMemory: false };
