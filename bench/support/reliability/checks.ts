import os from 'node:os';

/** Something that was measured, and the limit that it must keep. */
export interface Check {
  readonly what: string;
  /** In words, with its unit; empty where a figure is told for information only. */
  readonly limit: string;
  readonly measured: string;
  /** Undefined: there is no limit. */
  readonly kept: boolean | undefined;
}

/** What the parts of the benchmark found, in their order. Each is printed when it is known. */
export class Checks {
  readonly #sections: { readonly title: string; readonly checks: Check[] }[] = [];

  section(title: string): void {
    this.#sections.push({ title, checks: [] });
    console.log(`\n${title}`);
  }

  /** @param kept whether the limit was kept; undefined where there is none. */
  add(what: string, limit: string, measured: string, kept?: boolean): void {
    this.#sections.at(-1)!.checks.push({ what, limit, measured, kept });
    const mark = kept === undefined ? '--    ' : kept ? 'ok    ' : 'NOT OK';
    console.log(`${mark}  ${what}: ${measured}${limit === '' ? '' : ` (${limit})`}`);
  }

  get failed(): readonly Check[] {
    return this.#sections.flatMap(({ checks }) => checks.filter(({ kept }) => kept === false));
  }

  /** A document in Markdown. */
  report(): string {
    const tables = this.#sections.map(({ title, checks }) => {
      const rows = checks.map(({ what, limit, measured, kept }) => {
        const verdict = kept === undefined ? '' : kept ? 'yes' : '**no**';
        return `| ${[what, limit, measured, verdict].map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
      });
      return [
        `## ${title}`,
        '',
        '| what | limit | measured | kept |',
        '| --- | --- | --- | --- |',
        ...rows,
        '',
      ];
    });
    return [
      '# Reliability',
      '',
      `\`npm run bench:reliability\`: each limit beside what was measured. ${os.cpus().length} cores, ${os.type()}, Node.js ${process.version}.`,
      '',
      ...tables.flat(),
    ].join('\n');
  }
}

export const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

export const milliseconds = (time: number): string => `${Math.round(time)} ms`;

export const seconds = (time: number): string => `${(time / 1000).toFixed(1)} s`;
