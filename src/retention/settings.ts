/** What retention goes by, with every duration in milliseconds. */
export interface RetentionSettings {
  windowMs: number;
  keepUnscheduledMs: number;
  minFulls: number;
  minimumProven: number;
  graceMs: number;
  maxPauseMs: number;
  /** Of each policy: how long its backups are kept. */
  policyKeepMs: Readonly<Record<string, number>>;
}
