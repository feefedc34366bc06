import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { postJson } from '../support/reliability/calls.js';
import type { Checks } from '../support/reliability/checks.js';
import { ServedProcess } from '../support/reliability/served-process.js';
import { ServerProcess } from '../support/server-process.js';

const QUESTIONS = [
  ...['a cat', 'the sea', 'an old clock', 'rain', 'a train', 'bread', 'a letter', 'winter', 'a garden'].map(
    topic => `Write two sentences about ${topic}.`,
  ),
  'What is the capital of France?',
  'Name three colours.',
  'How many days has a week?',
  'Translate "good morning" into French.',
  'Explain what a computer does.',
  'Why is the sky blue?',
  'Write a haiku about the moon.',
  'List five animals, separated by commas.',
  'What is 12 plus 30?',
  'Give me a recipe for tea.',
  'Who wrote Hamlet?',
];
const TOKENS = 48;
/** Log-probability by which the best token leads, below which eight bits of activations may decide. */
const NEAR_TIE = 0.25;

interface Step {
  readonly token: string;
  readonly top_logprobs: readonly { readonly token: string; readonly logprob: number }[];
}

/** What a server answers to a question, greedily, token by token. */
async function ask(
  url: string,
  content: string,
): Promise<{ readonly steps: readonly Step[]; readonly hasEnded: boolean }> {
  const body = {
    model: 'model',
    messages: [{ role: 'user', content }],
    temperature: 0,
    max_tokens: TOKENS,
    logprobs: true,
    top_logprobs: 2,
  };
  const { status, text } = await postJson(`${url}/v1/chat/completions`, body);
  if (status !== 200) throw new Error(`${status}: ${text}`);
  const { choices } = JSON.parse(text) as {
    choices: [{ finish_reason: string; logprobs: { content: Step[] } }];
  };
  const [{ finish_reason: reason, logprobs }] = choices;
  return { steps: logprobs.content, hasEnded: reason === 'stop' };
}

/** By how much the best token leads the next; infinite where only one is told. */
function lead(step: Step | undefined): number {
  const [first, second] = step?.top_logprobs ?? [];
  return first === undefined || second === undefined ? Infinity : first.logprob - second.logprob;
}

/**
 * Twenty chats with a GGUF file that has a chat template, in Kvasir as it is stored and in llama.cpp's server
 * (KVASIR_BENCH_LLAMA names the folder of `llama-server`), greedily: equal token for token up to where two tokens are
 * nearly as probable. Both round activations to eight bits, each in its own way.
 */
export async function checkGguf(file: string, checks: Checks): Promise<void> {
  const llama = process.env.KVASIR_BENCH_LLAMA;
  if (llama === undefined) throw new Error('KVASIR_BENCH_LLAMA names the folder of llama-server');
  const args = ['-m', file, '-c', '2048', '-t', String(availableParallelism()), '--alias', 'model'];
  const peer = await ServerProcess.start(
    'llama.cpp',
    join(llama, 'llama-server'),
    port => [...args, '--host', '127.0.0.1', '--port', String(port)],
    '/health',
  );
  const server = await ServedProcess.start([
    `model=${file}`,
    '--context-length',
    '2048',
    '--log-level',
    'silent',
  ]);
  checks.section('Chats with a GGUF file, beside llama.cpp');
  for (const question of QUESTIONS) {
    const { steps: own, hasEnded } = await ask(server.url, question);
    const peers = await ask(peer.url, question);
    // Its last step is the token that ends a text, which Kvasir does not tell.
    const theirs = peers.hasEnded ? peers.steps.slice(0, -1) : peers.steps;
    const parted = own.findIndex((step, i) => step.token !== theirs[i]?.token);
    const isShorter = own.length < theirs.length || (hasEnded && !peers.hasEnded);
    const at = parted < 0 && isShorter ? own.length : parted;
    const leads = [lead(own[at]), lead(peers.steps[at])];
    checks.add(
      question,
      `equal, or parting where a token leads by less than ${NEAR_TIE}`,
      at < 0
        ? `${own.length} tokens are equal`
        : `part at ${at}, where the best leads by ${leads.map(value => value.toFixed(3)).join(' and ')}`,
      at < 0 || Math.min(...leads) < NEAR_TIE,
    );
  }
  await server.end();
  await peer.close();
}
