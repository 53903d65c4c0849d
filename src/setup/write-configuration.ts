import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { codeOf, ConfigurationError } from '../errors.js';
import { exists, writeFileDurably } from '../files/durable.js';

/**
 * Writes a configuration file whole or not at all. A new one gets mode 0600; one that is there keeps its mode and owner, and where its
 * name is a symbolic link, what that points to is replaced.
 *
 * @param before what the file said when the new text was made; undefined where there was none.
 * @throws ConfigurationError where it says something else by now.
 */
export async function writeConfiguration(path: string, text: string, before: string | undefined): Promise<void> {
  const now = await readFile(path, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (now !== before) {
    throw new ConfigurationError({
      what: `${path} was changed meanwhile.`,
      means: 'Somebody else’s change would have been lost. Nothing was written.',
      todo: 'Run the command again.',
    });
  }
  if (before === undefined) {
    if (!(await exists(dirname(path)))) {
      throw new ConfigurationError({
        what: `There is no directory ${dirname(path)} for the configuration file.`,
        means: 'Nothing was written.',
        todo: `Make it (mkdir -p ${dirname(path)}), or name another file with --config.`,
      });
    }
    await writeFileDurably(path, text, { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
    return;
  }
  const target = await realpath(path);
  const { mode, uid, gid } = await stat(target);
  await writeFileDurably(target, text, { mode: mode & 0o7777, uid, gid });
}
