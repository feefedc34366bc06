const DECIMAL = ['bytes', 'kB', 'MB', 'GB', 'TB'];
const BINARY = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A size of files for people, in decimal units and three digits: `1.53 GB`. */
export function formatBytes(bytes: number): string {
  return inUnits(bytes, 1000, DECIMAL, 3);
}

/** A size of memory for people, in powers of 1024 and four digits: `768 MiB`. */
export function formatMemory(bytes: number): string {
  return inUnits(bytes, 1024, BINARY, 4);
}

function inUnits(bytes: number, factor: number, units: readonly string[], digits: number): string {
  let [value, power] = [bytes, 0];
  while (value >= factor && power < units.length - 1) {
    value /= factor;
    power++;
  }
  return `${power === 0 ? value : Number(value.toPrecision(digits))} ${units[power]}`;
}
