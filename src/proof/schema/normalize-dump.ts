/**
 * Takes out of a dump what differs between two runs although the databases are equal: the random key of `\restrict` (there
 * since 17.6) and the versions in the header. All else stays, comments and blank lines too: inside a function body they count.
 */
export function normalizeDump(sql: string): string {
  const lines = sql.split('\n');
  const key = /^\\restrict (\S+)$/.exec(lines.find((line) => line.startsWith('\\restrict ')) ?? '')?.[1];
  const firstStatement = lines.findIndex((line) => line !== '' && !line.startsWith('--') && !line.startsWith('\\'));
  return lines
    .filter((line) => key === undefined || (line !== `\\restrict ${key}` && line !== `\\unrestrict ${key}`))
    .filter((line, index) => index > firstStatement || !/^-- Dumped (from|by) /.test(line))
    .join('\n')
    .trim();
}

/** A sandbox has its tablespaces elsewhere, by design: only that, not their names, owners and options, is taken out. */
export function normalizeGlobals(sql: string): string {
  return normalizeDump(sql)
    .split('\n')
    .map((line) =>
      line.startsWith('CREATE TABLESPACE ') ? line.replace(/ LOCATION '(?:[^']|'')*';$/, " LOCATION '…';") : line,
    )
    .join('\n');
}
