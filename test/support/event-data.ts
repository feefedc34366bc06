/** @returns the data of a text/event-stream's events. */
export function eventData(stream: string): string[] {
  return stream
    .split('\n\n')
    .filter(event => event !== '')
    .map(event => event.replace(/^data: /, ''));
}
