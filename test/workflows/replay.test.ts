import { readdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { Worker } from '@temporalio/worker';
import { describe, expect, test } from 'vitest';

import { quietRuntime } from '../support/temporal.js';

quietRuntime();

const histories = join(import.meta.dirname, '..', 'histories');
const codePath = join(import.meta.dirname, '..', '..', 'dist', 'workflow-bundle.js');
const names = (await readdir(histories)).filter((name) => name.endsWith('.json'));

interface History {
  events: {
    eventType: string;
    workflowExecutionFailedEventAttributes?: { failure?: { applicationFailureInfo?: { type?: string } } };
  }[];
}

// A run that is on its way while pgdrill is upgraded goes on with the new code: that must take the same steps.
describe('a run that an earlier pgdrill began', { timeout: 60_000 }, () => {
  test.each(names)('goes on with the workflows of today: %s', async (name) => {
    const history = await read(name);
    await Worker.runReplayHistory({ workflowBundle: { codePath } }, history, name.replace('.json', ''));
  });

  test('would be noticed to have taken other steps', async () => {
    const { events } = await read('backup.json');
    const swapped = JSON.parse(JSON.stringify({ events }).replaceAll('"checkArchive"', '"captureLsn"')) as History;
    await expect(Worker.runReplayHistory({ workflowBundle: { codePath } }, swapped, 'swapped')).rejects.toThrow(
      /[Nn]ondeterminism/,
    );
  });
});

/** Of each workflow and outcome: how it ended, and with what type of failure. */
const ends: Record<string, [status: string, type?: string]> = {
  'apply-retention-failed': ['FAILED', 'ConfigurationError'],
  'apply-retention': ['COMPLETED'],
  'backup-differential': ['COMPLETED'],
  'backup-failed': ['FAILED', 'DiskFullError'],
  'backup-waited': ['COMPLETED'],
  backup: ['COMPLETED'],
  consolidate: ['COMPLETED'],
  'drill-approved-by-two': ['COMPLETED'],
  'drill-begun-anew': ['COMPLETED'],
  'drill-cancelled': ['CANCELED'],
  'drill-failed': ['FAILED', 'DrillFailed'],
  'drill-left-over': ['FAILED', 'SandboxError'],
  'drill-on-the-way': ['COMPLETED'],
  'drill-passed': ['COMPLETED'],
  'drill-rejected': ['COMPLETED'],
  'drill-retargeted': ['COMPLETED'],
  'drill-scenario': ['COMPLETED'],
  'drill-source-lost': ['COMPLETED'],
  'drill-told': ['COMPLETED'],
  'extract-given-up': ['FAILED', 'UsageError'],
  extract: ['COMPLETED'],
  janitor: ['COMPLETED'],
  'janitor-told': ['COMPLETED'],
  'recover-cutover': ['COMPLETED'],
  'recover-fixed': ['COMPLETED'],
  'recover-given-up': ['FAILED', 'RepositoryError'],
  'recover-rejected': ['COMPLETED'],
  recover: ['COMPLETED'],
  'sabotage-drill': ['COMPLETED'],
  'stream-continued': ['CONTINUED_AS_NEW'],
  'stream-gap': ['FAILED', 'RepositoryError'],
  'stream-stopped': ['COMPLETED'],
  'stream-told': ['COMPLETED'],
  'verify-repository': ['COMPLETED'],
};

test('the recorded runs ended as their names say', async () => {
  expect(names.map((name) => name.replace('.json', '')).sort()).toEqual(Object.keys(ends).sort());
  for (const [name, [status, type]] of Object.entries(ends)) {
    const last = (await read(`${name}.json`)).events.at(-1)!;
    expect(last.eventType, name).toBe(`EVENT_TYPE_WORKFLOW_EXECUTION_${status}`);
    const { failure } = last.workflowExecutionFailedEventAttributes ?? {};
    expect(failure?.applicationFailureInfo?.type, name).toBe(type);
  }
});

test.each(names)('%s tells nothing of the machine that it was recorded on', async (name) => {
  const text = await readFile(join(histories, name), 'utf8');
  const payloads = [...text.matchAll(/"data": "([A-Za-z0-9+/=]+)"/g)].map(([, data]) =>
    Buffer.from(data!, 'base64').toString(),
  );
  const all = [text, ...payloads].join('\n');
  expect(all).not.toContain(hostname());
  expect(all).not.toMatch(/password|\/root\/|\/home\/|\/work\/|pgdt-/);
  // It was read: the cluster's name, or for the janitor the run itself.
  expect(payloads.join('\n')).toContain(name.startsWith('janitor') ? '"removed"' : '"shop"');
});

async function read(name: string): Promise<History> {
  return JSON.parse(await readFile(join(histories, name), 'utf8')) as History;
}
