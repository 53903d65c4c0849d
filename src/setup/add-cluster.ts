import { isDeepStrictEqual } from 'node:util';

import { type Document, isMap, parseDocument, type Scalar, stringify } from 'yaml';

import { parseConfiguration } from '../configuration/load.js';
import { withoutTrailingSlash } from '../configuration/state-directory.js';
import { parseYaml } from '../configuration/yaml-source.js';
import { ConfigurationError, UsageError } from '../errors.js';
import { parseConninfo } from '../postgres/conninfo.js';
import { type ClusterConfiguration } from '../schema/configuration.js';
import { clusterNameSchema } from '../schema/primitives.js';

/** What a person said of a cluster; absent is what was not said. */
export interface ClusterWish {
  connection?: string;
  repository?: string;
  /** An archive that somebody else fills. */
  walDirectory?: string;
  /** How WAL is to reach the repository. */
  walMode?: ClusterConfiguration['wal']['mode'];
  /** What fetches a file of an archive that other tools fill: WAL mode `command`, which it stands for by itself. */
  restoreCommand?: string;
  /** A standby that backups are to copy. */
  backupFrom?: string;
  rto?: string;
  rpo?: string;
}

export interface AddedCluster {
  /** The whole new file. */
  text: string;
  /** False where the file says all of it already: there is nothing to write. */
  changed: boolean;
}

const head = '# Written by pgdrill init. Every key stands in docs/configuration.md.\n';

/** Whether a name will do in the configuration. @throws UsageError that says what names may look like. */
export function assertClusterName(name: string): void {
  const parsed = clusterNameSchema.safeParse(name);
  if (parsed.success) return;
  throw new UsageError({
    what: `"${name}" cannot be the name of a cluster: it ${parsed.error.issues[0]?.message ?? 'has the wrong form'}.`,
    means:
      'The name stands in file names, workflow ids and metrics. What the server calls itself or its databases does not matter.',
    todo: 'Choose another name.',
  });
}

/**
 * Adds a cluster to the text of a configuration file. Everything that stands there stays, comments as well.
 *
 * @param before the file as it is; undefined for a new one.
 * @param path names the file in messages.
 * @throws ConfigurationError where the cluster is there with other values, where the file is broken, or would be.
 */
export function addCluster(before: string | undefined, path: string, name: string, wish: ClusterWish): AddedCluster {
  assertClusterName(name);
  if (before !== undefined) assertReadable(before, path);
  const document: Document = parseDocument(before ?? '');
  if (document.hasIn(['clusters', name])) {
    const known = parseConfiguration(before ?? '', path).clusters[name];
    if (known === undefined) throw new RangeError(`no cluster ${name} after all`);
    refuseOthers(known, wish, { path, name });
    return { text: before ?? '', changed: false };
  }
  if (wish.connection === undefined || wish.repository === undefined) {
    throw new UsageError({
      what: `Cluster "${name}" is not in ${path} yet, and its ${wish.connection === undefined ? 'connection' : 'repository'} was not given.`,
      means: 'pgdrill does not guess where a cluster is or where its backups belong.',
      todo: `pgdrill init ${name} --connection 'host=/run/postgresql dbname=postgres user=pgdrill' --repository /var/lib/pgdrill/${name}`,
    });
  }
  const text =
    insertBehind(before ?? '', document, { [name]: clusterNode(wish) }) ?? rewritten(before, document, name, wish);
  assertOnlyAdded(before, text, path, name);
  return { text, changed: true };
}

/**
 * Behind the last cluster, so that not a byte of the rest changes.
 *
 * @returns undefined where there is no such place: no clusters yet, or in braces.
 */
function insertBehind(text: string, document: Document, added: Record<string, unknown>): string | undefined {
  const clusters = document.get('clusters', true);
  if (!isMap<Scalar>(clusters) || clusters.flow === true) return undefined;
  const [first, end] = [clusters.items[0]?.key.range?.[0], clusters.range?.[2]];
  if (first === undefined || end === undefined) return undefined;
  const indent = ' '.repeat(first - (text.lastIndexOf('\n', first - 1) + 1));
  const lines = stringify(added, { lineWidth: 0 }).trimEnd().split('\n');
  const before = text.slice(0, end);
  return `${before}${before.endsWith('\n') ? '' : '\n'}${lines.map((line) => `${indent}${line}\n`).join('')}${text.slice(end)}`;
}

