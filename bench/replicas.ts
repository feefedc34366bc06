/**
 * What prefix-affine routing is worth: three replicas behind HAProxy answer conversations that grow, once each way in every round. Time to
 * first token, and the share of prompt tokens that a replica had in its cache.
 *
 * Run: `npm run bench:replicas` (needs haproxy)
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { haproxyVersion, MODEL, startReplicas } from './support/replicas.js';
import { median, quantile } from './support/statistics.js';

const ROUNDS = 5;
const CONVERSATIONS = 18;
const TURNS = 5;
const AT_ONCE = 4;
const ANSWER = 24;

interface Turn {
  readonly firstTokenMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

interface Usage {
  readonly prompt_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

const version = haproxyVersion();
if (version === undefined) throw new Error('haproxy is not installed (apt-get install haproxy)');
const folder = mkdtempSync(join(tmpdir(), 'kvasir-replicas-'));
const turns = { affine: [] as Turn[], leastLoaded: [] as Turn[] };
const ratios: number[] = [];
try {
  await using replicas = await startReplicas(folder, ['--slots', '8', '--threads', '1']);
  for (let round = 0; round <= ROUNDS; round++) {
    const ways = (['affine', 'leastLoaded'] as const).map(way => [way, replicas[way]] as const);
    if (round % 2 === 1) ways.reverse();
    const medians: Record<string, number> = {};
    for (const [way, url] of ways) {
      const taken = await converse(url, `${way} ${round}`);
      // The first round warms up.
      if (round === 0) continue;
      turns[way].push(...taken);
      medians[way] = median(taken.map(({ firstTokenMs }) => firstTokenMs));
    }
    if (round > 0) ratios.push(medians.leastLoaded! / medians.affine!);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
report();

/** All conversations, a few at once. @param name makes their prompts new to the caches. */
async function converse(url: string, name: string): Promise<Turn[]> {
  const taken: Turn[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    for (let i = next++; i < CONVERSATIONS; i = next++) {
      let prompt =
        `Story ${i} of ${name}. A girl named Anna went to the park with her dog. They saw a big tree. `.repeat(
          3,
        );
      for (let turn = 0; turn < TURNS; turn++) {
        const { text, ...figures } = await stream(url, prompt);
        // A conversation's first turn is new wherever it goes.
        if (turn > 0) taken.push(figures);
        prompt += `${text} Then her friend asked what was in the box. `;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return taken;
}

async function stream(url: string, prompt: string): Promise<Turn & { readonly text: string }> {
  const started = performance.now();
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: MODEL,
      prompt,
      max_tokens: ANSWER,
      temperature: 0,
      ignore_eos: true,
      stream: true,
      stream_options: { include_usage: true },
    }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  let received = '';
  let firstTokenMs = NaN;
  const decoder = new TextDecoder();
  for await (const part of response.body!) {
    if (Number.isNaN(firstTokenMs)) firstTokenMs = performance.now() - started;
    received += decoder.decode(part as Uint8Array, { stream: true });
  }
  const chunks = received
    .split('\n\n')
    .filter(event => event.startsWith('data: {'))
    .map(event => JSON.parse(event.slice(6)) as { choices: { text: string }[]; usage?: Usage | null });
  const usage = chunks.findLast(chunk => chunk.usage)!.usage!;
  return {
    text: chunks.map(chunk => chunk.choices[0]?.text ?? '').join(''),
    firstTokenMs,
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details.cached_tokens,
  };
}

function report(): void {
  const lines = Object.entries({ 'prefix-affine': turns.affine, 'least-loaded': turns.leastLoaded }).map(
    ([name, taken]) => {
      const times = taken.map(({ firstTokenMs }) => firstTokenMs);
      const sum = (of: (turn: Turn) => number): number => taken.reduce((total, turn) => total + of(turn), 0);
      const cached = sum(turn => turn.cachedTokens) / sum(turn => turn.promptTokens);
      return `| ${name} | ${median(times).toFixed(1)} | ${quantile(times, 0.95).toFixed(1)} | ${(100 * cached).toFixed(0)}% |`;
    },
  );
  const spread = [...ratios].sort((a, b) => a - b);
  process.stdout.write(`# Prefix-affine routing

Three replicas of ${MODEL} (8 slots, one thread each) behind ${version}, with \`docker/haproxy/haproxy.cfg\`, on one machine with ${cpus().length} cores. ${CONVERSATIONS} conversations of ${TURNS} turns, ${AT_ONCE} at once; both ways take turns over ${ROUNDS} rounds, with prompts that no cache has seen. Turns after the first count.

| routing | time to first token, p50 ms | p95 ms | prompt tokens in the cache |
| --- | --: | --: | --: |
${lines.join('\n')}

Least-loaded routing takes ${median(ratios).toFixed(2)} times as long to the first token as prefix-affine (median of the rounds' ratios; they go from ${spread[0]!.toFixed(2)} to ${spread.at(-1)!.toFixed(2)}).
`);
}
