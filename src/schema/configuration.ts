import { z } from 'zod';

import { approvalsSchema } from './approvals.js';
import { businessChecksSchema } from './business-check.js';
import { chainPolicySchema } from './chain-policy.js';
import { evidenceConfigurationSchema } from './evidence-configuration.js';
import { notificationsSchema } from './notification.js';
import { policiesSchema, scheduledDrillsSchema, scheduledSabotageSchema } from './policy.js';
import { clusterNameSchema, durationSchema } from './primitives.js';
import { verifySchema } from './verify-configuration.js';
import { retentionConfigurationSchema } from './retention.js';
import { walSchema } from './wal-configuration.js';
import { gateNameSchema } from './workflow-inputs.js';

const absolutePath = z.string().startsWith('/', 'must be an absolute path');

/** What of the content a drill compares. */
const contentScope = {
  exclude: z
    .array(z.string().regex(/^.+\..+\..+$/s, 'must be database.schema.table, with * for any characters'))
    .default([])
    .describe(
      'Tables whose content is not compared: `database.schema.table`, with `*` for any characters. The verdict says how much they are.',
    ),
  scope: z
    .enum(['full', 'sample'])
    .default('full')
    .describe('`full` reads every table, `sample` only a share of each big one. The verdict says what it covers.'),
  sample: z
    .strictObject({
      percent: z
        .number()
        .gt(0)
        .lt(100)
        .default(10)
        .describe(
          'The share of each table’s blocks that `scope: sample` reads, above 0 and below 100. Tables below 1 MB are read whole.',
        ),
      seed: z
        .int()
        .min(0)
        .max(2_147_483_647)
        .default(1)
        .describe('Chooses the blocks: the same seed the same ones. Change it from time to time to see others.'),
    })
    .default({ percent: 10, seed: 1 })
    .describe('Which blocks `scope: sample` reads.'),
};
const contentScopeDefaults = { exclude: [], scope: 'full' as const, sample: { percent: 10, seed: 1 } };

// Read by people in error messages and in the reference page (docs/configuration.md is generated from `describe`).
export const clusterConfigurationSchema = z.strictObject({
  connection: z
    .string()
    .min(1)
    .describe(
      'How to reach the source: a libpq connection string (`host=… port=… dbname=… user=…`, or `service=…`). With several hosts (`host=a,b … target_session_attrs=read-write`) pgdrill follows a failover (docs/failover.md). No password: use the service file, the passfile or the environment.',
    ),
  repository: absolutePath.describe(
    'The directory that holds this cluster’s backups, WAL archive and evidence. One cluster, one repository.',
  ),
  wal: walSchema,
  backup_from: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A standby of the cluster whose files backups copy, to spare the primary: a connection string like `connection`. Everything else (restore points, WAL switches, fingerprints) still goes to `connection` (docs/failover.md).',
    ),
  chain: chainPolicySchema.describe('When the next backup is a full one, though the chain could go on.'),
  sandbox: z
    .strictObject({
      directory: absolutePath
        .optional()
        .describe(
          'Where drills restore to. Default: `<state_directory>/sandboxes`. It needs room for the whole cluster.',
        ),
      settings: z
        .record(z.string(), z.string())
        .default({})
        .describe(
          'PostgreSQL settings of the sandbox, such as `shared_buffers: 2GB`. Those that keep it isolated cannot be changed.',
        ),
    })
    .default({ settings: {} })
    .describe('The disposable server of a drill.'),
  gates: z.array(gateNameSchema).default([]).describe('Where drills wait for a human by default.'),
  gate_timeout: durationSchema.default('24h').describe('How long a gate waits before the drill stops and cleans up.'),
  approvals: approvalsSchema,
  archive_timeout: durationSchema
    .default('2m')
    .describe('How long the archive check waits for a switched WAL segment to arrive.'),
  objectives: z
    .strictObject({
      rto: durationSchema
        .optional()
        .describe('Longest acceptable time from the order to restore until the server takes writes.'),
      rpo: durationSchema.optional().describe('Longest acceptable span of lost commits.'),
      proven_within: durationSchema
        .optional()
        .describe('Longest acceptable time since a drill has passed (docs/objectives.md).'),
    })
    .default({})
    .describe('What the cluster must meet.'),
  fingerprint: z
    .strictObject({
      connections: z
        .int()
        .min(1)
        .max(64)
        .default(2)
        .describe('Parallel connections that read the source for its fingerprint.'),
      snapshot_timeout: durationSchema
        .default('1h')
        .describe(
          'Longest time that the fingerprint may hold its snapshot on the source. Tables that are not read by then are not compared, and the verdict is unproven.',
        ),
      statement_timeout: durationSchema
        .optional()
        .describe(
          'Longest time that one statement of the fingerprint may take on the source (big tables are read in many). By default only `snapshot_timeout` bounds it.',
        ),
      ...contentScope,
    })
    .default({ connections: 2, snapshot_timeout: '1h', ...contentScopeDefaults })
    .describe('What the proof may cost the source.'),
  verify: verifySchema,
  checks: businessChecksSchema
    .default({})
    .describe('Business checks, by name: questions in SQL that a restored database has to answer as it should.'),
  policies: policiesSchema,
  drills: scheduledDrillsSchema,
  sabotage: scheduledSabotageSchema,
  retention: retentionConfigurationSchema,
});
export type ClusterConfiguration = z.infer<typeof clusterConfigurationSchema>;

export const configurationSchema = z.strictObject({
  state_directory: absolutePath
    .optional()
    .describe(
      'Where pgdrill keeps sandboxes and the embedded servers. Default: `/var/lib/pgdrill` as root, else `~/.local/state/pgdrill`.',
    ),
  catalog: z
    .strictObject({
      url: z
        .string()
        .optional()
        .describe(
          'The catalog database as a PostgreSQL URL without a password. Default: the one that `pgdrill dev` runs.',
        ),
    })
    .default({})
    .describe('The database with the history tables.'),
  temporal: z
    .strictObject({
      task_queue: z
        .string()
        .min(1)
        .default('pgdrill')
        .describe(
          'The task queue of this host’s worker. Workers that do not share the repository and sandbox directories need different ones.',
        ),
      ui_url: z
        .url({ protocol: /^https?$/ })
        .optional()
        .describe(
          'Where Temporal’s Web UI is, such as `https://temporal.example`, for the links that pgdrill prints. Default: the one that `pgdrill dev` runs.',
        ),
    })
    .default({ task_queue: 'pgdrill' })
    .describe('Temporal itself is found by its own environment variables and TOML profiles.'),
  metrics: z
    .strictObject({
      host: z
        .string()
        .min(1)
        .default('127.0.0.1')
        .describe('The address to listen on. There is no authentication: keep it where only Prometheus gets in.'),
      port: z
        .int()
        .min(1)
        .max(65_535)
        .describe('The port of the worker’s `/metrics` (docs/monitoring.md). Two workers of one host need two.'),
      temporal_port: z
        .int()
        .min(1)
        .max(65_535)
        .optional()
        .describe('The port for the figures that Temporal’s SDK has of this worker. Not served by default.'),
    })
    .optional()
    .describe('Figures for Prometheus, served by the worker. Without this block it serves none.'),
  evidence: evidenceConfigurationSchema,
  notifications: notificationsSchema,
  clusters: z
    .record(clusterNameSchema, clusterConfigurationSchema)
    .refine((clusters) => Object.keys(clusters).length > 0, 'must name at least one cluster')
    .describe('The protected clusters, by name.'),
});
export type Configuration = z.infer<typeof configurationSchema>;
