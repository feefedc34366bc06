import { availableParallelism } from 'node:os';
import { check, create, ortApi } from './api.js';
import { PROCESSOR, type Device } from './device.js';
import { Handle } from './handle.js';

/** `GraphOptimizationLevel` of the C API. */
const OPTIMIZATION_LEVELS = { none: 0, basic: 1, extended: 2, all: 99 } as const;

/**
 * Most pauses that an idle thread makes between two looks at whether there is work. With ONNX Runtime's
 * default of 1, it takes time from busy ones where threads share a core, as on many virtual machines.
 */
const SPIN_PAUSES = 64;

export interface SessionSettings {
  /** Default: the processor. */
  readonly device?: Device | undefined;
  /** Threads inside an operator, the calling one included; 0: one per core. */
  readonly intraOpThreads?: number;
  /** Graph rewriting at load; default `all`. */
  readonly optimization?: keyof typeof OPTIMIZATION_LEVELS;
  /** Idle threads of the pool spin before they sleep; default true, as in ONNX Runtime. */
  readonly spinning?: boolean;
  /**
   * Keep the memory of a run for the next one; default true, as in ONNX Runtime. Otherwise it goes back to
   * the system.
   */
  readonly arena?: boolean;
  /**
   * Capture runs as graphs if the device can: each run then names its graph's number in its options. Default
   * false.
   */
  readonly captures?: boolean;
  /**
   * Path prefix of a profile with the time of each operator in each run, written when the session is
   * disposed.
   */
  readonly profile?: string;
  /** Further entries for `AddSessionConfigEntry` (onnxruntime_session_options_config_keys.h). */
  readonly config?: Readonly<Record<string, string>>;
}

/** Settings of a session to be (`OrtSessionOptions`). Needed only until the session exists. */
export class SessionOptions extends Handle {
  /** @throws OrtError where the device cannot be used */
  constructor(settings: SessionSettings = {}) {
    super(create('CreateSessionOptions'), 'ReleaseSessionOptions');
    const {
      SetIntraOpNumThreads,
      SetSessionGraphOptimizationLevel,
      DisableMemPattern,
      DisableCpuMemArena,
      EnableProfiling,
    } = ortApi().functions;
    try {
      // ONNX Runtime's own count of cores is 1 on some virtual machines.
      check(SetIntraOpNumThreads(this.pointer, settings.intraOpThreads || availableParallelism()));
      check(
        SetSessionGraphOptimizationLevel(this.pointer, OPTIMIZATION_LEVELS[settings.optimization ?? 'all']),
      );
      // A memory pattern is kept for every input shape ever seen; batches and chunks change shape all the
      // time.
      check(DisableMemPattern(this.pointer));
      if (settings.arena === false) check(DisableCpuMemArena(this.pointer));
      if (settings.profile !== undefined) check(EnableProfiling(this.pointer, settings.profile));
      this.#set('session.intra_op.spin_backoff_max', String(SPIN_PAUSES));
      // Sessions take turns: whoever has had its own must not spin through the next one's, nor through what the
      // event loop does between two runs.
      this.#set('session.force_spinning_stop', '1');
      if (settings.spinning === false) this.#set('session.intra_op.allow_spinning', '0');
      (settings.device ?? PROCESSOR).addTo(this.pointer, settings.captures ?? false);
      for (const [key, value] of Object.entries(settings.config ?? {})) this.#set(key, value);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  #set(key: string, value: string): void {
    check(ortApi().functions.AddSessionConfigEntry(this.pointer, key, value));
  }
}
