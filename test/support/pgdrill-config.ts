import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type LoadedConfiguration, loadConfiguration } from '../../src/configuration/load.js';
import { Answered } from '../../src/doctor/patience.js';
import { writeFileDurably } from '../../src/files/durable.js';
import { formatConninfo } from '../../src/postgres/conninfo.js';
import type { ProtectedCluster } from './protected-cluster.js';

let queues = 0;

/**
 * Writes a pgdrill.yaml for a protected cluster, with a task queue of its own unless one is named, and loads it.
 *
 * @param options.top lines of YAML on top of the file's own.
 * @param options.cluster lines of YAML on top of the cluster's own, unindented.
 * @param options.connection instead of the cluster's.
 */
export async function configure(
  shop: ProtectedCluster,
  options: { top?: string; cluster?: string; connection?: string; catalogUrl?: string; queue?: string } = {},
): Promise<LoadedConfiguration> {
  const path = join(shop.scratch, `pgdrill-${++queues}.yaml`);
  const extra = (options.cluster ?? '').split('\n').map((line) => `    ${line}`);
  await writeFileDurably(
    path,
    `state_directory: ${join(shop.scratch, 'state')}
temporal: { task_queue: ${options.queue ?? `test-${process.pid}-${queues}`} }
catalog: {${options.catalogUrl === undefined ? '' : ` url: '${options.catalogUrl}'`}}
${options.top === undefined ? '' : `${options.top}\n`}clusters:
  ${shop.patient.name}:
    connection: ${options.connection ?? formatConninfo(shop.patient.connection)}
    repository: ${shop.patient.repository}
    archive_timeout: 30s
${options.cluster?.includes('sandbox:') === true ? '' : `    sandbox: { directory: ${shop.patient.sandboxDirectory}, settings: { shared_buffers: 16MB } }\n`}${extra.join('\n')}
`,
  );
  return await loadConfiguration({ path });
}

/** A source that is down is waited for where its address has answered before: from now on it has not, which ends a run within seconds. */
export async function forgetAnswers({ stateDirectory }: LoadedConfiguration): Promise<void> {
  await rm(new Answered(stateDirectory).directory, { recursive: true, force: true });
}
