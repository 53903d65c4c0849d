import { describe, expect, it } from 'vitest';

import { ConfigurationError } from '../../src/errors.js';
import { splitHosts, wantedSession, whyRefused } from '../../src/postgres/hosts.js';

describe('the hosts of a connection', () => {
  it.each([
    [{ host: 'a', port: '5432' }, [{ host: 'a', port: '5432' }]],
    [{ dbname: 'shop' }, [{ dbname: 'shop' }]],
    [
      { host: 'a,b', port: '5432,5433', user: 'u' },
      [
        { host: 'a', port: '5432', user: 'u' },
        { host: 'b', port: '5433', user: 'u' },
      ],
    ],
    [
      { host: 'a, b', port: '6000' },
      [
        { host: 'a', port: '6000' },
        { host: 'b', port: '6000' },
      ],
    ],
    [{ host: 'a,b', port: ',5433' }, [{ host: 'a' }, { host: 'b', port: '5433' }]],
    [
      { host: 'a,b', hostaddr: '10.0.0.1,10.0.0.2' },
      [
        { host: 'a', hostaddr: '10.0.0.1' },
        { host: 'b', hostaddr: '10.0.0.2' },
      ],
    ],
    [{ hostaddr: '10.0.0.1,10.0.0.2' }, [{ hostaddr: '10.0.0.1' }, { hostaddr: '10.0.0.2' }]],
  ])('%o', (conninfo, hosts) => {
    expect(splitHosts(conninfo)).toEqual(hosts);
  });

  it.each([
    [{ host: 'a,b', port: '1,2,3' }, '2 hosts, but 3 values of port'],
    [{ host: 'a', port: '1,2' }, '1 host, but 2 values of port'],
    [{ host: 'a,b', hostaddr: '10.0.0.1' }, '2 hosts, but 1 values of hostaddr'],
  ])('%o do not fit together', (conninfo, sentence) => {
    expect(() => splitHosts(conninfo)).toThrow(ConfigurationError);
    expect(() => splitHosts(conninfo)).toThrow(sentence);
  });
});

describe('the session that is looked for', () => {
  const primary = { inRecovery: false, readOnly: false };
  const readOnly = { inRecovery: false, readOnly: true };
  const standby = { inRecovery: true, readOnly: false };
  it.each([
    ['any', [undefined, undefined, undefined]],
    ['primary', [undefined, undefined, 'is a standby']],
    ['read-write', [undefined, 'takes no writes (default_transaction_read_only is on)', 'is a standby']],
    ['standby', ['is no standby', 'is no standby', undefined]],
    ['read-only', ['takes writes', undefined, undefined]],
  ] as const)('%s', (wanted, reasons) => {
    expect([primary, readOnly, standby].map((state) => whyRefused(state, wanted))).toEqual(reasons);
  });

  it('is any by default, and one that libpq knows', () => {
    expect(wantedSession({})).toBe('any');
    expect(wantedSession({ target_session_attrs: 'prefer-standby' })).toBe('prefer-standby');
    expect(() => wantedSession({ target_session_attrs: 'master' })).toThrow('target_session_attrs is "master"');
  });
});
