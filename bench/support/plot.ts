/** A panel with lines over the same x values. */
export interface Panel {
  readonly title: string;
  readonly x: readonly number[];
  readonly lines: readonly { readonly name: string; readonly y: readonly number[] }[];
}

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP] = [260, 200, 44, 34, 40, 18];
const COLORS = ['#0072b2', '#d55e00', '#009e73'];

/** An SVG of panels side by side, x in powers of two; readable on light and dark. */
export function linePlot(panels: readonly Panel[], xName: string): string {
  const width = panels.length * (WIDTH + LEFT + GAP);
  const height = HEIGHT + TOP + BOTTOM;
  const parts = panels.map((panel, i) => drawPanel(panel, i * (WIDTH + LEFT + GAP) + LEFT, xName));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="11" fill="#777">`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function drawPanel({ title, x, lines }: Panel, left: number, xName: string): string {
  const top = niceCeiling(Math.max(...lines.flatMap(({ y }) => y)));
  const [first, last] = [Math.log2(x[0]!), Math.log2(x.at(-1)!)];
  const px = (value: number): number => left + ((Math.log2(value) - first) / (last - first || 1)) * WIDTH;
  const py = (value: number): number => TOP + HEIGHT * (1 - value / top);
  const parts = [`<text x="${left}" y="18" font-size="13" font-weight="600">${title}</text>`];
  for (let i = 0; i <= 4; i++) {
    const value = (top * i) / 4;
    parts.push(
      `<path d="M${left} ${py(value)}h${WIDTH}" stroke="#999" stroke-opacity=".3"/>`,
      `<text x="${left - 6}" y="${py(value) + 4}" text-anchor="end">${value}</text>`,
    );
  }
  for (const value of x)
    parts.push(`<text x="${px(value)}" y="${TOP + HEIGHT + 16}" text-anchor="middle">${value}</text>`);
  parts.push(`<text x="${left + WIDTH / 2}" y="${TOP + HEIGHT + 32}" text-anchor="middle">${xName}</text>`);
  lines.forEach(({ name, y }, i) => {
    const color = COLORS[i % COLORS.length]!;
    const points = y.map((value, j) => `${px(x[j]!).toFixed(1)} ${py(value).toFixed(1)}`);
    parts.push(
      `<path d="M${points.join('L')}" fill="none" stroke="${color}" stroke-width="2"/>`,
      ...points.map(point => {
        const [cx, cy] = point.split(' ');
        return `<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"/>`;
      }),
      `<text x="${left + WIDTH}" y="${py(y.at(-1)!) - 8}" text-anchor="end" fill="${color}">${name}</text>`,
    );
  });
  return parts.join('\n');
}

/** The next of 1, 2, 4, 5, 8 times a power of ten, so that a quarter of it is a short number. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return (([1, 2, 4, 5, 8, 10] as const).find(step => step * power >= value) ?? 10) * power;
}
