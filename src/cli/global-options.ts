import type { Command } from 'commander';

export interface GlobalOptions {
  config?: string;
  json?: boolean;
}

/** The options that every command takes, wherever they were written. */
export function globalOptions(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>();
}
