import { whyNoBadDisk } from './bad-disk.js';
import type { Cell } from './matrix.js';
import { canMount } from './small-disk.js';

/** Why a cell cannot be played on this machine; undefined where it can. */
export function whyNotHere({ row, fault }: Cell): string | undefined {
  const { smallDisk, badDisk } = fault.props?.(row) ?? {};
  if (smallDisk !== undefined && !canMount) return 'a disk that is full or read-only has to be mounted, as root';
  return badDisk === undefined ? undefined : whyNoBadDisk();
}
