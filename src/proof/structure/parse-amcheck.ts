import type { Check } from '../../schema/results.js';

/**
 * Reads what pg_amcheck prints on standard output: for each finding a line that names the relation (and the place in it), then
 * indented lines that say what is wrong.
 *
 * @returns one problem a relation, with its first finding and how many more there are; an output that is not understood is
 *   a problem as well, never nothing.
 */
export function parseAmcheck(stdout: string): Check['problems'] {
  const findings = new Map<string, string[]>();
  let relation = 'pg_amcheck';
  let place = '';
  for (const line of stdout.split('\n').filter((text) => text.trim() !== '')) {
    const [, , named, where] = /^(heap table|btree index) "(.*)"(?:, (.*))?:$/.exec(line) ?? [];
    if (named !== undefined) {
      relation = named;
      place = where === undefined ? '' : `${where}: `;
      // Named is broken, whatever follows.
      findings.set(relation, findings.get(relation) ?? []);
      continue;
    }
    const messages = findings.get(relation) ?? [];
    findings.set(relation, messages);
    const last = messages.at(-1);
    // These lines belong to the message before them.
    if (last !== undefined && /^\s+(DETAIL|CONTEXT|HINT):/.test(line))
      messages[messages.length - 1] = `${last} ${line.trim()}`;
    else messages.push(place + line.trim());
  }
  return [...findings].map(([object, messages]) => ({
    object,
    detail: `${messages[0] ?? 'damaged'}${messages.length > 1 ? ` (and ${messages.length - 1} more)` : ''}`,
  }));
}
