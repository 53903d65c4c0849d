import { setMaxListeners } from 'node:events';

/**
 * Asks Temporal something until `over` is aborted. Its client adds a listener to the signal for each call that it makes and never takes one
 * back: given to many questions, one signal would gather them for as long as it lives. So each question has a signal of its own, whose
 * listeners go with it, however many calls it makes at once.
 */
export async function withOwnSignal<T>(over: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const own = new AbortController();
  setMaxListeners(0, own.signal);
  const pass = (): void => own.abort(over.reason);
  if (over.aborted) pass();
  over.addEventListener('abort', pass, { once: true });
  try {
    return await ask(own.signal);
  } finally {
    over.removeEventListener('abort', pass);
  }
}
