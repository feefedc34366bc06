/** What a process says when it has loaded what jobs need: its first message. */
export const READY = 'ready';
