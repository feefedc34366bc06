import { check, create, ortApi } from './api.js';
import { Handle } from './handle.js';

/** Settings of a run (`OrtRunOptions`), and the way to end it early. */
export class RunOptions extends Handle {
  /** @param config entries for `AddRunConfigEntry` (onnxruntime_run_options_config_keys.h). */
  constructor(config: Readonly<Record<string, string>> = {}) {
    super(create('CreateRunOptions'), 'ReleaseRunOptions');
    try {
      for (const [key, value] of Object.entries(config))
        check(ortApi().functions.AddRunConfigEntry(this.pointer, key, value));
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /**
   * Makes the runs that use these options fail as soon as they reach their next operator. Safe while they are
   * under way.
   */
  terminate(): void {
    check(ortApi().functions.RunOptionsSetTerminate(this.pointer));
  }

  /** Allows runs again after `terminate()`. */
  reset(): void {
    check(ortApi().functions.RunOptionsUnsetTerminate(this.pointer));
  }
}
