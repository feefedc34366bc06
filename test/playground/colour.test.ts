import t from 'tap';
import { cosineShades, probabilityShades, surprise } from '../../playground/colour.js';

/** Lightness of the page's text in OKLCH, as in theme.css. */
const TEXT = { light: 'oklch(0.25 0.02 265)', dark: 'oklch(0.95 0.006 85)' };

const SCHEMES = ['light', 'dark'] as const;

/** Linear sRGB of a colour (Ottosson 2020, "A perceptual color space for image processing"), cut to what a screen can show. */
function linear(colour: string): number[] {
  const [lightness, chroma, hue] = /^oklch\((\S+) (\S+) (\S+)\)$/.exec(colour)!.slice(1).map(Number);
  const [a, b] = [Math.cos, Math.sin].map(f => chroma! * f((hue! * Math.PI) / 180)) as [number, number];
  const l = (lightness! + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness! - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness! - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map(value => Math.min(1, Math.max(0, value)));
}

/** Relative luminance (WCAG 2). */
function luminance(colour: string): number {
  const [r, g, b] = linear(colour) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

t.test('surprise grows as probability falls', async t => {
  t.equal(surprise(1), 0);
  t.equal(surprise(0), 1);
  t.equal(surprise(1e-9), 1, 'it ends at 10 bits');
  const values = [1, 0.9, 0.5, 0.1, 0.01, 0.001].map(surprise);
  t.strictSame(
    values,
    [...values].sort((a, b) => a - b),
  );
});

t.test('the order can be seen without telling hues apart', async t => {
  for (const scheme of SCHEMES) {
    const steps = [1, 0.8, 0.5, 0.2, 0.1, 0.03, 0.01, 0.003, 0.001];
    const lights = steps.map(probability => luminance(probabilityShades(probability)[scheme]));
    for (let i = 1; i < lights.length; i++) {
      const darker = lights[i]! < lights[i - 1]!;
      t.equal(darker, scheme === 'light', `${scheme}: ${steps[i - 1]} to ${steps[i]}`);
    }
    t.ok(contrast(probabilityShades(1)[scheme], probabilityShades(0)[scheme]) > 1.6, `${scheme}: both ends`);
  }
});

t.test('text can be read on all of them (WCAG AA)', async t => {
  const shades = Array.from({ length: 41 }, (_, i) => [
    probabilityShades(i / 40),
    cosineShades(i / 20 - 1),
  ]).flat();
  for (const scheme of SCHEMES) {
    const worst = Math.min(...shades.map(shade => contrast(shade[scheme], TEXT[scheme])));
    t.ok(worst >= 4.5, `${scheme}: ${worst.toFixed(2)}`);
  }
});

t.test('cosines go both ways from neutral', async t => {
  for (const scheme of SCHEMES) {
    t.not(cosineShades(1)[scheme], cosineShades(-1)[scheme]);
    t.ok(contrast(cosineShades(0)[scheme], cosineShades(1)[scheme]) > 1.5);
    t.ok(contrast(cosineShades(0)[scheme], cosineShades(-1)[scheme]) > 1.5);
  }
  t.strictSame(cosineShades(1.0000001), cosineShades(1));
});
