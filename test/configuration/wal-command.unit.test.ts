import { describe, expect, it } from 'vitest';

import { clusterOf } from '../../src/configuration/cluster.js';
import { parseConfiguration } from '../../src/configuration/load.js';
import { ConfigurationError } from '../../src/errors.js';

function parse(wal: string): ReturnType<typeof clusterOf> {
  const text = `clusters:\n  shop:\n    connection: host=h\n    repository: /r\n    wal: ${wal}\n`;
  const configuration = parseConfiguration(text, '/c/pgdrill.yaml');
  return clusterOf({ path: '/c/pgdrill.yaml', configuration, stateDirectory: '/state' }, 'shop');
}

const wal = (command: string): string => `{ mode: command, restore_command: ${JSON.stringify(command)} }`;

describe('wal.mode: command', () => {
  it('keeps what it fetches in a directory of its own, which is no archive of ours', () => {
    expect(parse(wal('gunzip -c /archive/%f.gz > "%p"'))).toMatchObject({
      wal: { mode: 'command', restoreCommand: 'gunzip -c /archive/%f.gz > "%p"' },
      walDirectory: '/r/fetched-wal',
      ownWalDirectory: false,
    });
  });

  it.each([
    'pgbackrest --stanza=shop archive-get %f "%p"',
    'envdir /etc/wal-g.d wal-g wal-fetch %f %p',
    'scp -i /etc/keys/archive_key host:/archive/%f "%p"',
    'curl --netrc-file /etc/token-file -sf https://tokens.example/%f -o "%p"',
    'fetch --password-file=/etc/archive.password %f %p',
    'fetch --password "$ARCHIVE_PASSWORD" %f %p',
  ])('takes %s', (command) => {
    expect(parse(wal(command)).wal).toEqual({ mode: 'command', restoreCommand: command });
  });

  it.each([
    ['{ mode: command }', 'is needed in mode "command"'],
    [`{ mode: command, restore_command: '' }`, 'is needed in mode "command"'],
    [wal('cp /archive/latest "%p"'), 'holds no %f'],
    [wal('cat /archive/%f'), 'holds no %p'],
    [wal('pg_standby /archive %f %p %r'), 'holds %r, which is there to remove files from the archive'],
    [wal('cp /archive/%f %p %d'), 'holds %d, which PostgreSQL does not know'],
    [wal('fetch --password=geheim %f %p'), 'seems to hold a secret'],
    [wal('AWS_SECRET_ACCESS_KEY=geheim aws s3 cp s3://b/%f %p'), 'seems to hold a secret'],
    [wal('curl -H "Authorization-Token: geheim" https://a/%f -o %p'), 'seems to hold a secret'],
    [`{ mode: command, directory: /archive, restore_command: 'cp /archive/%f %p' }`, 'is not used in mode "command"'],
    [`{ mode: command, slot: a, restore_command: 'cp /archive/%f %p' }`, 'is used in mode "stream" only'],
    [`{ restore_command: 'cp /archive/%f %p' }`, 'is used in mode "command" only'],
  ])('%s is refused', (text, sentence) => {
    const refused = (): unknown => parse(text);
    expect(refused).toThrow(ConfigurationError);
    expect(refused).toThrow(sentence);
    expect(refused).not.toThrow('geheim');
  });
});
