import process from 'node:process';

import { describe, expect, it } from 'vitest';

import type { ControlData } from '../../src/postgres/controldata.js';
import { sandboxSettings } from '../../src/restore/sandbox-settings.js';

function settingsFor(
  segmentMegabytes: number,
  wanted: Record<string, string> = {},
  inPlaceTablespaces = false,
): Record<string, string> {
  const control = {
    walSegmentSizeBytes: segmentMegabytes * 1024 ** 2,
    trackCommitTimestamp: false,
    required: {
      max_connections: 100,
      max_worker_processes: 8,
      max_wal_senders: 10,
      max_prepared_transactions: 0,
      max_locks_per_transaction: 64,
    },
  } as ControlData;
  return sandboxSettings({
    control,
    target: { timeline: 1, settings: {} } as unknown as Parameters<typeof sandboxSettings>[0]['target'],
    restoreCommand: 'exit 1',
    inPlaceTablespaces,
    socketDirectory: '/tmp/s',
    configDirectory: '/s/config',
    port: 5432,
    wanted,
  });
}

describe('the settings of a sandbox', () => {
  it.each([
    [1, undefined, undefined],
    [16, undefined, undefined],
    [64, '128MB', undefined],
    [1_024, '2048MB', '2048MB'],
  ])('hold two WAL segments of %i MB', (size, least, most) => {
    const settings = settingsFor(size);
    expect([settings['min_wal_size'], settings['max_wal_size']]).toEqual([least, most]);
  });

  it('allow tablespaces in place only where the backup has some', () => {
    expect(settingsFor(16)['allow_in_place_tablespaces']).toBeUndefined();
    expect(settingsFor(16, {}, true)['allow_in_place_tablespaces']).toBe('on');
  });

  it('have one syncfs in place of an fsync of every file, where there is one, unless the configuration says otherwise', () => {
    const here = process.platform === 'linux' ? 'syncfs' : undefined;
    expect(settingsFor(16)['recovery_init_sync_method']).toBe(here);
    expect(settingsFor(16, { recovery_init_sync_method: 'fsync' })['recovery_init_sync_method']).toBe('fsync');
  });
});
