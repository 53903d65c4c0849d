import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** Long enough that two states of one run never share it, short enough to be read aloud. */
const length = 12;

/** Names what was shown to a person: the same things, in the same order, give the same digest. Plain JavaScript, so that replay gives it again. */
export function digestOf(shown: readonly unknown[]): string {
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(shown)))).slice(0, length);
}
