import { z } from 'zod';

/** The run that something belongs to. Its namespace is part of the name: the same id in another one is another run. */
export const ownerSchema = z.object({ namespace: z.string(), workflowId: z.string(), runId: z.string() });
export type Owner = z.infer<typeof ownerSchema>;

const processSchema = z.object({ pid: z.number().int(), startTime: z.string() });

const common = {
  formatVersion: z.literal(1),
  owner: ownerSchema,
  cluster: z.string().optional(),
  /** The step that made it, and which attempt of it. */
  operation: z.string(),
  attempt: z.number().int(),
  host: z.string(),
  /** ISO 8601 in UTC. */
  createdAt: z.string(),
};

/** What may outlive the worker that made it. */
const thingSchema = z.discriminatedUnion('kind', [
  /** An attempt at a step, inside a worker process: while that lives, what belongs to its run is in use. */
  z.object({ kind: z.literal('step'), process: processSchema }),
  /** A tool in a process group of its own; without `process` for the moment between being written down and being started. */
  z.object({ kind: z.literal('tool'), tool: z.string(), process: processSchema.optional() }),
  /** A sandbox: its directory, its server, its socket directory. A recovery's data directory lies elsewhere. */
  z.object({
    kind: z.literal('sandbox'),
    sandbox: z.object({
      id: z.string(),
      directory: z.string(),
      dataDirectory: z.string(),
      socketDirectory: z.string(),
      port: z.number().int(),
    }),
  }),
  /** A backup that is being taken: `….partial-<attempt>`, and its tool's lock beside it. */
  z.object({ kind: z.literal('staged'), path: z.string() }),
  /** A lock file, by the id that its content has. */
  z.object({ kind: z.literal('lock'), path: z.string(), id: z.string() }),
]);
export type Thing = z.infer<typeof thingSchema>;

export const entrySchema = z.intersection(z.object(common), thingSchema);
export type Entry = z.infer<typeof entrySchema>;

/** Where a thing lies, or what it is, for messages. */
export function describeThing(thing: Thing): string {
  switch (thing.kind) {
    case 'step':
      return `step of worker process ${thing.process.pid}`;
    case 'tool':
      return `${thing.tool}${thing.process === undefined ? '' : ` (process ${thing.process.pid})`}`;
    case 'sandbox':
      return isRecovery(thing.sandbox)
        ? `recovery into ${thing.sandbox.dataDirectory} (${thing.sandbox.directory})`
        : `sandbox ${thing.sandbox.directory}`;
    case 'staged':
      return `unfinished backup ${thing.path}`;
    case 'lock':
      return `lock ${thing.path}`;
  }
}

/** A recovery fills a directory that a person named; a drill one inside its own sandbox. */
export function isRecovery(sandbox: { directory: string; dataDirectory: string }): boolean {
  return !sandbox.dataDirectory.startsWith(`${sandbox.directory}/`);
}
