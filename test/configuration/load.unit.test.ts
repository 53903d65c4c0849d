import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { loadConfiguration, parseConfiguration } from '../../src/configuration/load.js';
import { ConfigurationError } from '../../src/errors.js';

const least = 'clusters:\n  shop:\n    connection: service=shop\n    repository: /r/shop\n';

/** The problems of a bad configuration, one a line, as `line:column: text`. */
function problemsOf(text: string): string[] {
  try {
    parseConfiguration(text, '/c/pgdrill.yaml');
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.explanation.what.split('\n  /c/pgdrill.yaml:').slice(1);
  }
  return [];
}

describe('a wrong configuration', () => {
  it('is answered with every problem at once, in the order of the file', () => {
    const problems = problemsOf(`clusters:
  shop:
    conection: service=shop
    repository: backups
    gates: [restore, promot]
    gate_timeout: 90
    fingerprint:
      connections: 99
`);
    expect(problems).toHaveLength(6);
    expect(problems[0]).toMatch(/^2:3: clusters.shop.connection is missing \(text\)\. How to reach the source/);
    expect(problems[1]).toMatch(
      /^3:5: clusters.shop.conection is not a known key\. Did you mean "connection"\? Allowed here: connection, repository, wal,/,
    );
    expect(problems[2]).toBe('4:5: clusters.shop.repository must be an absolute path, but "backups" was given.');
    expect(problems[3]).toBe(
      '5:22: clusters.shop.gates[1] must be one of restore, promote, but "promot" was given. Did you mean "promote"?',
    );
    expect(problems[4]).toMatch(
      /^6:5: clusters.shop.gate_timeout must be text, but 90 \(a number\) was given\. Put it in quotes: "90"/,
    );
    expect(problems[5]).toBe(
      '8:7: clusters.shop.fingerprint.connections must be at most 64, but 99 (a number) was given.',
    );
  });

  it.each([
    ['sample: {percent: 0}', /fingerprint\.sample\.percent must be .*0/],
    ['sample: {percent: 100}', /fingerprint\.sample\.percent must be .*100/],
    ['scope: some', /fingerprint\.scope must be one of full, sample, but "some" was given/],
    ['exclude: [orders]', /fingerprint\.exclude\[0\] must be database\.schema\.table, with \* for any characters/],
  ])('says what is wrong with the scope of the fingerprint: %s', (line, message) => {
    const [problem] = problemsOf(
      `clusters:\n  shop:\n    connection: service=shop\n    repository: /backups\n    fingerprint:\n      ${line}\n`,
    );
    expect(problem).toMatch(message);
  });

  it.each([
    ['', /^1:1: the file is empty\. The least that works:\n\n {4}clusters:/],
    ['# nothing but a comment\n', /the file is empty/],
    ['[1, 2]', /^1:1: the file holds a list, not a mapping/],
    ['clusters:', /^1:1: clusters must be a mapping of names to values, but nothing was given/],
    ['clusters: {}', /^1:1: clusters must name at least one cluster\.$/],
    [
      'clusters:\n  Shop: {connection: service=a, repository: /r}',
      /^2:3: clusters\.Shop is no usable name: it must begin/,
    ],
    ['catalogue: {}\n' + least, /^1:1: catalogue is not a known key\. Did you mean "catalog"\?/],
    ['temporal: {task_queue: ""}\n' + least, /^1:12: temporal\.task_queue must not be empty/],
    [least.replace('service=shop', '5432'), /connection must be text, but 5432 \(a number\) was given/],
    [
      `${least}    objectives: {rto: soon}\n`,
      /^5:18: clusters\.shop\.objectives\.rto must be a duration such as 90s.*but "soon"/,
    ],
    [
      `${least}    sandbox: {settings: {jit: off, work_mem: 4}}\n`,
      /settings\.work_mem must be text, but 4.*in quotes: "4"/,
    ],
  ])('%j is told what is wrong', (text, message) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(message);
  });

  it.each([
    ['a duplicate key', `${least}    repository: /r/b\n`, /^5:5: the key "repository" stands here a second time/],
    ['a tab', 'clusters:\n\tshop: 1\n', /^2:1: YAML does not allow tabs/],
    ['an open bracket', 'clusters: {shop: [', /^1:\d+: this is not valid YAML/],
    ['a second document', `${least}---\nx: 1\n`, /^5:1: a second YAML document begins here/],
    ['an unknown tag', 'state_directory: !env /r\n' + least, /^1:18: this is not valid YAML: Unresolved tag: !env/],
    ['an alias of nothing', 'state_directory: *nowhere\n' + least, /refused|not valid YAML/],
  ])('%s is found where it stands', (_, text, message) => {
    expect(problemsOf(text)[0]).toMatch(message);
  });

  it('is refused where aliases multiply', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (let name = 'b'; name < 'j'; name = String.fromCharCode(name.charCodeAt(0) + 1)) {
      const before = String.fromCharCode(name.charCodeAt(0) - 1);
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`);
    }
    expect(problemsOf(bomb.join('\n'))).toEqual([expect.stringMatching(/^2:8: the aliases \(\*name\) are refused/)]);
  });

  it('an honest alias is followed, and its problems are found', () => {
    const text = `clusters:
  a: {connection: service=a, repository: /r/a, objectives: &o {rto: 1m}}
  b: {connection: service=b, repository: /r/b, objectives: *o}
`;
    expect(parseConfiguration(text, 'x').clusters['b']?.objectives.rto).toBe('1m');
    expect(problemsOf(text.replace('1m', 'never'))).toHaveLength(2);
  });
});

describe('a connection string', () => {
  const withConnection = (connection: string): string[] =>
    problemsOf(least.replace('service=shop', JSON.stringify(connection)));

  it.each([
    'host=h password=geheim',
    "host=h password='geheim",
    'PASSWORD = geheim host=h',
    'postgresql://u:geheim@h/db',
    'postgresql://u@h/db?password=geheim',
    'host=h sslpassword=geheim',
  ])('with a password (%s) is refused where it stands, and not quoted', (connection) => {
    const problems = withConnection(connection);
    expect(problems).toEqual([expect.stringMatching(/^3:5: clusters.shop.connection holds a password/)]);
    expect(problems[0]).not.toContain('geheim');
  });

  it.each([
    ['host=h prot=5432', 'holds "prot", which libpq does not know. Did you mean "port"?'],
    ['host=h port=70000', 'holds port "70000", which is no port (1 to 65535).'],
    ['host=a,b port=5432,70000', 'holds port "70000", which is no port (1 to 65535).'],
    ['host=a,b port=5432', 'names 2 hosts, and nothing says which of them is the primary.'],
    [
      'host=a,b port=1,2,3 target_session_attrs=read-write',
      'is wrong. The connection names 2 hosts, but 3 values of port.',
    ],
    ['host=a,b target_session_attrs=any', 'names 2 hosts, and nothing says which of them is the primary.'],
    ['host=a target_session_attrs=standby', 'holds target_session_attrs=standby: the source is always the primary.'],
    ['host=a target_session_attrs=master', 'is wrong. target_session_attrs is "master".'],
    ['postgresql://u@h/db', 'is a URL. Write keyword=value pairs, such as: host='],
    ['just words', 'is wrong. The connection string is not understood from here on: "just words".'],
  ])('%s is explained', (connection, message) => {
    expect(withConnection(connection)).toEqual([expect.stringContaining(`3:5: clusters.shop.connection ${message}`)]);
  });

  it('is checked even where the schema finds problems elsewhere', () => {
    expect(problemsOf(`${least.replace('service=shop', 'host=h password=x')}    typo: 1\n`)).toHaveLength(2);
  });
});

describe('the standby that backups copy', () => {
  const problemsWith = (standby: string): string[] => problemsOf(`${least}    backup_from: ${standby}\n`);

  it.each(['host=standby user=pgdrill', 'host=a,b target_session_attrs=standby', 'service=standby'])(
    '%s is taken',
    (standby) => {
      expect(problemsWith(standby)).toEqual([]);
    },
  );
  it.each([
    ['host=a,b', 'names 2 hosts, and nothing says which of them is a standby. Add target_session_attrs=standby.'],
    ['host=a target_session_attrs=read-write', 'holds target_session_attrs=read-write: it has to be a standby.'],
    ['host=a password=geheim', 'holds a password'],
    ['port=5432', 'names no host.'],
  ])('%s is refused', (standby, sentence) => {
    expect(problemsWith(standby)).toEqual([expect.stringContaining(`clusters.shop.backup_from ${sentence}`)]);
  });
});

describe('the catalog URL', () => {
  it.each([
    ['postgresql://u:geheim@h/db', 'holds a password'],
    ['mysql://h/db', 'must be a PostgreSQL URL'],
    ['host=h', 'must be a PostgreSQL URL'],
  ])('%s is refused', (url, message) => {
    const [problem] = problemsOf(`catalog:\n  url: ${url}\n${least}`);
    expect(problem).toMatch(new RegExp(`^2:3: catalog.url ${message}`));
    expect(problem).not.toContain('geheim');
  });

  it.each(['postgresql://u@h:5432/db', 'postgres:///db?host=/run/postgresql', 'postgresql://[::1]:5432/db'])(
    '%s is taken',
    (url) => {
      expect(problemsOf(`catalog:\n  url: '${url}'\n${least}`)).toEqual([]);
    },
  );
});

it('two clusters may not share a repository', () => {
  const two = (second: string): string => `${least}  erp: {connection: service=erp, repository: ${second}}\n`;
  expect(problemsOf(two('/r/shop/'))).toEqual([
    expect.stringMatching(
      /^5:34: clusters.erp.repository is \/r\/shop, which shares a directory with the repository of shop/,
    ),
  ]);
  expect(problemsOf(two('/r'))).toHaveLength(1);
  expect(problemsOf(two('/r/shop/x'))).toHaveLength(1);
  expect(problemsOf(two('/r/shop2'))).toEqual([]);
  expect(problemsOf(two('/r/..shop'))).toEqual([]);
});

describe('the configuration file', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pgdrill-configuration-'));
    vi.stubEnv('PGDRILL_CONFIG', undefined);
    vi.stubEnv('PGDRILL_STATE', undefined);
    vi.spyOn(process, 'cwd').mockReturnValue(directory);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    await rm(directory, { recursive: true });
  });
  const write = async (name: string, text = least): Promise<string> => {
    await writeFile(join(directory, name), text);
    return join(directory, name);
  };

  it('is the one given, before PGDRILL_CONFIG, before ./pgdrill.yaml', async () => {
    const here = await write('pgdrill.yaml');
    expect((await loadConfiguration()).path).toBe(here);
    const named = await write('named.yaml');
    vi.stubEnv('PGDRILL_CONFIG', named);
    expect((await loadConfiguration()).path).toBe(named);
    const given = await write('given.yaml');
    expect((await loadConfiguration({ path: given })).path).toBe(given);
  });

  it('brings its state directory', async () => {
    const path = await write('a.yaml', `state_directory: /elsewhere/\n${least}`);
    expect((await loadConfiguration({ path })).stateDirectory).toBe('/elsewhere');
  });

  it('that is named must exist: nothing else is tried', async () => {
    await write('pgdrill.yaml');
    vi.stubEnv('PGDRILL_CONFIG', join(directory, 'gone.yaml'));
    await expect(loadConfiguration()).rejects.toThrow(/gone\.yaml \(from PGDRILL_CONFIG\) does not exist/);
    await expect(loadConfiguration({ path: directory })).rejects.toThrow(/\(from --config\) cannot be read: EISDIR/);
  });

  it.skipIf(existsSync('/etc/pgdrill/pgdrill.yaml'))(
    'that is nowhere is asked for, with the least that works',
    async () => {
      await expect(loadConfiguration()).rejects.toThrow(
        /neither \.\/pgdrill\.yaml nor \/etc\/pgdrill\/pgdrill\.yaml exists[^]*clusters:\n {6}shop:/,
      );
    },
  );

  it('that is wrong is named in the error, which carries the exit code for it', async () => {
    const path = await write('bad.yaml', 'clusters: 5');
    const error = await loadConfiguration({ path }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ exitCode: 78, retryable: false });
    expect((error as Error).message).toContain(`${path}:1:1: clusters must be a mapping of names to values`);
  });
});
