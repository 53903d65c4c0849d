import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';

/**
 * Gives what root made to the user who owns the checkout (a bind mount in a container, say), who could not replace it
 * otherwise. Does nothing for anyone else.
 *
 * @param {string} root the checkout
 * @param {string} path a file or directory, with everything below
 */
export function giveToOwner(root, path) {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(root);
  if (uid !== 0) execFileSync('chown', ['-hR', `${uid}:${gid}`, path]);
}
