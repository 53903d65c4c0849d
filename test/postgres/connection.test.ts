import { spawnSync } from 'node:child_process';
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { AccessError, UnreachableError } from '../../src/errors.js';
import type { Conninfo } from '../../src/postgres/conninfo.js';
import { fixHost, withConnection } from '../../src/postgres/connection.js';
import { makePrivateDirectory, writeFileDurably } from '../../src/files/durable.js';
import { startTestCluster, type TestCluster } from '../support/cluster.js';
import { freePort, makeScratch, removeScratch } from '../support/scratch.js';

/** Node makes no certificates. */
const canMakeCertificates = spawnSync('openssl', ['version']).status === 0;

let scratch: string;
let cluster: TestCluster;
let address: Conninfo;
let certificate: string;

beforeAll(async () => {
  scratch = await makeScratch();
  cluster = await startTestCluster(scratch);
  address = { host: '127.0.0.1', port: String(await freePort()), user: 'postgres', dbname: 'postgres' };
  certificate = join(cluster.dataDirectory, 'server.crt');
  if (!canMakeCertificates) return;
  const key = join(cluster.dataDirectory, 'server.key');
  await execa('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=127.0.0.1'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1', '-out', certificate, '-keyout', key],
  ]);
  // Written once more, for the server's user.
  for (const file of [certificate, key]) await writeFileDurably(file, await readFile(file, 'utf8'));
});
afterAll(async () => {
  await cluster.remove();
  await removeScratch(scratch);
});

async function serve(ssl: 'on' | 'off', hba: string): Promise<void> {
  const file = join(cluster.dataDirectory, 'pg_hba.conf');
  const kept = (await readFile(file, 'utf8')).split('\n').filter((line) => line.startsWith('local'));
  await writeFile(file, [...kept, hba, ''].join('\n'));
  await cluster.restart({ listen_addresses: '127.0.0.1', port: address['port'] ?? '', ssl });
}

async function encrypted(overrides: Conninfo = {}): Promise<boolean> {
  return await withConnection({ ...address, ...overrides }, async (client) => {
    const { rows } = await client.query<{ ssl: boolean }>(`select ssl from pg_stat_ssl where pid = pg_backend_pid()`);
    return rows[0]!.ssl;
  });
}

// Skipped where there is no openssl to make the server's certificate with.
describe.skipIf(!canMakeCertificates)('a server that insists on TLS', () => {
  beforeAll(() => serve('on', 'hostssl all all 127.0.0.1/32 trust'));
  afterEach(() => vi.unstubAllEnvs());

  it.each([{}, { sslmode: 'prefer' }, { sslmode: 'allow' }, { sslmode: 'require' }])(
    'is met with TLS: %o',
    async (mode) => expect(await encrypted(mode)).toBe(true),
  );
  it('refuses a connection that is told to do without', async () => {
    await expect(encrypted({ sslmode: 'disable' })).rejects.toThrow(AccessError);
  });
  it('is known by its certificate', async () => {
    expect(await encrypted({ sslmode: 'verify-full', sslrootcert: certificate })).toBe(true);
    await expect(encrypted({ sslmode: 'verify-full' })).rejects.toThrow(/certificate that is not trusted/);
  });
  it('is known by what lies in ~/.postgresql, as for libpq', async () => {
    vi.stubEnv('HOME', scratch);
    await makePrivateDirectory(join(scratch, '.postgresql'));
    const authority = join(scratch, '.postgresql', 'root.crt');
    await copyFile(certificate, authority);
    expect(await encrypted({ sslmode: 'verify-full' })).toBe(true);
    await execa('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=somebody else'],
      ...['-out', authority, '-keyout', join(scratch, 'other.key')],
    ]);
    // There being an authority, `require` holds the server to it.
    await expect(encrypted({ sslmode: 'require' })).rejects.toThrow(AccessError);
    expect(await encrypted({ sslmode: 'prefer' })).toBe(true);
    await rm(authority);
  });
});

// Skipped likewise.
describe.skipIf(!canMakeCertificates)('a server that takes both', () => {
  beforeAll(() => serve('on', 'host all all 127.0.0.1/32 trust'));

  it.each([
    [{}, true],
    [{ sslmode: 'allow' }, false],
    [{ sslmode: 'disable' }, false],
  ])('is met as libpq would: %o', async (mode, tls) => expect(await encrypted(mode)).toBe(tls));
});

describe('a server without TLS', () => {
  beforeAll(() => serve('off', 'host all all 127.0.0.1/32 trust'));

  it.each([{}, { sslmode: 'prefer' }, { sslmode: 'allow' }])('is met without: %o', async (mode) =>
    expect(await encrypted(mode)).toBe(false),
  );
  it('is refused where TLS is required', async () => {
    await expect(encrypted({ sslmode: 'require' })).rejects.toThrow(UnreachableError);
  });
  it('is tried once where nobody listens', async () => {
    await expect(encrypted({ port: String(await freePort()) })).rejects.toThrow(UnreachableError);
  });
});

describe('a password', () => {
  let passfile: string;
  beforeAll(async () => {
    await serve('off', 'host all all 127.0.0.1/32 scram-sha-256');
    const client = await cluster.connect({ port: address['port'] ?? '' });
    await client.query(`create role careful login password 'swordfish'`);
    await client.end();
    passfile = join(scratch, 'passfile');
    await writeFile(passfile, `127.0.0.1:${address['port']}:postgres:careful:swordfish\n`, { mode: 0o600 });
  });
  afterEach(() => vi.unstubAllEnvs());

  it('is read from a passfile that the connection names', async () => {
    expect(await encrypted({ user: 'careful', passfile })).toBe(false);
  });
  it('is read from the passfile in PGPASSFILE, for whom it is meant', async () => {
    vi.stubEnv('PGPASSFILE', passfile);
    expect(await encrypted({ user: 'careful' })).toBe(false);
    await expect(encrypted({ user: 'postgres' })).rejects.toThrow(AccessError);
  });
  it('in a service file is used, and stays there: what programs are given as arguments has none', async () => {
    const services = join(scratch, 'pg_service.conf');
    const ports = `${await freePort()},${address['port'] ?? ''}`;
    const lines = ['[shop]', 'host=127.0.0.1,127.0.0.1', `port=${ports}`, 'dbname=postgres', 'user=careful'];
    await writeFile(services, [...lines, 'password=swordfish', ''].join('\n'), { mode: 0o600 });
    vi.stubEnv('PGSERVICEFILE', services);
    const fixed = await fixHost({ service: 'shop' });
    expect(fixed).toEqual({ service: 'shop', host: '127.0.0.1', port: address['port'] });
    await withConnection(fixed, (client) => client.query('select 1'));
  });
  it('that cannot be had is said to be missing', async () => {
    vi.stubEnv('PGPASSFILE', join(scratch, 'none'));
    await expect(encrypted({ user: 'careful' })).rejects.toThrow(/refuses the connection/);
  });
  it('in a passfile that others may read is not used', async () => {
    await chmod(passfile, 0o644);
    await expect(encrypted({ user: 'careful', passfile })).rejects.toThrow(/can be read by others/);
  });
});
