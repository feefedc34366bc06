import { readSettingsFile } from './file.js';
import { flagName, variableName } from './names.js';
import type { Setting } from './setting.js';
import { SETTINGS, type Settings } from './settings.js';
import { checkedText, checkedValue } from './value.js';

/** Sources of settings, the first one with a value wins. */
export interface SettingSources {
  /** Values from the command line by the settings' keys: texts, and the values of flags and lists. */
  readonly commandLine: Readonly<Record<string, unknown>>;
  readonly environment: NodeJS.ProcessEnv;
  /** A YAML or JSON file; by default the one that `KVASIR_CONFIG` names. */
  readonly file?: string | undefined;
}

/**
 * Reads all settings: from the command line, else the environment, else the file, else the defaults.
 *
 * @throws KvasirError `invalid_configuration` with the setting at fault, as the source calls it
 */
export async function readSettings({ commandLine, environment, file }: SettingSources): Promise<Settings> {
  const path = file ?? environment.KVASIR_CONFIG;
  const fromFile: Partial<Settings> = path ? await readSettingsFile(path) : {};
  const settings: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries<Setting>(SETTINGS.properties)) {
    const given = commandLine[key];
    const variable = environment[variableName(key)];
    if (given !== undefined)
      settings[key] =
        typeof given === 'string'
          ? checkedText(setting, given, flagName(key))
          : checkedValue(setting, given, flagName(key));
    // Compose files set variables to nothing to leave them out.
    else if (variable) settings[key] = checkedText(setting, variable, variableName(key));
    else settings[key] = fromFile[key as keyof Settings] ?? setting.default;
    if (settings[key] === undefined) delete settings[key];
  }
  return settings as unknown as Settings;
}
