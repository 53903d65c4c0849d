import { access, constants } from 'node:fs/promises';

import { execa } from 'execa';

/** What pgdrill installs. Newer ones cannot be built with `go install`: their go.mod has a `replace`. */
export const temporalVersion = '1.5.1';

/** Of the command line, and of the server inside: a build without release flags calls itself `0.0.0-DEV`. */
const oldest = { command: [1, 5], server: [1, 29] } as const;

/**
 * Reads `temporal --version`: `temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)`.
 *
 * @returns undefined where the text is something else.
 */
export function parseTemporalVersion(text: string): { command: string; server: string } | undefined {
  const [, command, server] = /temporal version v?(\S+) \(Server v?([\d.]+)/.exec(text) ?? [];
  return command === undefined || server === undefined ? undefined : { command, server };
}

/** Whether pgdrill can work with it: 1.5 or newer, or a development build with that one's server. */
export function isNewEnough({ command, server }: { command: string; server: string }): boolean {
  return command.startsWith('0.0.0') ? atLeast(server, oldest.server) : atLeast(command, oldest.command);
}

function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ours = 0, oursMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return ours > major || (ours === major && oursMinor >= minor);
}

/**
 * Runs a `temporal` program to see what it is.
 *
 * @returns its version, as it calls itself.
 * @throws Error saying why it cannot be used.
 */
export async function inspectTemporal(path: string): Promise<string> {
  await access(path, constants.X_OK);
  const { stdout } = await execa(path, ['--version'], { stdin: 'ignore', timeout: 30_000 });
  const version = parseTemporalVersion(stdout);
  if (version === undefined) throw new Error(`its version is not understood: ${stdout.trim().slice(0, 200)}`);
  if (!isNewEnough(version)) throw new Error(`it is Temporal ${version.command}, too old: 1.5 or newer is needed`);
  return version.command;
}
