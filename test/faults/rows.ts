/** The steps of the matrix: how each is reached, and where it is held. */
export interface Row {
  /** As the runbook calls it; with the workflow, where that is not `drill`. */
  name: string;
  workflow: 'backup' | 'drill' | 'recover';
  input: Record<string, unknown>;
  /** The activity, by its name in Temporal's history; undefined for the gate, where the workflow waits. */
  activity?: string;
  /** In the middle of its work (barrier-hooks.mjs). */
  middle?: string;
  /** A tool that it runs. */
  tool?: string;
  /** Where it is connected to the source. */
  connected?: string;
  /** Where what it made has just got its final name, and more is to be done. */
  renamed?: string;
  /** What it must not do twice when it dies after its work is done and before it could say so. */
  once?: string;
  /** The sandbox's server runs. */
  serverRuns?: true;
  /** Writes into these. */
  writes?: readonly ('repository' | 'sandboxes')[];
}

export const rows = [
  {
    name: 'archive check',
    workflow: 'drill',
    input: {},
    activity: 'checkArchive',
    middle: 'proveArchiving:before',
    connected: 'proveArchiving:before',
  },
  {
    name: 'base backup',
    workflow: 'drill',
    input: { backup: 'full' },
    activity: 'takeBaseBackup',
    middle: 'verifyBackup:before',
    tool: 'pg_basebackup',
    connected: 'pg_basebackup:slow',
    once: 'pg_basebackup',
    writes: ['repository'],
  },
  {
    name: 'incremental',
    workflow: 'drill',
    input: { backup: 'incremental' },
    activity: 'takeIncrementalBackup',
    middle: 'verifyBackup:before',
    tool: 'pg_basebackup',
    connected: 'pg_basebackup:slow',
    once: 'pg_basebackup',
    writes: ['repository'],
  },
  {
    name: 'LSN capture',
    workflow: 'drill',
    input: {},
    activity: 'captureLsn',
    middle: 'takeFence:after',
    tool: 'pg_dump',
    connected: 'takeFence:after',
    writes: ['repository'],
  },
  {
    name: 'plan',
    workflow: 'drill',
    input: {},
    activity: 'planRestore',
    middle: 'resolveTarget:before',
    tool: 'pg_waldump',
  },
  {
    name: 'restore preparation',
    workflow: 'drill',
    input: {},
    activity: 'prepareRestore',
    middle: 'combineBackups:after',
    renamed: 'treeSizeBytes:before',
    tool: 'pg_combinebackup',
    once: 'pg_combinebackup',
    writes: ['sandboxes'],
  },
  { name: 'gate', workflow: 'drill', input: { gates: ['promote'] }, serverRuns: true },
  {
    name: 'replay',
    workflow: 'drill',
    input: {},
    activity: 'replayWal',
    middle: 'launchInstance:after',
    once: 'launchInstance',
    serverRuns: true,
    writes: ['sandboxes'],
  },
  {
    name: 'open',
    workflow: 'drill',
    input: {},
    activity: 'openSandbox',
    middle: 'waitUntilReady:after',
    serverRuns: true,
    writes: ['sandboxes'],
  },
  {
    name: 'validation',
    workflow: 'drill',
    input: {},
    activity: 'validateRestore',
    middle: 'checkStructure:before',
    tool: 'pg_amcheck',
    serverRuns: true,
    writes: ['sandboxes'],
  },
  {
    name: 'recording',
    workflow: 'drill',
    input: {},
    activity: 'recordObjectives',
    middle: 'intoCatalog:before',
    writes: ['repository'],
  },
  { name: 'clean-up', workflow: 'drill', input: {}, activity: 'cleanUp', middle: 'stopInstance:after' },
  {
    name: 'backup: base backup',
    workflow: 'backup',
    input: { type: 'full' },
    activity: 'takeBaseBackup',
    middle: 'verifyBackup:before',
    tool: 'pg_basebackup',
    connected: 'pg_basebackup:slow',
    once: 'pg_basebackup',
    writes: ['repository'],
  },
  {
    name: 'backup: into the catalog',
    workflow: 'backup',
    input: { type: 'full' },
    activity: 'recordBackup',
    middle: 'intoCatalog:before',
  },
  {
    name: 'recover: restore preparation',
    workflow: 'recover',
    input: { gates: [] },
    activity: 'prepareRestore',
    middle: 'combineBackups:after',
    renamed: 'treeSizeBytes:before',
    tool: 'pg_combinebackup',
    once: 'pg_combinebackup',
  },
  { name: 'recover: gate', workflow: 'recover', input: { gates: ['promote'] }, serverRuns: true },
  {
    name: 'recover: replay',
    workflow: 'recover',
    input: { gates: [] },
    activity: 'replayWal',
    middle: 'launchInstance:after',
    once: 'launchInstance',
    serverRuns: true,
  },
  {
    name: 'recover: open',
    workflow: 'recover',
    input: { gates: [] },
    activity: 'openSandbox',
    middle: 'waitUntilReady:after',
    serverRuns: true,
  },
  {
    name: 'recover: hand-over',
    workflow: 'recover',
    input: { gates: [] },
    activity: 'handOver',
    middle: 'stopInstance:after',
  },
] as const satisfies readonly Row[];

export type RowName = (typeof rows)[number]['name'];
