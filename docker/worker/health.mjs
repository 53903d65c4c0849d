// Healthy means: Temporal says that this very worker polls its task queue.
import { hostname } from 'node:os';

import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';

import { loadConfiguration } from '../../dist/src/configuration/load.js';

// A poll lasts a minute; two missed ones mean that nobody polls.
const freshMs = 130_000;

const { configuration } = await loadConfiguration();
const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect({ ...connectionOptions, connectTimeout: '5s' });
const { pollers } = await connection.workflowService.describeTaskQueue({
  namespace,
  taskQueue: { name: configuration.temporal.task_queue },
  taskQueueType: 1,
});
await connection.close();

const polls = (pollers ?? []).some(
  ({ identity, lastAccessTime }) =>
    identity?.includes(hostname()) && Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1_000 < freshMs,
);
if (!polls) console.error(`No worker of this host polls the task queue ${configuration.temporal.task_queue}.`);
process.exit(polls ? 0 : 1);
