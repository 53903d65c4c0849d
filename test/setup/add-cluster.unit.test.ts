import { describe, expect, it } from 'vitest';

import { parseConfiguration } from '../../src/configuration/load.js';
import { ConfigurationError, UsageError } from '../../src/errors.js';
import { addCluster } from '../../src/setup/add-cluster.js';

const wish = { connection: 'host=/run/postgresql dbname=shop user=pgdrill', repository: '/var/lib/pgdrill/shop' };
const path = '/etc/pgdrill/pgdrill.yaml';

describe('a cluster is added to a configuration', () => {
  it('that is not there yet', () => {
    const { text, changed } = addCluster(undefined, path, 'shop', { ...wish, rto: '15m' });
    expect(changed).toBe(true);
    expect(parseConfiguration(text, path).clusters).toMatchObject({ shop: { ...wish, objectives: { rto: '15m' } } });
  });

  it('whose WAL is streamed', () => {
    const { text } = addCluster(undefined, path, 'shop', { ...wish, walMode: 'stream' });
    expect(parseConfiguration(text, path).clusters['shop']?.wal.mode).toBe('stream');
    expect(addCluster(text, path, 'shop', { walMode: 'stream' }).changed).toBe(false);
  });

  it('whose WAL other tools archive, and whose backups copy a standby', () => {
    const other = {
      restoreCommand: 'pgbackrest --stanza=shop archive-get %f "%p"',
      backupFrom: 'host=standby dbname=shop user=pgdrill',
    };
    const { text } = addCluster(undefined, path, 'shop', { ...wish, ...other });
    expect(parseConfiguration(text, path).clusters['shop']).toMatchObject({
      wal: { mode: 'command', restore_command: other.restoreCommand },
      backup_from: other.backupFrom,
    });
    expect(addCluster(text, path, 'shop', { ...other, walMode: 'command' }).changed).toBe(false);
    expect(() => addCluster(text, path, 'shop', { restoreCommand: 'cp /archive/%f "%p"' })).toThrow(
      /wal.restore_command is pgbackrest .*, not cp/,
    );
    expect(() => addCluster(text, path, 'shop', { backupFrom: 'host=another user=pgdrill' })).toThrow(
      /backup_from is host=standby/,
    );
  });

  it.each([
    ['is empty', ''],
    ['holds comments only', '# ours\n'],
    ['has no clusters', 'state_directory: /srv/state # a disk of its own\n'],
    ['has clusters without any', 'state_directory: /srv/state\nclusters:\n'],
    ['has an empty map of clusters', 'clusters: {}\n'],
  ])('that %s', (_, before) => {
    const { text } = addCluster(before, path, 'shop', wish);
    expect(Object.keys(parseConfiguration(text, path).clusters)).toEqual(['shop']);
    for (const comment of before.match(/#.*/g) ?? []) expect(text).toContain(comment);
  });

  it('without touching a line of what stands there', () => {
    const before = `# Head.
state_directory: /srv/state # a disk of its own

clusters:
  # The one that pays.
  billing:
    connection: host=/run/postgresql port=5433 dbname=billing user=pgdrill application_name=a_name_that_makes_this_line_longer_than_eighty_columns
    repository: "/srv/backups/billing" # quoted
    gates: [restore, promote]
    checks:
      revenue:
        sql: |
          select sum(total)
            from orders
        expect: { equals: source }
    # Last words.

temporal: { task_queue: one }
`;
    const { text } = addCluster(before, path, 'shop', wish);
    const lines = text.split('\n');
    for (const line of before.split('\n')) expect(lines).toContain(line);
    expect(text.split('\n').length - before.split('\n').length).toBe(3);
    expect(Object.keys(parseConfiguration(text, path).clusters)).toEqual(['billing', 'shop']);
  });

  it('that says the same of it already: nothing is to be written', () => {
    const { text } = addCluster('# mine\n', path, 'shop', wish);
    const again = {
      ...wish,
      connection: `user=pgdrill dbname='shop' host=/run/postgresql`,
      repository: `${wish.repository}/`,
    };
    expect(addCluster(text, path, 'shop', again)).toEqual({ text, changed: false });
    expect(addCluster(text, path, 'shop', {})).toEqual({ text, changed: false });
  });
});

describe('refused is', () => {
  const { text: known } = addCluster(undefined, path, 'shop', wish);

  it.each([
    [
      'another connection',
      { connection: 'host=db.example dbname=shop user=pgdrill' },
      /connection is .*shop.*not host=db.example/,
    ],
    [
      'another repository',
      { repository: '/srv/elsewhere' },
      /repository is \/var\/lib\/pgdrill\/shop, not \/srv\/elsewhere/,
    ],
    ['another objective', { rto: '5m' }, /objectives.rto is not set, not 5m/],
    ['another way of its WAL', { walMode: 'stream' as const }, /wal.mode is archive, not stream/],
    ['another WAL archive', { walDirectory: '/srv/wal' }, /wal.directory is not set, not \/srv\/wal/],
  ])('a cluster that is there with %s', (_, other, message) => {
    const adding = (): unknown => addCluster(known, path, 'shop', { ...wish, ...other });
    expect(adding).toThrow(ConfigurationError);
    expect(adding).toThrow(message);
  });

  it('a repository that is another cluster’s', () => {
    expect(() => addCluster(known, path, 'other', wish)).toThrow(/With cluster "other" .*shares a directory/s);
  });

  it('a password in the connection, without repeating it', () => {
    const adding = (): unknown =>
      addCluster(undefined, path, 'shop', { ...wish, connection: 'host=h password=geheim' });
    expect(adding).toThrow(/holds a password/);
    expect(adding).not.toThrow(/geheim/);
  });

  it.each(['Shop', 'with space', '1st', 'ümlaut', '', 'a'.repeat(42), '__proto__'])('the name "%s"', (name) => {
    expect(() => addCluster(undefined, path, name, wish)).toThrow(UsageError);
  });

  it.each([
    ['without a command', { walMode: 'command' as const }, /restore_command is needed in mode "command"/],
    [
      'that a stream has no use for',
      { walMode: 'stream' as const, restoreCommand: 'cp /a/%f "%p"' },
      /mode "command" only/,
    ],
    ['that forgets where to put the file', { restoreCommand: 'cat /a/%f' }, /%p/],
  ])('an archive %s', (_, other, message) => {
    expect(() => addCluster(undefined, path, 'shop', { ...wish, ...other })).toThrow(message);
  });

  it('a file that is broken, or that holds other keys', () => {
    expect(() => addCluster('clusters: [', path, 'shop', wish)).toThrow(/cannot be added to: line 1/);
    expect(() => addCluster('clustres: {}\n', path, 'shop', wish)).toThrow(/Did you mean "clusters"/);
    expect(() => addCluster('- a list\n', path, 'shop', wish)).toThrow(ConfigurationError);
    expect(() => addCluster('clusters: [a]\n', path, 'shop', wish)).toThrow(ConfigurationError);
  });

  it('a new cluster of which not all was said', () => {
    expect(() => addCluster(undefined, path, 'shop', { repository: '/srv' })).toThrow(/its connection was not given/);
    expect(() => addCluster(undefined, path, 'shop', { connection: wish.connection })).toThrow(
      /its repository was not/,
    );
  });
});
