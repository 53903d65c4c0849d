import { describe, expect, it } from 'vitest';

import { clusterOf } from '../../src/configuration/cluster.js';
import { type LoadedConfiguration, parseConfiguration } from '../../src/configuration/load.js';
import { ConfigurationError } from '../../src/errors.js';

function loaded(clusters: string): LoadedConfiguration {
  const configuration = parseConfiguration(`clusters:\n${clusters}`, '/c/pgdrill.yaml');
  return { path: '/c/pgdrill.yaml', configuration, stateDirectory: '/state' };
}

describe('a cluster', () => {
  it('with the least configuration has every default', () => {
    const shop = clusterOf(loaded('  shop: {connection: host=/run port=5433 user=u, repository: /r/shop/}'), 'shop');
    expect(shop).toEqual({
      name: 'shop',
      connection: { host: '/run', port: '5433', user: 'u' },
      connectionText: 'host=/run port=5433 user=u',
      repository: '/r/shop',
      walDirectory: '/r/shop/wal',
      wal: { mode: 'archive' },
      ownWalDirectory: true,
      chain: { maxLength: 50, maxShare: 1 },
      sandboxDirectory: '/state/sandboxes',
      sandboxSettings: {},
      verify: { maxRateBytes: 100_000_000 },
      gates: [],
      gateRules: {},
      gateTimeoutMs: 86_400_000,
      archiveTimeoutMs: 120_000,
      objectives: {},
      fingerprint: { connections: 2, snapshotTimeoutMs: 3_600_000 },
      checks: [],
    });
  });

  it('has what is configured, durations as numbers and as written', () => {
    const shop = clusterOf(
      loaded(`  shop:
    connection: service=shop
    repository: /r/shop
    wal: {directory: /archive/}
    sandbox: {directory: /fast, settings: {work_mem: 64MB}}
    chain: {max_length: 8, max_share: 0.5}
    gates: [promote]
    gate_timeout: 1.5h
    archive_timeout: 500ms
    objectives: {rto: 15m, rpo: 90s}
    fingerprint: {connections: 8, statement_timeout: 5m, exclude: [shop.public.log*], scope: sample, sample: {percent: 2.5}}
`),
      'shop',
    );
    expect(shop).toMatchObject({
      walDirectory: '/archive',
      wal: { mode: 'archive' },
      ownWalDirectory: false,
      chain: { maxLength: 8, maxShare: 0.5 },
      sandboxDirectory: '/fast',
      sandboxSettings: { work_mem: '64MB' },
      gates: ['promote'],
      gateTimeoutMs: 5_400_000,
      archiveTimeoutMs: 500,
      objectives: { rto: '15m', rtoSeconds: 900, rpo: '90s', rpoSeconds: 90 },
      fingerprint: {
        connections: 8,
        snapshotTimeoutMs: 3_600_000,
        statementTimeoutMs: 300_000,
        policy: { exclude: ['shop.public.log*'], sample: { percent: 2.5, seed: 1 } },
      },
    });
  });

  it.each(['shpo', 'constructor', ''])('that is not there ("%s") is answered with those that are', (name) => {
    const configuration = loaded(
      '  shop: {connection: service=a, repository: /r/a}\n  erp: {connection: service=b, repository: /r/b}',
    );
    const look = (): unknown => clusterOf(configuration, name);
    expect(look).toThrow(ConfigurationError);
    expect(look).toThrow(`There is no cluster "${name}" in /c/pgdrill.yaml.`);
    expect(look).toThrow('It knows these: shop, erp.');
    if (name === 'shpo') expect(look).toThrow('Did you mean "shop"?');
  });
});