/** Written anew by the library, which keeps comments, but not the spacing of what stands in braces. */
function rewritten(before: string | undefined, document: Document, name: string, wish: ClusterWish): string {
  // An empty `clusters:` is null in YAML; a file of comments only has no contents at all.
  if (!isMap(document.contents)) document.contents = document.createNode({});
  if (!isMap(document.get('clusters'))) document.set('clusters', document.createNode({}));
  const clusters = document.get('clusters', true);
  if (isMap(clusters)) clusters.flow = false;
  document.setIn(['clusters', name], document.createNode(clusterNode(wish)));
  return (before === undefined ? head : '') + document.toString({ lineWidth: 0 });
}

function clusterNode(wish: ClusterWish): Record<string, unknown> {
  const { connection, repository, backupFrom, walDirectory, restoreCommand, rto, rpo } = wish;
  const mode = walModeOf(wish);
  const wal = {
    ...(mode === undefined ? {} : { mode }),
    ...(walDirectory === undefined ? {} : { directory: walDirectory }),
    ...(restoreCommand === undefined ? {} : { restore_command: restoreCommand }),
  };
  return {
    connection,
    repository,
    ...(backupFrom === undefined ? {} : { backup_from: backupFrom }),
    ...(Object.keys(wal).length === 0 ? {} : { wal }),
    ...(rto === undefined && rpo === undefined
      ? {}
      : { objectives: { ...(rto === undefined ? {} : { rto }), ...(rpo === undefined ? {} : { rpo }) } }),
  };
}

/** Whoever gives a command means that mode; where another was said as well, the configuration refuses both together. */
function walModeOf({ walMode, restoreCommand }: ClusterWish): ClusterWish['walMode'] {
  return walMode ?? (restoreCommand === undefined ? undefined : 'command');
}

function assertReadable(text: string, path: string): void {
  const { problems } = parseYaml(text);
  if (problems.length === 0) return;
  throw new ConfigurationError({
    what: `${path} cannot be added to: ${problems.map((problem) => `line ${problem.line}: ${problem.text}`).join(' ')}`,
    means: 'Nothing was changed.',
    todo: 'Mend the file first.',
  });
}

function refuseOthers(
  known: ClusterConfiguration,
  wish: ClusterWish,
  { path, name }: { path: string; name: string },
): void {
  const sameConnection = (a: string, b: string): boolean => isDeepStrictEqual(parseConninfo(a), parseConninfo(b));
  const samePath = (a: string, b: string): boolean => withoutTrailingSlash(a) === withoutTrailingSlash(b);
  const sameText = (a: string, b: string): boolean => a === b;
  const others = (
    [
      ['connection', known.connection, wish.connection, sameConnection],
      ['repository', known.repository, wish.repository, samePath],
      ['backup_from', known.backup_from, wish.backupFrom, sameConnection],
      ['wal.mode', known.wal.mode, walModeOf(wish), sameText],
      ['wal.restore_command', known.wal.restore_command, wish.restoreCommand, sameText],
      ['wal.directory', known.wal.directory, wish.walDirectory, samePath],
      ['objectives.rto', known.objectives.rto, wish.rto, sameText],
      ['objectives.rpo', known.objectives.rpo, wish.rpo, sameText],
    ] as const
  ).filter(([, there, wanted, same]) => wanted !== undefined && !(there !== undefined && same(there, wanted)));
  if (others.length === 0) return;
  throw new ConfigurationError({
    what: `Cluster "${name}" is in ${path} already, with other values: ${others
      .map(([key, there, wanted]) => `${key} is ${there ?? 'not set'}, not ${wanted ?? ''}`)
      .join('; ')}.`,
    means: 'Its backups may lie where the file says. Nothing was changed.',
    todo: 'Change the file by hand, or choose another name.',
  });
}

/** The file must be good as a whole, and say of everything else what it said before. */
function assertOnlyAdded(before: string | undefined, after: string, path: string, name: string): void {
  try {
    parseConfiguration(after, path);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError(
      {
        what: error.explanation.what.replace(
          'The configuration has',
          `With cluster "${name}" the configuration would have`,
        ),
        means: 'Nothing was written.',
        todo: 'Correct what was given, or mend the file first.',
      },
      { cause: error },
    );
  }
  const withoutNew = (text: string): unknown => {
    const value = (parseYaml(text).value ?? {}) as { clusters?: Record<string, unknown> | null };
    const { clusters, ...rest } = value;
    return { ...rest, clusters: Object.fromEntries(Object.entries(clusters ?? {}).filter(([each]) => each !== name)) };
  };
  if (!isDeepStrictEqual(withoutNew(before ?? ''), withoutNew(after))) {
    throw new ConfigurationError({
      what: `${path} is written in a way that a cluster cannot be added to without changing the rest.`,
      means: 'Nothing was changed.',
      todo: 'Add the cluster by hand (pgdrill init --print shows the lines).',
    });
  }
}
