import { NothingToBreakError } from '../errors.js';

export function nothingToBreak(what: string): NothingToBreakError {
  return new NothingToBreakError({
    what,
    means: 'This kind of sabotage is not possible here: whether it would be seen stays unknown.',
    todo: 'Nothing; the other kinds do not need it.',
  });
}
