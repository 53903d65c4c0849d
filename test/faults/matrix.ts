import { type Fault, faults } from './faults.js';
import { type Row, rows } from './rows.js';

export interface Cell {
  row: Row;
  fault: Fault;
}

/** Every cell that there is. */
export const cells: readonly Cell[] = rows.flatMap((row: Row) =>
  faults.filter((fault) => fault.without(row) === undefined).map((fault) => ({ row, fault })),
);

export function titleOf({ row, fault }: Cell): string {
  return `${row.name} × ${fault.name}`;
}
