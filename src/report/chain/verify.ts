import type { Link, Named, ReadLink } from './links.js';
import { forward } from './links.js';

export interface ChainProblem {
  /** The evidence's id; `evidence-head.json` for the head. */
  id: string;
  what:
    | 'changed'
    | 'removed'
    | 'rolled back'
    | 'inserted'
    | 'moved'
    | 'unreadable'
    | 'forged'
    | 'unknown signer'
    | 'unsigned';
  message: string;
}

export interface ChainReport {
  /** How many were found in the chain, in their order, oldest first. */
  chain: { id: string; finishedAt: string; sha256: string }[];
  /** Written before the chain began: nothing can be said of them. */
  before: string[];
  problems: ChainProblem[];
  /** To be kept elsewhere: whoever can write the repository could write a whole chain anew. */
  head: Named | undefined;
}

/** Walks the digest chain from its newest to its first and says what does not fit. */
export function verifyChain(read: readonly ReadLink[], recorded: Named | undefined): ChainReport {
  const problems: ChainProblem[] = [];
  const tell = (id: string, what: ChainProblem['what'], message: string): void => {
    if (!problems.some((each) => each.id === id)) problems.push({ id, what, message });
  };
  const links = read.filter((link): link is Link => 'digest' in link);
  for (const link of read)
    if ('unreadable' in link) tell(link.name, 'unreadable', `evidence/${link.name}/evidence.json: ${link.unreadable}.`);
  const sealed = links.filter(({ sha256 }) => sha256 !== undefined) as (Link & Named)[];
  for (const { name, id, digest, sha256 } of sealed) {
    if (digest !== sha256)
      tell(name, 'changed', `Its content has another digest (${digest}) than it names (${sha256}).`);
    else if (name !== id) tell(name, 'moved', `It is the evidence of ${id}, in the place of ${name}.`);
  }
  const chain = walk(sealed, read, recorded, tell);
  const inChain = new Set(chain.map(({ name }) => name));
  for (const { name } of sealed)
    if (!inChain.has(name)) tell(name, 'inserted', 'It has a digest, but nothing in the chain builds on it.');
  const begun = chain[0]?.finishedAt;
  const unsealed = links.filter(({ sha256 }) => sha256 === undefined);
  const before = unsealed.filter(({ finishedAt }) => begun === undefined || finishedAt <= begun);
  for (const { name } of unsealed.filter((link) => !before.includes(link)))
    tell(name, 'inserted', 'It has no digest, though it ended after the chain had begun.');
  return {
    chain: chain.map(({ name, finishedAt, sha256 }) => ({ id: name, finishedAt, sha256 })),
    before: before.map(({ name }) => name),
    problems,
    head: forward(recorded, sealed),
  };
}

/** From the head back by `previous`; over a gap, on to the newest that nothing names. @returns oldest first. */
function walk(
  sealed: readonly (Link & Named)[],
  read: readonly ReadLink[],
  recorded: Named | undefined,
  tell: (id: string, what: ChainProblem['what'], message: string) => void,
): (Link & Named)[] {
  const chain: (Link & Named)[] = [];
  const left = new Map(sealed.map((link) => [link.name, link]));
  let wanted = recorded === undefined ? undefined : forward(recorded, sealed);
  if (recorded === undefined && sealed.length > 0)
    tell(
      'evidence-head.json',
      'removed',
      'It names the newest evidence; without it nobody knows whether newer ones were removed.',
    );
  let follower = 'evidence-head.json';
  let begun = false;
  for (;;) {
    let link = wanted === undefined ? undefined : left.get(wanted.id);
    if (wanted !== undefined && link === undefined) {
      const gone = !read.some(({ name }) => name === wanted?.id);
      tell(
        wanted.id,
        gone ? 'removed' : 'changed',
        gone
          ? `${follower} builds on it, but it is not here.`
          : `${follower} builds on it, but it carries no usable digest any more.`,
      );
    } else if (wanted !== undefined && link !== undefined && link.sha256 !== wanted.sha256) {
      tell(
        link.name,
        'changed',
        `${follower} builds on ${wanted.sha256}, but its digest is ${link.sha256}: it was written anew.`,
      );
    }
    // After a gap the chain is taken up where nothing builds on it. A true beginning ends the walk: what is left then was inserted.
    if (link === undefined && !begun) link = tipOf([...left.values()]);
    if (link === undefined) return chain.reverse();
    left.delete(link.name);
    chain.push(link);
    begun = link.previous === undefined;
    follower = link.name;
    wanted = link.previous;
  }
}

function tipOf(links: readonly (Link & Named)[]): (Link & Named) | undefined {
  const named = new Set(links.map(({ previous }) => previous?.id));
  const tips = links.filter(({ id }) => !named.has(id));
  return (tips.length > 0 ? tips : links).toSorted((a, b) => b.finishedAt.localeCompare(a.finishedAt))[0];
}
