import type { Connection } from '@temporalio/client';

import { messageOf } from '../errors.js';
import { searchAttributeNames } from '../schema/search-attributes.js';

/** What is needed of a connection: a client's and a worker's both have it. */
type Operated = Pick<Connection, 'operatorService'>;

const names: readonly string[] = Object.values(searchAttributeNames);

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API (temporal/api/enums/v1/common.proto). */
const keyword = 2;

/**
 * Whether a namespace has all of our search attributes. Where this cannot be found out the answer is no: a workflow that sets one that
 * Temporal does not know hangs, while one that sets none lacks only the search.
 */
export async function hasSearchAttributes({ operatorService }: Operated, namespace: string): Promise<boolean> {
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    return names.every((name) => Number(customAttributes[name]) === keyword);
  } catch {
    return false;
  }
}

/**
 * Registers the search attributes that a namespace lacks.
 *
 * @returns undefined when all are there; else why not, and what to do.
 */
export async function registerSearchAttributes(
  { operatorService }: Operated,
  namespace: string,
): Promise<string | undefined> {
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const foreign = names.filter((name) => name in customAttributes && Number(customAttributes[name]) !== keyword);
    if (foreign.length > 0) {
      const remove = `temporal operator search-attribute remove --namespace ${namespace} ${foreign.map((name) => `--name ${name}`).join(' ')}`;
      return `${foreign.join(', ')} exists with another type than Keyword. ${without} To have them right: ${remove}; then restart the worker.`;
    }
    const missing = names.filter((name) => !(name in customAttributes));
    if (missing.length > 0) {
      const searchAttributes = Object.fromEntries(missing.map((name) => [name, keyword]));
      await operatorService.addSearchAttributes({ namespace, searchAttributes });
    }
    return undefined;
  } catch (error) {
    return `Temporal did not let pgdrill register them: ${messageOf(error)}. ${without} Whoever administers Temporal can: ${createCommand(namespace)}`;
  }
}

const without = 'Runs work without them, but cannot be searched by cluster, gate or verdict.';

/** For who may do what pgdrill may not. */
function createCommand(namespace: string): string {
  const pairs = names.map((name) => `--name ${name} --type Keyword`).join(' ');
  return `temporal operator search-attribute create --namespace ${namespace} ${pairs}`;
}
