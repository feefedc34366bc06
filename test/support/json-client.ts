/** An answer whose body is JSON. */
export interface JsonAnswer<T> {
  readonly status: number;
  readonly body: T;
}

/** @returns posts JSON to a path of a server. */
export function jsonClient(
  url: string,
): <T>(path: string, body: unknown, signal?: AbortSignal) => Promise<JsonAnswer<T>> {
  return async <T>(path: string, body: unknown, signal?: AbortSignal) => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal && { signal }),
    });
    return { status: response.status, body: (await response.json()) as T };
  };
}
