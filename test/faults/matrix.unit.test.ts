import { describe, expect, it } from 'vitest';

import { faults } from './faults.js';
import { cells, chosenCells, titleOf } from './matrix.js';
import { rows } from './rows.js';

describe('the matrix', () => {
  it('names every cell once', () => {
    const titles = cells.map(titleOf);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('has every step and every fault in it', () => {
    for (const { name } of rows) expect(cells.filter(({ row }) => row.name === name).length).toBeGreaterThan(5);
    for (const fault of faults) expect(cells.map((cell) => cell.fault)).toContain(fault);
  });

  it('is chosen from for every run such that each step of a drill is hurt', () => {
    const hurt = new Set(chosenCells().map(({ row }) => row.name));
    expect(rows.filter(({ name, workflow }) => workflow === 'drill' && !hurt.has(name))).toEqual([]);
  });

  it('is chosen from for every run such that each kind of fault strikes once', () => {
    const struck = new Set(chosenCells().map(({ fault }) => fault.name));
    const alike: Record<string, string> = {
      'worker kill -9': 'worker kill -9, work done but not reported',
      'sandbox kill -9, just seen running': 'sandbox kill -9',
      'source immediate shutdown': 'source crash',
      'source restart': 'source crash',
      'slow repository': 'slow sandbox disk',
      'clock of the worker’s host jumps ahead an hour': 'clock of the worker’s host jumps back an hour',
    };
    const spared = faults
      .filter((fault) => !struck.has(fault.name) && !struck.has(alike[fault.name] ?? ''))
      .map(({ name }) => name);
    expect(spared).toEqual([]);
  });
});
