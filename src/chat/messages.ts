/** A message as chat templates take it. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly name?: string;
  /** Calls that the assistant made. */
  readonly tool_calls?: readonly ToolCallMessage[];
  /** Id of the call that a tool answers. */
  readonly tool_call_id?: string;
}

export interface ToolCallMessage {
  readonly id?: string;
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    /** An object: templates write it as JSON themselves. */
    readonly arguments: Readonly<Record<string, unknown>>;
  };
}
