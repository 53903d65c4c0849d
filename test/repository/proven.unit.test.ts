import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { LocalStorage } from '../../src/repository/local-storage.js';
import { listProvingDrills, type ProvingDrill, standingOf } from '../../src/repository/proven.js';
import type { BackupRecord } from '../../src/schema/backup-record.js';

const backup = (id: string, change: Partial<BackupRecord> = {}): BackupRecord => ({
  formatVersion: 1,
  id,
  cluster: 'shop',
  type: id.endsWith('full') ? 'full' : 'incremental',
  requestedType: 'full',
  systemIdentifier: '1',
  timeline: 1,
  startLsn: `0/${id.length}`,
  endLsn: `1/${id.length}`,
  startedAt: '2026-01-01T00:00:00Z',
  finishedAt: '2026-01-01T00:00:00Z',
  durationMs: 0,
  sizeBytes: 0,
  serverVersion: '17.11',
  serverVersionNumber: 170_011,
  walSegmentSizeBytes: 2 ** 24,
  dataChecksums: true,
  settings: {},
  superuser: 'postgres',
  tablespaces: [],
  manifestSha256: '',
  operation: '',
  ...change,
});
const [full, first, second] = [backup('full'), backup('first-incremental'), backup('second-incremental')];

let drills = 0;
const drill = (verdict: ProvingDrill['verdict'], ...chain: BackupRecord[]): ProvingDrill => ({
  id: `drill-${++drills}`,
  finishedAt: `2026-01-02T00:00:${String(drills).padStart(2, '0')}Z`,
  verdict,
  chain: chain.map(({ id, startLsn, endLsn }) => ({ id, startLsn, endLsn })),
});

describe('the standing of a backup', () => {
  it('is no more than verified or judged as long as no drill has restored it', () => {
    expect(standingOf(full, [])).toEqual({ standing: 'verified' });
    expect(standingOf(first, [])).toEqual({ standing: 'judged' });
    expect(standingOf(first, [drill('unproven', full, first), drill('passed', full)])).toEqual({ standing: 'judged' });
  });

  it('is proven by a drill of the chain that ends with it, and only part of a proven chain further down', () => {
    const passed = drill('passed', full, first);
    const by = { id: passed.id, finishedAt: passed.finishedAt };
    expect(standingOf(first, [passed])).toEqual({ standing: 'proven', drill: by });
    expect(standingOf(full, [passed])).toEqual({ standing: 'part of a proven chain', drill: by });
    expect(standingOf(second, [passed])).toEqual({ standing: 'judged' });
  });

  it('is what the newest drill that came to a decision says', () => {
    const [passed, failed, unproven] = [
      drill('passed', full, first),
      drill('failed', full, first),
      drill('unproven', full, first),
    ];
    expect(standingOf(first, [passed, failed, unproven])).toMatchObject({
      standing: 'failed',
      drill: { id: failed.id },
    });
    expect(standingOf(first, [failed, passed, unproven])).toMatchObject({ standing: 'proven' });
    // Whose fault a failure further up was, nobody knows.
    expect(standingOf(full, [failed])).toEqual({ standing: 'verified' });
  });

  it('is not taken over from another backup that had the same id', () => {
    expect(standingOf({ ...first, endLsn: '2/0' }, [drill('passed', full, first)])).toEqual({ standing: 'judged' });
  });

  it('stays unsafe whatever a drill says', () => {
    expect(standingOf({ ...first, unsafe: ['wrong'] }, [drill('passed', full, first)])).toEqual({ standing: 'unsafe' });
  });
});

describe('the drills in a repository', () => {
  let path: string;
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'pgdrill-proven-'));
  });
  afterEach(() => rm(path, { recursive: true }));

  it('are those whose evidence is whole, oldest first; recoveries and rubbish prove nothing', async () => {
    const evidence = async (name: string, content: unknown): Promise<void> => {
      await mkdir(join(path, 'evidence', name), { recursive: true });
      await writeFile(
        join(path, 'evidence', name, 'evidence.json'),
        typeof content === 'string' ? content : JSON.stringify(content),
      );
    };
    const [older, newer] = [drill('passed', full), drill('failed', full, first)];
    await evidence('b', { formatVersion: 1, kind: 'drill', ...older, more: true });
    await evidence('a', { formatVersion: 1, kind: 'drill', ...newer });
    await evidence('c', { formatVersion: 1, kind: 'recovery', ...older });
    await evidence('d', { formatVersion: 2, kind: 'drill', ...older });
    await evidence('e', '{"formatVersion": 1, "kind": "dri');
    await mkdir(join(path, 'evidence', 'f'));
    const storage = new LocalStorage(path);
    expect(await listProvingDrills({ path, cluster: 'shop', storage, systemIdentifier: undefined })).toMatchObject([
      older,
      newer,
    ]);
  });

  it('are none where there is no evidence', async () => {
    const storage = new LocalStorage(path);
    expect(await listProvingDrills({ path, cluster: 'shop', storage, systemIdentifier: undefined })).toEqual([]);
  });
});
