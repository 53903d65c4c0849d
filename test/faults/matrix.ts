import type { Fault } from './fault.js';
import { faults } from './faults.js';
import { type Row, type RowName, rows } from './rows.js';

export interface Cell {
  row: Row;
  fault: Fault;
}

/** Every cell that can be played. */
export const cells: readonly Cell[] = rows.flatMap((row: Row) =>
  faults.filter((fault) => fault.without(row) === undefined).map((fault) => ({ row, fault })),
);

export function titleOf({ row, fault }: Cell): string {
  return `${row.name} × ${fault.name}`;
}

/** The cells that are played with all other tests: each step once, each kind of fault once. */
const chosen: readonly (readonly [RowName, string])[] = [
  ['archive check', 'source crash'],
  ['base backup', 'connection cut'],
  ['base backup', 'repository disk full'],
  ['incremental', 'worker SIGTERM'],
  ['LSN capture', 'failover to a new timeline'],
  ['LSN capture', 'cancel'],
  ['plan', 'tool kill -9'],
  ['restore preparation', 'slow worker: late result'],
  ['restore preparation', 'slow worker: late, its work done'],
  ['gate', 'Temporal kill -9 and restart'],
  ['gate', 'workflow time-out'],
  ['replay', 'worker kill -9, work done but not reported'],
  ['replay', 'sandbox disk full'],
  ['replay', 'sandbox hangs (SIGSTOP)'],
  ['open', 'sandbox kill -9'],
  ['validation', 'tool hangs (SIGSTOP)'],
  ['recording', 'repository read-only'],
  ['clean-up', 'worker kill -9'],
  ['backup: base backup', 'two at once'],
  ['backup: base backup', 'terminate'],
  ['backup: into the catalog', 'worker kill -9'],
  ['plan', 'repository I/O error, reading'],
  ['backup: base backup', 'repository I/O error, writing'],
  ['validation', 'sandbox I/O error, reading'],
  ['recover: open', 'sandbox I/O error, writing'],
  ['clean-up', 'sandbox I/O error, removing'],
  ['restore preparation', 'slow sandbox disk'],
  ['recover: open', 'clock of the worker’s host jumps back an hour'],
  ['recover: replay', 'Temporal unreachable'],
  ['recover: hand-over', 'cancel'],
  ['recover: hand-over', 'worker kill -9'],
];

/** @throws RangeError when a cell was chosen that there is not. */
export function chosenCells(): Cell[] {
  return chosen.map(([step, name]) => {
    const cell = cells.find(({ row, fault }) => row.name === step && fault.name === name);
    if (cell === undefined) throw new RangeError(`there is no cell ${step} × ${name}`);
    return cell;
  });
}
