import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { toolsAtWork } from '../process/tools-at-work.js';
import { type Doing, doingOf } from '../process/work-watch.js';
import type { Sandbox } from '../schema/results.js';

/**
 * What a restored server and this step's tools do at this moment, the busiest of them: all of the server's processes, since any of them may
 * do the work (sessions that read, the startup process that ends recovery, the checkpointer).
 */
export function serverDoing({ dataDirectory }: Pick<Sandbox, 'dataDirectory'>): () => Doing | undefined {
  const tools = toolsAtWork();
  return () => doingOf([...postmasterOf(dataDirectory), ...tools()]);
}

/** By its pid file, whose first line is its process (PostgreSQL source, miscadmin.h); none while it does not run. */
function postmasterOf(dataDirectory: string): number[] {
  try {
    const pid = Math.abs(Number.parseInt(readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8'), 10));
    return pid > 0 ? [pid] : [];
  } catch {
    return [];
  }
}
