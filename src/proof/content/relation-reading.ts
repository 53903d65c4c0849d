import type { RelationFingerprint } from '../fingerprint-schema.js';
import type { Relation } from './list-relations.js';
import { type RangeLayout, rangesToRead } from './ranges.js';
import type { RangeReading, ReadingProblem } from './read-relation.js';

/** Puts together what several connections read of one relation. */
export class RelationReading {
  readonly relation: Relation;
  #size = { blocks: 0, sizeBytes: 0 };
  #layout: RangeLayout | undefined;
  #problem: ReadingProblem | undefined;
  readonly #readings = new Map<number, RangeReading>();

  constructor(relation: Relation) {
    this.relation = relation;
  }

  /** Nothing more needs to be read: one part that could not be had spoils the whole. */
  get spoilt(): boolean {
    return this.#problem !== undefined;
  }

  spoil(problem: ReadingProblem): void {
    this.#problem ??= problem;
  }

  sized(size: { blocks: number; sizeBytes: number }, layout: RangeLayout | undefined): void {
    this.#size = size;
    this.#layout = layout;
  }

  /** @param range its number; 0 for the whole of a relation that is not cut. */
  add(range: number, reading: RangeReading): void {
    this.#readings.set(range, reading);
  }

  fingerprint(): RelationFingerprint {
    const { schema, name, kind, method } = this.relation;
    const known = { schema, name, kind, method };
    if (this.#problem !== undefined) return { ...known, rows: '0', hash: '0', sizeBytes: 0, ...this.#problem };
    const numbers = this.#layout === undefined ? [0] : rangesToRead(this.#layout);
    const readings = numbers.map((number) => {
      const reading = this.#readings.get(number);
      if (reading === undefined) throw new RangeError(`range ${number} of ${schema}.${name} was never read`);
      return reading;
    });
    return {
      ...known,
      rows: String(readings.reduce((sum, { rows }) => sum + rows, 0n)),
      hash: String(readings.reduce((sum, { hash }) => sum + hash, 0n)),
      ...this.#size,
      ...(this.#layout === undefined ? {} : { ranges: { ...this.#layout, readings: readings.map(asText) } }),
    };
  }
}

function asText({ rows, hash }: RangeReading): { rows: string; hash: string } {
  return { rows: String(rows), hash: String(hash) };
}
