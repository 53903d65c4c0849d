import { AsyncLocalStorage } from 'node:async_hooks';

import { type Doing, doingOf } from './work-watch.js';

/** The tools that run on behalf of the same step; it follows the step's asynchronous calls, so that no function between has to hand it on. */
const running = new AsyncLocalStorage<Set<number>>();

/** Lets a step know which tools it has at work: those that `runTool` starts inside. */
export async function withToolsKnown<T>(work: () => Promise<T>): Promise<T> {
  return await running.run(new Set(), work);
}

/** Called by `runTool`: a tool has begun. @returns to be called when it is over. */
export function toolBegins(pid: number | undefined): () => void {
  const tools = running.getStore();
  if (tools === undefined || pid === undefined) return () => undefined;
  tools.add(pid);
  return () => void tools.delete(pid);
}

/** Which tools of this step run at this moment. */
export function toolsAtWork(): () => number[] {
  const tools = running.getStore();
  return () => [...(tools ?? [])];
}

/** What they do; undefined where none runs. */
export function toolsDoing(): () => Doing | undefined {
  const tools = toolsAtWork();
  return () => doingOf(tools());
}
