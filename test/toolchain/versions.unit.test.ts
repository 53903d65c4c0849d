import { describe, expect, it, vi } from 'vitest';

import { parsePostgresVersion, toolEnvironment } from '../../src/toolchain/postgres-tools.js';
import { elapsed } from '../../src/toolchain/progress.js';
import { isNewEnough, parseTemporalVersion } from '../../src/toolchain/temporal-version.js';
import { wheelFor } from '../../src/toolchain/wheel-pins.js';

describe('the version of PostgreSQL', () => {
  it.each([
    ['postgres (PostgreSQL) 17.11', '17.11', 17],
    ['postgres (PostgreSQL) 17.5 (Debian 17.5-1.pgdg120+1)', '17.5', 17],
    ['postgres (PostgreSQL) 19beta1', '19beta1', 19],
    ['postgres (PostgreSQL) 18rc1 (Ubuntu 18~rc1-1)', '18rc1', 18],
    ['postgres (PostgreSQL) 19devel', '19devel', 19],
    ['postgres (PostgreSQL) 9.6.24', '9.6.24', 9],
  ])('is read from %j', (text, version, major) => {
    expect(parsePostgresVersion(text)).toEqual({ version, major });
  });

  it('is unknown where something else answers', () => {
    expect(parsePostgresVersion('postgres: command not found')).toBeUndefined();
  });
});

describe('the version of Temporal', () => {
  it.each([
    ['temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)', true],
    ['temporal version v1.6.0 (Server 1.30.0, UI 2.43.0)', true],
    ['temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)', true],
    ['temporal version 0.0.0-DEV (Server 1.27.2, UI 2.37.0)', false],
    ['temporal version 1.4.1 (Server 1.28.0, UI 2.39.0)', false],
    ['temporal version 2.0.0 (Server 2.0.0, UI 3.0.0)', true],
  ])('%j is new enough: %s', (text, accepted) => {
    const version = parseTemporalVersion(text);
    expect(version).toBeDefined();
    expect(isNewEnough(version!)).toBe(accepted);
  });

  it('is unknown where something else answers', () => {
    expect(parseTemporalVersion('tctl version 1.18')).toBeUndefined();
  });
});

describe('the environment of a tool', () => {
  it('puts the cached libraries before those that are already there', () => {
    vi.stubEnv('LD_LIBRARY_PATH', '/opt/other/lib');
    expect(toolEnvironment({ libraryDirectory: '/cache/lib' })).toEqual({
      LD_LIBRARY_PATH: '/cache/lib:/opt/other/lib',
    });
    vi.stubEnv('LD_LIBRARY_PATH', undefined);
    expect(toolEnvironment({ libraryDirectory: '/cache/lib' })).toEqual({ LD_LIBRARY_PATH: '/cache/lib' });
    vi.unstubAllEnvs();
  });

  it('leaves a PostgreSQL of the system to its own libraries', () => {
    expect(toolEnvironment({ libraryDirectory: undefined })).toEqual({});
  });
});

describe('the pinned wheels', () => {
  it.each(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'])('exist for both majors on %s', (machine) => {
    expect(wheelFor(17, machine)).toMatchObject({
      version: '17.11',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect(wheelFor(18, machine)).toMatchObject({
      version: '18.6',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });

  it.each(['linux-x64-musl', 'win32-x64'])('do not exist for %s, which is said with what to do', (machine) => {
    expect(() => wheelFor(17, machine)).toThrow(/could install on this kind of machine.*PGDRILL_PG_BIN=/s);
  });
});

it('says elapsed time as people do', () => {
  expect([1_234, 45_400, 200_000].map(elapsed)).toEqual(['1.2 s', '45 s', '3 min 20 s']);
});
