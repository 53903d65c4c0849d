import type { Phase } from '../schema/results.js';

/** Fewer looks than this (a tenth of a second apart) say too little. */
const leastLooks = 10;

const words = { cpu: 'CPU', disk: 'disk', wal: 'WAL arrival', other: 'neither CPU, disk nor WAL' } as const;

/**
 * What bounded a phase, as it was seen: "CPU 82 % of 120 samples".
 *
 * @returns undefined where nobody looked, or too rarely to tell.
 */
export function boundBy({ samples }: Pick<Phase, 'samples'>): string | undefined {
  if (samples === undefined || samples.looks < leastLooks) return undefined;
  const shares = (['cpu', 'disk', 'wal', 'other'] as const)
    .map((name) => ({ name, share: samples[name] }))
    .sort((a, b) => b.share - a.share);
  const [first, second] = shares;
  if (first === undefined || second === undefined) return undefined;
  const told = (each: typeof first): string => `${words[each.name]} ${Math.round(each.share * 100)} %`;
  return first.share > 0.5
    ? `${told(first)} of ${samples.looks} samples`
    : `mixed: ${told(first)}, ${told(second)} of ${samples.looks} samples`;
}
