import { Option, type Command } from 'commander';
import { flagName, variableName } from '#config/names.js';
import type { Setting } from '#config/setting.js';
import { SETTINGS } from '#config/settings.js';
import { defaultText } from '#config/value.js';

/** Adds an option for every setting that belongs on a command line. */
export function addSettings(command: Command): Command {
  for (const [key, setting] of flags()) command.addOption(settingOption(key, setting));
  return command.addHelpText('after', help);
}

/** The settings that were given on the command line, by their keys, without defaults. */
export function givenSettings(command: Command): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [key, setting] of flags()) {
    const name = settingOption(key, setting).attributeName();
    if (command.getOptionValueSource(name) === 'cli') given[key] = command.getOptionValue(name);
  }
  return given;
}

function flags(): [string, Setting][] {
  return Object.entries<Setting>(SETTINGS.properties).filter(
    ([key, { secret }]) => key !== 'models' && secret === undefined,
  );
}

function settingOption(key: string, setting: Setting): Option {
  const flag = flagName(key);
  if (setting.type !== 'boolean')
    return new Option(`${flag} <${setting.unit}>`, `${setting.description} ${origin(key, setting)}`);
  // A switch that is on without being asked for can only be turned off.
  return setting.default === true
    ? new Option(flag.replace('--', '--no-'), `do not ${setting.description} ${origin(key, setting)}`)
    : new Option(flag, `${setting.description} ${origin(key, setting)}`);
}

function origin(key: string, setting: Setting): string {
  return `(default: ${defaultText(setting)}; ${variableName(key)})`;
}

const { models, api_keys: keys } = SETTINGS.properties as Readonly<Record<string, Setting>>;

const help = `
Only in the environment or the file:
  api_keys      ${keys!.description} (default: ${defaultText(keys!)}; ${variableName('api_keys')})
  models        ${models!.description} (${variableName('models')})

A setting is looked for on the command line, then in the environment, then in the file. The file has the same names with underscores:
  port: 9000
  kv_cache_memory: 2g
  models:
    - models/stories
    - name: chat
      aliases: [gpt-4o-mini]
      folder: /models/chat
      precision: int8
      load: demand
      idle_unload: 30
Graphs that are built are kept in .kvasir of the model's folder, or, where that cannot be written to, in kvasir of XDG_CACHE_HOME
(default: ~/.cache).
Of a model of its own may be: name, aliases, folder, and every setting from load on.
`;
