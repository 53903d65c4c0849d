import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pgdrill-compose-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe("the worker's entrypoint", () => {
  const run = async (): Promise<{ exitCode?: number; stdout: string; stderr: string }> =>
    await execa('sh', [join(checkout, 'docker/worker/entrypoint.sh'), 'echo', 'started'], {
      env: { PGPASSFILE: join(directory, 'pgpass'), PGDRILL_SECRETS: directory },
      reject: false,
    });

  it('writes a passfile that libpq takes, special characters escaped, then becomes the command', async () => {
    await writeFile(join(directory, 'source_pgdrill_password'), 'a:b\\c $HOME `id`');
    await writeFile(join(directory, 'catalog_password'), 'plain\n');
    expect(await run()).toMatchObject({ exitCode: 0, stdout: 'started' });
    expect(await readFile(join(directory, 'pgpass'), 'utf8')).toBe(
      'source:5432:*:pgdrill:a\\:b\\\\c $HOME `id`\ncatalog:5432:pgdrill:pgdrill:plain\n',
    );
    expect(await modeOf(join(directory, 'pgpass'))).toBe(0o600);
  });

  it('stops where a secret is missing or empty, and says which', async () => {
    await writeFile(join(directory, 'source_pgdrill_password'), 'x');
    await writeFile(join(directory, 'catalog_password'), '');
    const { exitCode, stdout, stderr } = await run();
    expect(exitCode).toBe(78);
    expect(stdout).toBe('');
    expect(stderr).toContain('The secret catalog_password is missing or empty. To do: ');
  });
});

describe('docker/make-env.sh', () => {
  const run = async (): Promise<{ exitCode?: number; stderr: string }> =>
    await execa('sh', [join(directory, 'docker/make-env.sh')], { reject: false });
  beforeEach(async () => {
    await mkdir(join(directory, 'docker'));
    await copyFile(join(checkout, 'docker/make-env.sh'), join(directory, 'docker/make-env.sh'));
    await copyFile(join(checkout, '.env.example'), join(directory, '.env.example'));
  });

  it('gives each name a random password of its own, for our eyes only', async () => {
    expect(await run()).toMatchObject({ exitCode: 0 });
    const values = (await readFile(join(directory, '.env'), 'utf8')).match(/^[A-Z_]+=[0-9a-f]{48}$/gm) ?? [];
    expect(values).toHaveLength(5);
    expect(new Set(values.map((line) => line.split('=')[1])).size).toBe(5);
    expect(await modeOf(join(directory, '.env'))).toBe(0o600);
  });

  it('keeps an .env that exists', async () => {
    await writeFile(join(directory, '.env'), 'MINE=1\n');
    expect(await run()).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('.env exists and is kept.') as string,
    });
    expect(await readFile(join(directory, '.env'), 'utf8')).toBe('MINE=1\n');
  });
});
