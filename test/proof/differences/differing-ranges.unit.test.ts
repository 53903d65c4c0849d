import { expect, it } from 'vitest';

import type { ClusterFingerprint, RelationFingerprint } from '../../../src/proof/fingerprint-schema.js';
import { differingRelations } from '../../../src/proof/differences/differing-ranges.js';

const count = 2_000;

/** A cluster whose one database has many tables, which count how often anybody asks for a name. */
function cluster(hash: string): { fingerprint: ClusterFingerprint; asked: () => number } {
  let asked = 0;
  const relations = Array.from({ length: count }, (_, at) => ({
    ...{ schema: `tenant ${at % 10}`, rows: '5', hash, method: 'rows', sizeBytes: 8_192 },
    get name() {
      asked += 1;
      return `table ${at}`;
    },
  }));
  const database = { database: 'shop', relations: relations as unknown as RelationFingerprint[] };
  return { fingerprint: { databases: [database] } as unknown as ClusterFingerprint, asked: () => asked };
}

it('thousands of relations that all differ are found without comparing each with each', () => {
  const [source, restored] = [cluster('1'), cluster('2')];
  const found = differingRelations(source.fingerprint, restored.fingerprint);
  expect(found).toHaveLength(count);
  expect(found.at(-1)).toMatchObject({ database: 'shop', schema: 'tenant 9', name: 'table 1999', rangesRead: 1 });
  expect(source.asked() + restored.asked()).toBeLessThan(10 * count);
  expect(differingRelations(source.fingerprint, source.fingerprint)).toEqual([]);
});
