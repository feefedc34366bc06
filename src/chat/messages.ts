/** A message as chat templates take it, with any fields that some of them read, such as `reasoning_content`. */
export interface ChatMessage {
  readonly [field: string]: unknown;
  readonly role: string;
  readonly content: string;
  readonly name?: string | undefined;
  /** Calls that the assistant made. */
  readonly tool_calls?: readonly ToolCallMessage[] | undefined;
  /** Id of the call that a tool answers. */
  readonly tool_call_id?: string | undefined;
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
