import { z } from 'zod';

import { lsnSchema } from './primitives.js';

/** With whose settings a recovered server starts: the source's own, or those that kept it apart while it was restored. */
export const settingsModeSchema = z.enum(['production', 'sandbox']);
export type SettingsMode = z.infer<typeof settingsModeSchema>;

/** What a recovered server was seen to hold while it still ran: what stays behind or needs a hand after every restore. */
export const restoredFactsSchema = z.object({
  databases: z.array(z.object({ name: z.string(), sizeBytes: z.number().nonnegative() })),
  /** Came back empty; the first ones by name. */
  unlogged: z.object({ count: z.number().int().nonnegative(), first: z.array(z.string()) }),
  /** Enabled ones: they would pull from their publisher as soon as they run. */
  subscriptions: z.array(z.object({ database: z.string(), name: z.string() })),
  /** Extensions that are in use and not installed on this host. */
  missingExtensions: z.array(z.object({ database: z.string(), name: z.string() })),
  /** Where this host's PostgreSQL looks for what `shared_preload_libraries` names. */
  libraryDirectory: z.string(),
  /** Open two-phase transactions, which hold their locks until somebody ends them. */
  preparedTransactions: z.array(z.object({ database: z.string(), gid: z.string() })),
});
export type RestoredFacts = z.infer<typeof restoredFactsSchema>;

/** Who replicated from the source when the backup was taken: nothing of that is in a backup. */
export const replicationSchema = z.object({
  slots: z.array(
    z.object({
      name: z.string(),
      type: z.enum(['physical', 'logical']),
      plugin: z.string().optional(),
      database: z.string().optional(),
    }),
  ),
  standbys: z.array(z.object({ name: z.string(), state: z.string(), sync: z.string() })),
});
export type Replication = z.infer<typeof replicationSchema>;

/** A setting that pgdrill changed on purpose, and why. */
const overrideSchema = z.object({ name: z.string(), value: z.string(), why: z.string() });
export type Override = z.infer<typeof overrideSchema>;

/** What the person who takes a recovered server over has to know and do. */
export const handOverSchema = z.object({
  dataDirectory: z.string(),
  /** Where its tablespaces lie that are outside the data directory. */
  tablespaces: z.string().optional(),
  /** The operating-system user that owns the files and that the server runs as. */
  osUser: z.string(),
  serverVersion: z.string(),
  start: z.string(),
  connect: z.string(),
  target: z.string(),
  timeline: z.number().int(),
  reachedLsn: lsnSchema,
  /** Of the last transaction that is there; absent where replay met none. */
  lastCommitAt: z.string().optional(),
  /** What the archive holds beyond it on the same timeline, and this server does not have. */
  leftOut: z.object({ from: lsnSchema, to: lsnSchema, lastCommitAt: z.string().optional() }).optional(),
  settings: z.object({
    mode: settingsModeSchema,
    overrides: z.array(overrideSchema),
    /** Those of the source that were recorded with the backup, beside what this server will start with. */
    compared: z.array(z.object({ name: z.string(), source: z.string().optional(), now: z.string().optional() })),
    /** Why the server would not start as it is. */
    problems: z.array(z.string()),
  }),
  archiving: z.object({
    directory: z.string(),
    /** Whether the archive has nothing of this server's timeline, so that it could overwrite or contradict nothing there. */
    safe: z.boolean(),
    /** Files of the timeline that are there already, the first ones. */
    found: z.array(z.string()),
  }),
  /** Absent where the backup is of an earlier pgdrill, which did not look. */
  replication: replicationSchema.extend({ recordedAt: z.string() }).optional(),
  /** Absent where nobody could look. */
  seen: restoredFactsSchema.optional(),
  nextSteps: z.array(z.object({ title: z.string(), why: z.string(), commands: z.array(z.string()) })),
});
export type HandOver = z.infer<typeof handOverSchema>;
