import type { ClusterSettings } from '../activities/load-settings.js';
import { parseDurationMs } from '../src/schema/primitives.js';

/** How long gates wait: as the input says, else as the cluster's configuration does. */
export function gateTimeoutOf(text: string | undefined, settings: ClusterSettings): number {
  return (text === undefined ? undefined : parseDurationMs(text)) ?? settings.gateTimeoutMs;
}
