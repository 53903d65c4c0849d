import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { findEvidence } from '../../src/report/write-report.js';
import { LocalStorage } from '../../src/repository/local-storage.js';
import type { Repository } from '../../src/repository/repository.js';
import { sampleEvidence } from './sample-evidence.js';

let repository: Repository;
beforeEach(async () => {
  const path = await mkdtemp(join(tmpdir(), 'pgdrill-evidence-'));
  repository = { path, cluster: 'shop', storage: new LocalStorage(path), systemIdentifier: undefined };
  for (const [id, workflowId, startedAt] of [
    ['drill-b7', 'drill', '2026-11-24T02:00:00.000Z'],
    ['drill-a3', 'drill', '2026-11-25T02:00:00.000Z'],
    ['drill-c1', 'drill', '2026-11-23T02:00:00.000Z'],
    ['drill-two-99', 'drill-two', '2026-11-26T02:00:00.000Z'],
  ] as const)
    await repository.storage.writeText(
      `evidence/${id}/evidence.json`,
      JSON.stringify(sampleEvidence({ id, workflowId, startedAt })),
    );
});
afterEach(() => rm(repository.path, { recursive: true }));

it.each([
  ['its own id', 'drill-b7', 'drill-b7'],
  ['the id of its workflow: the newest run counts', 'drill', 'drill-a3'],
  ['the id of a workflow that begins like another', 'drill-two', 'drill-two-99'],
  ['nothing that is there', 'dril', undefined],
  ['nothing outside its folder', '../evidence/drill-b7', undefined],
])('evidence is found by %s', async (_, name, id) => {
  expect((await findEvidence(repository, name))?.id).toBe(id);
});
