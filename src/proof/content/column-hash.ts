/**
 * How each column enters its row's hash, decided from the catalogs alone, so that source and sandbox decide alike.
 *
 * The hash functions of the types answer to *equality*, which is not enough for a proof: numeric 1.0 and 1.00, jsonb of both,
 * `1 month` and `30 days`, 0.0 and -0.0 hash alike, and hashint8extended (also behind the timestamps) folds 64 bits to 32 by
 * xor, so that 1 and 4294967296 do. So:
 *
 * - types whose hash covers every bit of the value are taken as they are;
 * - others by their binary send function, which is exact, as pg_dump's text would be (CREATE TYPE in the manual: "send_function");
 * - containers (composites, ranges, domains, …) as a record of one column, which record_send sends part by part;
 * - a type without a send function anywhere inside it as it prints.
 *
 * The text is a list of common table expressions; they read `attribute (attrelid, attnum, attname, atttypid, attcollation)`, whatever
 * the first of it stands for, and end in `columns (attrelid, expressions, printed)`.
 */
export const hashesOfAttributes = `
    -- Each type with every type that it is made of. \`union\` drops repetitions, so types that contain themselves end, too.
    part (whole, oid) as (
      select atttypid, atttypid from attribute
      union
      select part.whole, inside.oid
      from part
      join pg_catalog.pg_type t on t.oid = part.oid
      cross join lateral (
        select t.typbasetype where t.typtype = 'd'
        union all
        select t.typelem where t.typelem <> 0
        union all
        select a.atttypid from pg_catalog.pg_attribute a
        where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
        union all
        select r.rngsubtype from pg_catalog.pg_range r where r.rngtypid = t.oid
        union all
        select r.rngtypid from pg_catalog.pg_range r where r.rngmultitypid = t.oid
      ) inside (oid)
    ),
    sendable (type, yes) as (
      select part.whole, bool_and(t.typsend <> 0)
      from part
      join pg_catalog.pg_type t on t.oid = part.oid
      group by part.whole
    ),
    columns as (
      select
        a.attrelid,
        string_agg(
          case
            when t.typtype = 'e'
              or t.oid in ('int2'::regtype, 'int4'::regtype, 'oid'::regtype, 'bool'::regtype, 'name'::regtype,
                           'bytea'::regtype, 'uuid'::regtype, 'date'::regtype)
              or t.oid in ('text'::regtype, 'varchar'::regtype) and l.collisdeterministic
              then format('r.%I', a.attname)
            when not s.yes then format('textin(record_out(row(r.%I)))', a.attname)
            -- Some types borrow another type's send function: calling that would need a cast that may not exist.
            when t.typtype = 'b' and send.proargtypes[0] in (t.oid, 'anyarray'::regtype)
              then format('%s(r.%I)', send.oid::regproc, a.attname)
            else format('record_send(row(r.%I))', a.attname)
          end,
          ', ' order by a.attnum
        ) as expressions,
        bool_or(not s.yes) as printed
      from attribute a
      join pg_catalog.pg_type t on t.oid = a.atttypid
      join sendable s on s.type = a.atttypid
      left join pg_catalog.pg_collation l on l.oid = a.attcollation
      left join pg_catalog.pg_proc send on send.oid = t.typsend
      group by a.attrelid
    )`;

/** The same for all columns of `relation` (rows of pg_class). */
export const columnHashes = `
    attribute as (
      select a.attrelid, a.attnum, a.attname, a.atttypid, a.attcollation
      from relation
      join pg_catalog.pg_attribute a on a.attrelid = relation.oid
      where a.attnum > 0 and not a.attisdropped
    ),
    ${hashesOfAttributes.trim()}`;

/**
 * SQL for the 64-bit hash of one row of `r`.
 *
 * hash_record_extended combines columns as `31 * h + h(column)`, which is linear: in a plain sum over the rows, two rows
 * could exchange the values of a column unseen (678 of 1,000 such exchanges left the sum as it was). Used as the seed of
 * one more hash, it no longer adds up; that costs about a tenth.
 */
export function rowHash(expressions: string): string {
  return `hashtextextended('' collate "C", hash_record_extended(row(${expressions}), 0))`;
}
