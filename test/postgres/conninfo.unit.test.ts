import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { ConfigurationError } from '../../src/errors.js';
import { describeConninfo } from '../../src/postgres/connection.js';
import { formatConninfo, parseConninfo, resolveService } from '../../src/postgres/conninfo.js';

describe('a connection string', () => {
  it.each([
    ['host=/run/postgresql port=5432', { host: '/run/postgresql', port: '5432' }],
    ['  host = localhost   dbname = shop ', { host: 'localhost', dbname: 'shop' }],
    [`user='it''`.replace(`''`, `\\''`), { user: `it'` }],
    [`dbname='two words' user=x`, { dbname: 'two words', user: 'x' }],
    [String.raw`dbname=a\ b`, { dbname: 'a b' }],
    [String.raw`dbname='a\\b'`, { dbname: 'a\\b' }],
    [`options='-c search_path=a,b'`, { options: '-c search_path=a,b' }],
    [`host='' user=x`, { host: '', user: 'x' }],
    ['', {}],
  ])('%s', (text, pairs) => {
    expect(parseConninfo(text)).toEqual(pairs);
  });

  it.each(['host', 'host localhost', `dbname='open`, 'host=a =b', 'postgresql://host/db'])(
    'is not "%s", and the error shows where',
    (text) => {
      expect(() => parseConninfo(text)).toThrow(ConfigurationError);
      expect(() => parseConninfo(text)).toThrow('is not understood from here on');
    },
  );

  it('with a password is refused, and the password is not repeated', () => {
    expect(() => parseConninfo('host=a password=geheim')).toThrow(/^(?!.*geheim).*holds a password/s);
  });

  it('comes back as it was', () => {
    const pairs = { host: '/tmp/a b', user: `o'neil`, options: String.raw`-c x=\y`, dbname: '' };
    expect(parseConninfo(formatConninfo(pairs))).toEqual(pairs);
  });

  it('in messages shows no password', () => {
    expect(describeConninfo({ host: 'h', password: 'geheim', user: 'u' })).toBe('host=h user=u');
    expect(describeConninfo({})).toBe('the default address');
  });
});

describe('a service', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp('/tmp/pgdt-');
    await writeFile(
      join(directory, 'services'),
      `# comment\n[other]\nhost=wrong\n[shop]\nhost = db.example\nport=6543\npassword=from = file\n\n[last]\nhost=z\n`,
    );
  });
  afterAll(() => rm(directory, { recursive: true }));
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('adds what its file says; the string itself wins', () => {
    vi.stubEnv('PGSERVICEFILE', join(directory, 'services'));
    expect(resolveService({ service: 'shop', port: '1' })).toEqual({
      service: 'shop',
      host: 'db.example',
      port: '1',
      password: 'from = file',
    });
  });

  it('may be named by the environment', () => {
    vi.stubEnv('PGSERVICEFILE', join(directory, 'services'));
    vi.stubEnv('PGSERVICE', 'last');
    expect(resolveService({})).toEqual({ host: 'z' });
  });

  it('that is not there is said so, with the files that were looked into', () => {
    vi.stubEnv('PGSERVICEFILE', join(directory, 'services'));
    expect(() => resolveService({ service: 'nope' })).toThrow(
      expect.objectContaining({ message: expect.stringContaining(`"nope" stands in none of ${directory}`) as string }),
    );
  });
});
