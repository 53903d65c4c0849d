import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, vi } from 'vitest';

/** An empty cache for each test of a file, open to the server user, and gone afterwards; no PGDRILL_* of ours is in force. */
export function useScratchCache(): { path: () => string; lines: string[]; progress: (line: string) => void } {
  let path = '';
  const lines: string[] = [];
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'pgdrill-cache-'));
    await chmod(path, 0o755);
    lines.length = 0;
    vi.stubEnv('PGDRILL_CACHE', path);
    vi.stubEnv('PGDRILL_PG_BIN', undefined);
    vi.stubEnv('PGDRILL_TEMPORAL', undefined);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(path, { recursive: true, force: true });
  });
  return { path: () => path, lines, progress: (line) => lines.push(line) };
}
