import type { ExitCode } from '../../errors.js';

/**
 * Makes the action of a command of what it does, which is loaded only when it runs: help, completion and what is typed wrong must not wait for
 * the clients of Temporal and PostgreSQL.
 *
 * @param load gives a function that takes the command's arguments, its options and itself, and returns the exit code.
 */
export type Runner = <Args extends unknown[]>(
  load: () => Promise<(...args: Args) => Promise<ExitCode>>,
) => (...args: Args) => Promise<void>;
