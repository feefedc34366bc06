import { untilAborted } from './until-aborted.js';

/** Whoever hears a recording while it is read, such as the recording itself. */
interface Listener {
  append(samples: Float32Array): Promise<void>;
}

/**
 * Lets all hear a recording to its end.
 *
 * @returns how many samples it has.
 * @throws KvasirError `cancelled`, and what `sound` throws
 */
export async function listen(
  sound: AsyncIterable<Float32Array>,
  listeners: readonly Listener[],
  signal: AbortSignal,
): Promise<number> {
  let samples = 0;
  for await (const block of untilAborted(sound, signal)) {
    samples += block.length;
    await Promise.all(listeners.map(listener => listener.append(block)));
  }
  return samples;
}

/** Events that wait for what a signal ends: whatever ends the loop over them ends that, too. */
export async function* endingWithLoop<Event>(
  signal: AbortSignal | undefined,
  events: (signal: AbortSignal) => AsyncGenerator<Event, void, undefined>,
): AsyncGenerator<Event, void, undefined> {
  const ending = new AbortController();
  try {
    yield* events(signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]));
  } finally {
    ending.abort();
  }
}
