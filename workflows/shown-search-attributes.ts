import { upsertSearchAttributes } from '@temporalio/workflow';

import { type SearchAttribute, searchAttributeNames } from '../src/schema/search-attributes.js';

/** What Temporal knows of a run to search by. Only what changes is told: each telling is an event of the history. */
export class ShownSearchAttributes {
  /** At first unknown: the Web UI's "Start Workflow Like This One" copies the other run's, its verdict among them. */
  private readonly shown = new Map<SearchAttribute, string | undefined>();

  show(values: Partial<Record<SearchAttribute, string | undefined>>): void {
    const changed = Object.entries(values) as [SearchAttribute, string | undefined][];
    const pairs = changed
      .filter(([name, value]) => !this.shown.has(name) || this.shown.get(name) !== value)
      .map(([name, value]) => {
        this.shown.set(name, value);
        return { key: { name: searchAttributeNames[name], type: 'KEYWORD' as const }, value: value ?? null };
      });
    if (pairs.length > 0) upsertSearchAttributes(pairs);
  }
}
