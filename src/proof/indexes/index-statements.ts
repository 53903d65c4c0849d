import { rowHash } from '../content/column-hash.js';
import type { Index } from './list-indexes.js';

/** One question that the index and the heap are asked alike. */
export interface Question {
  /** SQL condition on `r`; none for all rows. */
  where: string | undefined;
  /** SQL of a row's hash: of the columns in the index where it is read index-only, else of where the row lies. */
  hash: string;
  /** SQL that stands before `r` and is joined to it, for indexes that can only look up single values. */
  values?: { from: string; on: string };
}

/** One way to read all that an index holds. */
export interface Way {
  kind: 'index only' | 'index scan';
  questions: Question[];
}

/** Where a row lies. Two rows that the index calls by the same place would show as a wrong count. */
const placeHash = `hashtidextended(r.ctid, 0)`;

/**
 * The ways to read an index in full, the best first. Which of them the planner takes has to be looked up.
 *
 * - index-only: B-trees, and GiST and SP-GiST indexes whose operator class can give the value back.
 * - `is not null` and `is null`, which those search for as well as for values: where the index holds expressions, which the planner never
 *   reads index-only. BRIN, too.
 * - a hash index can only look up: every value that the table holds.
 * - GIN: a condition that makes it go through the whole index, of the common operator classes. It shows a row that is in no entry,
 *   not one that is missing from some.
 */
export function waysToRead(index: Index, table: string): Way[] {
  const { method, firstColumn, predicate } = index;
  const only: Way = {
    kind: 'index only',
    questions: [{ where: conditions(predicate), hash: rowHash(index.expressions) }],
  };
  const byNull: Way = {
    kind: 'index scan',
    questions: ['is not null', 'is null'].map((test) => ({
      where: conditions(predicate, `(${firstColumn}) ${test}`),
      hash: placeHash,
    })),
  };
  switch (method) {
    case 'btree':
    case 'gist':
    case 'spgist':
      return index.plainColumns ? [only, byNull] : [byNull];
    case 'brin':
      return [byNull];
    case 'hash':
      return index.equals === null ? [] : [lookUp(index, index.equals, table)];
    case 'gin': {
      const all = everything[index.operatorClass];
      return all === undefined
        ? []
        : [{ kind: 'index scan', questions: [{ where: conditions(predicate, all(firstColumn)), hash: placeHash }] }];
    }
    default:
      return [];
  }
}

/** By GIN operator class: a condition that extracts no key to search for (manual, "GIN Extensibility", `searchMode`). */
const everything: Record<string, (column: string) => string> = {
  array_ops: (column) => `(${column}) operator(pg_catalog.@>) '{}'`,
  jsonb_ops: (column) => `(${column}) operator(pg_catalog.@>) '{}'`,
  jsonb_path_ops: (column) => `(${column}) operator(pg_catalog.@>) '{}'`,
  tsvector_ops: (column) => `(${column}) operator(pg_catalog.@@) '!pgdrill'::tsquery`,
  gin_trgm_ops: (column) => `(${column}) operator(pg_catalog.~~) '%'`,
};

function lookUp({ firstColumn, predicate }: Index, equals: string, table: string): Way {
  const where = conditions(predicate, `(${firstColumn}) is not null`);
  return {
    kind: 'index scan',
    questions: [
      {
        where,
        hash: placeHash,
        values: {
          from: `(select distinct (${firstColumn}) as "pgdrill value" from only ${table} as r where ${where ?? 'true'}) as d`,
          on: `(${firstColumn}) ${equals} d."pgdrill value"`,
        },
      },
    ],
  };
}

function conditions(...parts: (string | null)[]): string | undefined {
  const given = parts.filter((part) => part !== null);
  return given.length === 0 ? undefined : given.map((part) => `(${part})`).join(' and ');
}

/** The statement that the index is to answer. */
export function askIndex({ where, hash, values }: Question, table: string): string {
  const from = values === undefined ? `only ${table} as r` : `${values.from} join only ${table} as r on ${values.on}`;
  return `select count(*)::text as rows, coalesce(sum(${hash}), 0)::text as hash from ${from} ${where === undefined ? '' : `where ${where}`}`;
}

/** One statement that asks the heap all questions of its indexes in a single scan: arrays in the order of the questions. */
export function askHeap(questions: readonly Question[], table: string): string {
  const filter = ({ where }: Question): string => (where === undefined ? '' : `filter (where ${where})`);
  const counts = questions.map((question) => `count(*) ${filter(question)}`);
  const sums = questions.map((question) => `coalesce(sum(${question.hash}) ${filter(question)}, 0)`);
  return `select array[${counts.join(', ')}]::text[] as rows, array[${sums.join(', ')}]::text[] as hashes from only ${table} as r`;
}
