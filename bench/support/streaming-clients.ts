import { request } from 'node:http';

/** What one client saw: when each piece of text came, in milliseconds of its own clock. */
interface Stream {
  readonly started: number;
  readonly arrivals: number[];
}

/**
 * Load for a server, run as a process of its own so that it does not disturb the event loop that is measured.
 *
 * Arguments: url, model, clients, prompt tokens, tokens to generate. Prints the streams as JSON.
 */
const [url, model, clients, promptTokens, maxTokens] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];

function stream(index: number): Promise<Stream> {
  const prompt = Array.from(
    { length: Number(promptTokens) },
    (_, i) => 300 + ((i * 7919 + index * 104729) % 40000),
  );
  const body = JSON.stringify({
    model,
    prompt,
    max_tokens: Number(maxTokens),
    temperature: 0,
    ignore_eos: true,
    stream: true,
  });
  const started = performance.now();
  const arrivals: number[] = [];
  return new Promise((resolve, reject) => {
    const call = request(
      `${url}/v1/completions`,
      { method: 'POST', headers: { 'content-type': 'application/json' } },
      response => {
        if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
        let done = false;
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          const now = performance.now();
          for (const line of chunk.split('\n')) {
            if (line.startsWith('data: [DONE]')) done = true;
            else if (line.startsWith('data: ')) arrivals.push(now);
          }
        });
        response.on('end', () =>
          done ? resolve({ started, arrivals }) : reject(new Error('the stream broke off')),
        );
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

const streams = await Promise.all(Array.from({ length: Number(clients) }, (_, i) => stream(i)));
console.log(JSON.stringify(streams));
