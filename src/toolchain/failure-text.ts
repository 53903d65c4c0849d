import { messageOf, PgdrillError } from '../errors.js';

/** What happened, without the advice that a message of our own adds: for quoting inside another message. */
export function reasonOf(error: unknown): string {
  if (error instanceof PgdrillError) return error.explanation.what;
  // fetch says only `fetch failed`; the reason is in its cause.
  const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return messageOf(error) + cause;
}

/** The end of a tool's output, where the reason usually is. */
export function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join('\n');
}
