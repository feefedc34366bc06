/** Parts of a date, as C's `strftime` writes them in English; `%` and a letter that is none stay. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%([-_0^#]?)([^])/g, (all, flag: string, letter: string) => {
    const text = DIRECTIVES[letter]?.(date);
    if (text === undefined) return all;
    if (flag === '-') return text.replace(/^[0 ]+(?=.)/, '');
    if (flag === '_') return text.replace(/^0+(?=.)/, zeros => ' '.repeat(zeros.length));
    if (flag === '^') return text.toUpperCase();
    return text;
  });
}

const two = (value: number): string => String(value).padStart(2, '0');
const spaced = (value: number): string => String(value).padStart(2);
const hour12 = (date: Date): number => date.getHours() % 12 || 12;

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** Days since the first of January. */
function dayOfYear(date: Date): number {
  const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((day - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000);
}

/** Year and week by ISO 8601: the first week has the first Thursday. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 4 - (date.getDay() || 7));
  return { year: thursday.getFullYear(), week: 1 + Math.floor(dayOfYear(thursday) / 7) };
}

const DIRECTIVES: Readonly<Record<string, (date: Date) => string>> = {
  a: date => DAYS[date.getDay()]!.slice(0, 3),
  A: date => DAYS[date.getDay()]!,
  b: date => MONTHS[date.getMonth()]!.slice(0, 3),
  B: date => MONTHS[date.getMonth()]!,
  c: date => strftime(date, '%a %b %e %H:%M:%S %Y'),
  C: date => two(Math.floor(date.getFullYear() / 100)),
  d: date => two(date.getDate()),
  D: date => strftime(date, '%m/%d/%y'),
  e: date => spaced(date.getDate()),
  f: date => String(date.getMilliseconds() * 1000).padStart(6, '0'),
  F: date => strftime(date, '%Y-%m-%d'),
  g: date => two(isoWeek(date).year % 100),
  G: date => String(isoWeek(date).year),
  h: date => MONTHS[date.getMonth()]!.slice(0, 3),
  H: date => two(date.getHours()),
  I: date => two(hour12(date)),
  j: date => String(dayOfYear(date) + 1).padStart(3, '0'),
  k: date => spaced(date.getHours()),
  l: date => spaced(hour12(date)),
  m: date => two(date.getMonth() + 1),
  M: date => two(date.getMinutes()),
  n: () => '\n',
  p: date => (date.getHours() < 12 ? 'AM' : 'PM'),
  P: date => (date.getHours() < 12 ? 'am' : 'pm'),
  r: date => strftime(date, '%I:%M:%S %p'),
  R: date => strftime(date, '%H:%M'),
  s: date => String(Math.floor(date.getTime() / 1000)),
  S: date => two(date.getSeconds()),
  t: () => '\t',
  T: date => strftime(date, '%H:%M:%S'),
  u: date => String(date.getDay() || 7),
  U: date => two(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7)),
  V: date => two(isoWeek(date).week),
  w: date => String(date.getDay()),
  W: date => two(Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7)),
  x: date => strftime(date, '%m/%d/%y'),
  X: date => strftime(date, '%H:%M:%S'),
  y: date => two(date.getFullYear() % 100),
  Y: date => String(date.getFullYear()),
  // A time without a zone, as Python's `datetime.now()` gives it.
  z: () => '',
  Z: () => '',
  '%': () => '%',
};
