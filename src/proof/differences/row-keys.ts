import type { Connection } from '../../postgres/connection.js';
import type { Relation } from '../content/list-relations.js';

/** A key longer than this would make the line unreadable. */
const shownChars = 60;

/**
 * Names rows by their key, `id=5`: the primary key, else the index that is the replica identity, else where the row lies. Never
 * anything else of a row: it may be personal data.
 *
 * @param places ctids.
 * @returns in the order of `places`; undefined for a row that is not there any more.
 */
export async function readKeys(
  client: Connection,
  relation: Relation,
  places: readonly string[],
): Promise<(string | undefined)[]> {
  const columns = await keyColumns(client, relation);
  if (columns.length === 0) return places.map((place) => `ctid ${place}`);
  const expressions = columns.map((column) => `r.${client.escapeIdentifier(column)}::text`);
  const { rows } = await client.query<{ place: string; values: (string | null)[] }>(
    `
    select r.ctid::text as place, array[${expressions.join(', ')}] as values
    from only ${client.escapeIdentifier(relation.schema)}.${client.escapeIdentifier(relation.name)} as r
    where r.ctid = any ($1::tid[])
    `,
    [places],
  );
  const found = new Map(rows.map(({ place, values }) => [place, values]));
  return places.map((place) => {
    const values = found.get(place);
    return values && shorten(columns.map((column, at) => `${column}=${values[at] ?? 'null'}`).join(' '));
  });
}

async function keyColumns(client: Connection, relation: Relation): Promise<string[]> {
  const { rows } = await client.query<{ columns: string[] }>(
    `
    select array(
      select a.attname::text
      from unnest(i.indkey::int2[]) with ordinality as key (attnum, position)
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = key.attnum
      where key.position <= i.indnkeyatts
      order by key.position
    ) as columns
    from pg_index i
    where i.indrelid = $1::oid and i.indisvalid and (i.indisprimary or i.indisreplident)
    order by i.indisprimary desc
    limit 1
    `,
    [relation.oid],
  );
  return rows[0]?.columns ?? [];
}

function shorten(text: string): string {
  return text.length > shownChars ? `${text.slice(0, shownChars)}…` : text;
}
